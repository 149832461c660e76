//! What can be made wrong on purpose: a checker that finds nothing then is no checker.

/// One thing that is wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Twist {
    /// Deployers act without the lease.
    NoLease,
    /// Nothing is waited for after an unknown outcome or a takeover.
    NoSettle,
    /// Routers compare only the epoch of a token.
    EpochOnly,
    /// A command is carried out before the state whose command it is has been stored.
    ActBeforeStore,
    /// What was accepted is taken as live.
    SkipConfirm,
    /// The old slot is stopped when the last split was accepted.
    DrainBeforeConfirm,
    /// A bake whose time is over counts as passed.
    TimerOverGate,
    /// A process may be suspended between the check of its lease and the call: the assumption that is stated
    /// for routers that do not compare tokens.
    Oversleeps,
    /// An operator's word is carried out whatever has become of the operation since it was given.
    ResolvesBlindly,
}

impl Twist {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NoLease,
        Self::NoSettle,
        Self::EpochOnly,
        Self::ActBeforeStore,
        Self::SkipConfirm,
        Self::DrainBeforeConfirm,
        Self::TimerOverGate,
        Self::Oversleeps,
        Self::ResolvesBlindly,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLease => "no-lease",
            Self::NoSettle => "no-settle",
            Self::EpochOnly => "epoch-only",
            Self::ActBeforeStore => "act-before-store",
            Self::SkipConfirm => "skip-confirm",
            Self::DrainBeforeConfirm => "drain-before-confirm",
            Self::TimerOverGate => "timer-over-gate",
            Self::Oversleeps => "oversleeps",
            Self::ResolvesBlindly => "resolves-blindly",
        }
    }
}

/// A name of no twist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no twist")]
pub struct InvalidTwist(String);

impl std::str::FromStr for Twist {
    type Err = InvalidTwist;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|twist| twist.as_str() == text);
        found.ok_or_else(|| InvalidTwist(text.to_owned()))
    }
}
