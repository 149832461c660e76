//! What is known of the data plane: by asking it, by its counts, or by the time that has gone by.

use bluegreen_core::{Op, Share, Slot, Split, Verification};

use super::probe::Answers;
use super::router::{Accepted, AlbRouter};
use crate::account::Call;

/// The requests that a share has to be worth before their absence says anything.
const ENOUGH: u64 = 20;

/// What was learnt.
enum Learnt {
    Right(String),
    NotYet(String),
    Unknown(String),
    /// There is nothing to learn from.
    Nothing(&'static str),
}

impl AlbRouter {
    /// Whether new requests are divided by a split that all places hold.
    pub(super) async fn data_plane(
        &self,
        call: &Call,
        op: &Op,
        split: Split,
        accepted: &Accepted,
        places: usize,
    ) -> Verification {
        let clock = self.parts.account.time();
        let bound = self.parts.propagation;
        let left = bound.saturating_sub(clock.monotonic().since(accepted.at));
        let learnt = if let Some(probe) = &self.parts.probe {
            match probe.ask(&**clock, call.left(), split).await {
                Answers::Right(what) => Learnt::Right(what),
                Answers::Wrong(why) => Learnt::NotYet(why),
                Answers::None(why) => Learnt::Unknown(why),
            }
        } else if left.is_zero() || split.only().is_none() {
            self.counted(op, split, accepted).await
        } else {
            Learnt::Nothing("")
        };
        let held = format!("all {places} listeners and rules hold {split}");
        match learnt {
            Learnt::Unknown(why) => Verification::Unknown { why },
            Learnt::NotYet(why) => Verification::NotYet { why },
            // A node that lags can hide from any number of requests.
            Learnt::Right(_) | Learnt::Nothing(_) if !left.is_zero() && split.only().is_some() => {
                let why = format!("{held}; nodes may follow for another {} s", left.as_secs() + 1);
                Verification::NotYet { why }
            }
            Learnt::Right(what) => Verification::Live {
                evidence: format!("{held}; {what}"),
            },
            Learnt::Nothing(_) if !left.is_zero() => {
                let why = format!("{held}; nodes may follow for another {} s", left.as_secs() + 1);
                Verification::NotYet { why }
            }
            Learnt::Nothing(why) => Verification::Live {
                evidence: format!(
                    "{held}; {bound:?} are over, the declared bound of the propagation; the data plane was not \
                     asked: {why}"
                ),
            },
        }
    }

    /// What the counts of both groups say about the time since a split was accepted. For a switch of everything
    /// it is counted from when the nodes should have followed.
    async fn counted(&self, op: &Op, split: Split, accepted: &Accepted) -> Learnt {
        let Some(counts) = &self.parts.counts else {
            return Learnt::Nothing("there is neither a probe nor a count of requests");
        };
        let from = accepted.wall.plus(self.parts.propagation);
        let mut requests = crate::PerSlot::new(0_u64, 0_u64);
        for slot in Slot::BOTH {
            for pair in &self.parts.pairs {
                let group = pair.of(slot);
                let counted = match counts.since(op, group, from).await {
                    Ok(Some(counted)) => counted.requests,
                    Ok(None) => {
                        return Learnt::NotYet("no requests were counted yet since the change".to_owned());
                    }
                    Err(fault) => return Learnt::Unknown(fault.to_string()),
                };
                match slot {
                    Slot::Blue => requests.blue += counted,
                    Slot::Green => requests.green += counted,
                }
            }
        }
        let all = requests.blue + requests.green;
        if all == 0 {
            return Learnt::Nothing("no request came to either group");
        }
        let seen = format!(
            "{} requests to blue and {} to green were counted",
            requests.blue, requests.green
        );
        for slot in Slot::BOTH {
            let (share, got) = (split.share(slot), *requests.get(slot));
            if share == Share::NONE && got > 0 {
                return Learnt::NotYet(format!("{seen}, and {slot} should get none"));
            }
            let expected = all * u64::from(share.basis_points()) / u64::from(Share::ALL.basis_points());
            if got == 0 && expected >= ENOUGH {
                return Learnt::NotYet(format!("{seen}, and {slot} should get {share}"));
            }
        }
        Learnt::Right(seen)
    }
}
