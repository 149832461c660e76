//! The phases of an operation, in the order in which they are listed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! phases {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Where an operation is. What follows what is in one table, in `transition.rs`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Phase { $($(#[$doc])* $name,)* }

        impl Phase {
            /// All phases, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, as it stands in plans, records and events.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

phases! {
    /// The routers are read: which slot is live, and does the record agree?
    Reconcile = "reconcile",
    /// Named checks. Any failure stops, and nothing has been touched.
    Preflight = "preflight",
    /// The slot's requests in flight are waited for.
    Drain = "drain",
    /// What runs in the slot is stopped.
    Retire = "retire",
    /// The routers take the candidate in at weight 0.
    Stage = "stage",
    /// Expand migrations run.
    Migrate = "migrate",
    /// The host is told to run the release in the idle slot.
    Prepare = "prepare",
    /// The host's slot is waited for until it is ready.
    AwaitReady = "await_ready",
    /// Caches are filled.
    WarmUp = "warm_up",
    /// Health gates and smoke tests of the candidate.
    Verify = "verify",
    /// Somebody has to say yes.
    Approval = "approval",
    /// All routers are staged and checked, and the candidate is above its floor.
    Ready = "ready",
    /// The split is set on every router.
    Shift = "shift",
    /// The split is confirmed to be live on every router.
    Confirm = "confirm",
    /// The step is watched.
    Bake = "bake",
    /// The old slot's workers stop claiming.
    Quiesce = "quiesce",
    /// The new slot's workers start claiming.
    StartWorkers = "start_workers",
    /// The queues are waited for.
    QueueDepth = "queue_depth",
    /// The watched time after cutover.
    Soak = "soak",
    /// Backfill migrations run.
    Backfill = "backfill",
    /// Hooks and notifications at the end.
    Finish = "finish",
    /// Both slots are asked how they are.
    Assess = "assess",
    /// All traffic is given back.
    Return = "return",
    /// That it is back is confirmed on every router.
    ConfirmReturn = "confirm_return",
    /// The public address is asked.
    VerifyReturn = "verify_return",
    /// The workers go back.
    ReturnWorkers = "return_workers",
    /// Hooks and notifications at the end of the way back, or after a failure before any traffic.
    Recover = "recover",
    /// Contract migrations run.
    Contract = "contract",
    /// Nothing more can be done without an operator.
    Halted = "halted",
    /// The operation is over.
    Ended = "ended",
}

impl Phase {
    /// On the way forward: a failure here leads back.
    #[must_use]
    pub const fn is_forward(self) -> bool {
        !self.is_way_back() && !matches!(self, Self::Halted | Self::Ended)
    }

    /// Comes once for each step.
    #[must_use]
    pub const fn belongs_to_a_step(self) -> bool {
        matches!(
            self,
            Self::Approval | Self::Ready | Self::Shift | Self::Confirm | Self::Bake
        )
    }

    /// On the way back: traffic returns to the slot that was live.
    #[must_use]
    pub const fn is_way_back(self) -> bool {
        matches!(
            self,
            Self::Assess
                | Self::Return
                | Self::ConfirmReturn
                | Self::VerifyReturn
                | Self::ReturnWorkers
                | Self::Recover
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no phase")]
pub struct InvalidPhase(pub String);

impl FromStr for Phase {
    type Err = InvalidPhase;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|phase| phase.as_str() == text)
            .ok_or_else(|| InvalidPhase(text.to_owned()))
    }
}
