//! Clients that stay with a target group whatever the weights say.

use std::time::Duration;

use bluegreen_core::Split;

/// What is done about group stickiness. It beats weights: a client with a cookie stays with its group for as
/// long as the cookie holds, seven days at most, and no weight can move it.
///
/// Whatever is chosen, a shift of everything to one slot switches it off in the same call, so that a rollback
/// reaches everybody; the one exception is [`WaitOut`](Self::WaitOut) on the way forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stickiness {
    /// A deployment does not begin where it is on; the reason says for how long clients stay.
    #[default]
    Refuse,
    /// Each shift switches it off.
    Off,
    /// On while both slots have traffic, each client for so long, so that nobody changes sides with each request of
    /// a canary; whole seconds, 1 s to 7 days. Off when one slot has everything.
    During(Duration),
    /// Left as it is. After a shift of everything to the slot that was staged, `verify` says *not yet* until the
    /// last cookie has expired. A deployment does not begin where cookies hold longer than this.
    WaitOut(Duration),
}

/// The longest that the service allows.
pub(super) const LONGEST: Duration = Duration::from_hours(7 * 24);

impl Stickiness {
    /// What is wrong with it.
    pub(super) fn problem(self) -> Option<String> {
        match self {
            Self::During(time)
                if time.subsec_nanos() != 0 || time < Duration::from_secs(1) || time > LONGEST =>
            {
                Some(format!(
                    "group stickiness of {time:?}: whole seconds from 1 s to 7 days are possible"
                ))
            }
            _ => None,
        }
    }

    /// What a shift makes of it. `is_forward`: everything goes to the slot that was staged.
    pub(super) fn under(self, split: Split, found: Option<Duration>, is_forward: bool) -> Option<Duration> {
        match (self, split.only()) {
            (Self::WaitOut(_), None) => found,
            (Self::WaitOut(_), Some(_)) if is_forward => found,
            (Self::During(time), None) => Some(time),
            _ => None,
        }
    }

    /// Why a deployment does not begin here.
    pub(super) fn objection(self, found: Option<Duration>) -> Option<String> {
        let time = found?;
        match self {
            Self::Refuse => Some(format!(
                "group stickiness is on: clients stay with their group for {time:?}, whatever the weights are. \
                 Say what is to be done about it: switched off, on during a canary, or waited out"
            )),
            Self::WaitOut(most) if time > most => Some(format!(
                "group stickiness holds clients for {time:?}, and {most:?} at most are to be waited out"
            )),
            _ => None,
        }
    }

    /// Whether clients stay with a slot.
    pub(super) const fn keeps_clients(self) -> bool {
        matches!(self, Self::During(_) | Self::WaitOut(_))
    }

    /// How much longer it takes until everybody follows.
    pub(super) const fn longest_wait(self) -> Duration {
        match self {
            Self::WaitOut(most) => most,
            Self::Refuse | Self::Off | Self::During(_) => Duration::ZERO,
        }
    }
}
