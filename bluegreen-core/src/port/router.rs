//! What holds the split: a load balancer, a DNS zone, a proxy.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Fault, Op, Share, Slot, Split};

/// Holds the split of the traffic, and changes it.
///
/// A service may have several routers; they are changed together.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Router: fmt::Debug + Send + Sync {
    /// A name that tells this router from the others of the service. Stable: it is in records.
    fn name(&self) -> &str;

    /// What this router can and cannot do. Constant for its lifetime.
    fn capabilities(&self) -> RouterCapabilities;

    /// The split that the provider holds now. Reads only.
    ///
    /// # Errors
    /// [`Rejected`](crate::FaultKind::Rejected) where what is there cannot be expressed as a split (a
    /// foreign configuration), with what was found.
    async fn observe(&self, op: &Op) -> Result<Observation, Fault>;

    /// Makes the router ready to give traffic to `slot`, at weight 0, and checks that a later
    /// [`shift`](Self::shift) can work. Changes nobody's traffic. Idempotent.
    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault>;

    /// Sets the split: absolute, never "add 5 %", so that sending it twice is once.
    /// `Ok` means accepted; only [`verify`](Self::verify) says whether it is live.
    ///
    /// A shift that gives everything to one slot also ends any affinity of clients to the other.
    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault>;

    /// Whether new requests are divided by `split` now: by asking the data plane where that is
    /// possible, by the provider's metrics, or else by a declared propagation bound. The evidence
    /// says which. Reads only.
    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault>;

    /// How many requests are still in flight on `slot` through this router. Reads only.
    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let _ = (op, slot);
        Ok(InFlight::Unknown)
    }
}

/// What a router can and cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouterCapabilities {
    /// Which splits it can hold.
    pub granularity: Granularity,
    /// What one decision is made for.
    pub decides: Decides,
    /// No request is routed by an older split so long after the provider accepted a newer one.
    pub propagation: Duration,
    /// What orders the effects of two calls.
    pub fencing: Fencing,
    /// Whether a client stays on its side.
    pub affinity: bool,
    /// What a shift costs the clients, for people. Empty when it costs nothing.
    pub cost: String,
    /// Why a split between nothing and everything may not be possible here, and what is instead. Shown when
    /// a plan is refused for it. Empty when there is nothing to say.
    #[serde(default)]
    pub instead: String,
}

impl RouterCapabilities {
    /// A router that holds any split, decides per request, at once, fenced by tokens, at no cost.
    #[must_use]
    pub const fn exact() -> Self {
        Self {
            granularity: Granularity::Steps(Share::ALL.basis_points()),
            decides: Decides::PerRequest,
            propagation: Duration::ZERO,
            fencing: Fencing::Token,
            affinity: false,
            cost: String::new(),
            instead: String::new(),
        }
    }

    /// With another granularity.
    #[must_use]
    pub const fn granularity(mut self, granularity: Granularity) -> Self {
        self.granularity = granularity;
        self
    }

    /// With another unit of decision.
    #[must_use]
    pub const fn decides(mut self, decides: Decides) -> Self {
        self.decides = decides;
        self
    }

    /// With a propagation bound.
    #[must_use]
    pub const fn propagation(mut self, bound: Duration) -> Self {
        self.propagation = bound;
        self
    }

    /// With another order of effects.
    #[must_use]
    pub const fn fencing(mut self, fencing: Fencing) -> Self {
        self.fencing = fencing;
        self
    }

    /// With or without affinity.
    #[must_use]
    pub const fn affinity(mut self, affinity: bool) -> Self {
        self.affinity = affinity;
        self
    }

    /// With a cost, in words.
    #[must_use]
    pub fn cost(mut self, cost: impl Into<String>) -> Self {
        self.cost = cost.into();
        self
    }

    /// With words for whoever asks for a split that it cannot hold.
    #[must_use]
    pub fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = instead.into();
        self
    }

    /// How long after a call of unknown outcome it may still take effect. Zero with tokens.
    #[must_use]
    pub const fn settle(&self) -> Duration {
        match self.fencing {
            Fencing::Token => Duration::ZERO,
            Fencing::Settle(time) => time,
        }
    }

    /// Whether the router can hold this split exactly.
    #[must_use]
    pub fn can_hold(&self, split: Split) -> bool {
        match self.granularity {
            Granularity::AllOrNothing => split.only().is_some(),
            Granularity::Steps(steps) => {
                u32::from(split.share(Slot::Green).basis_points()) * u32::from(steps) % 10_000 == 0
            }
        }
    }
}

/// Which splits a router can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// Everything to one slot, nothing between.
    AllOrNothing,
    /// So many equal steps from nothing to everything: 100 for whole percents.
    Steps(u16),
}

/// What one routing decision is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decides {
    /// Each request is decided when its headers are read.
    PerRequest,
    /// Each connection is decided when it is opened.
    PerConnection,
    /// Each resolver keeps an answer for its time to live; clients follow when they ask again.
    PerResolver,
}

/// What orders the effects of two calls of which the first was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fencing {
    /// The router compares tokens: an older call cannot take effect after a newer one.
    Token,
    /// A call may take effect so long after it was given up, and not later.
    Settle(Duration),
}

/// The split that a router holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Observation {
    /// The split.
    pub split: Split,
    /// The newest token that the router has seen, where it compares them.
    pub token: Option<crate::Token>,
    /// How this is known, for people.
    pub evidence: String,
}

impl Observation {
    /// An observed split.
    pub fn new(split: Split, evidence: impl Into<String>) -> Self {
        Self {
            split,
            token: None,
            evidence: evidence.into(),
        }
    }

    /// With the newest token seen.
    #[must_use]
    pub const fn token(mut self, token: crate::Token) -> Self {
        self.token = Some(token);
        self
    }
}

/// Whether a split is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Verification {
    /// New requests are divided by it.
    Live {
        /// How this is known.
        evidence: String,
    },
    /// They are not yet.
    NotYet {
        /// What was seen instead.
        why: String,
    },
    /// It cannot be told now. It blocks the way forward and allows a rollback.
    Unknown {
        /// What stood in the way.
        why: String,
    },
}

/// Requests that a slot has begun and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InFlight {
    /// None.
    None,
    /// At least so many.
    AtLeast(u64),
    /// This router cannot count them.
    Unknown,
}
