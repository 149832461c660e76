//! How long things may take, and how the right to act is held.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::humane;

/// How long each phase may take. What is not done then has failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// Reading the routers.
    #[serde(with = "humane")]
    pub reconcile: Duration,
    /// All preflight checks together.
    #[serde(with = "humane")]
    pub preflight: Duration,
    /// Making the routers ready.
    #[serde(with = "humane")]
    pub stage: Duration,
    /// Migrations, each phase of them.
    #[serde(with = "humane")]
    pub migrate: Duration,
    /// From the host's deploy until the candidate is ready.
    #[serde(with = "humane")]
    pub prepare: Duration,
    /// All warm-up commands together.
    #[serde(with = "humane")]
    pub warm_up: Duration,
    /// Health gates and smoke tests of the candidate.
    #[serde(with = "humane")]
    pub verify: Duration,
    /// Setting one split on every router.
    #[serde(with = "humane")]
    pub shift: Duration,
    /// From the accepted split until it is live everywhere.
    #[serde(with = "humane")]
    pub confirm: Duration,
    /// How much longer than its planned time a bake or the soak may take, when gates are inconclusive.
    #[serde(with = "humane")]
    pub hold: Duration,
    /// Each part of moving the workers.
    #[serde(with = "humane")]
    pub workers: Duration,
    /// Asking both slots how they are before a rollback.
    #[serde(with = "humane")]
    pub assess: Duration,
    /// Each part of the way back.
    #[serde(with = "humane")]
    pub rollback: Duration,
    /// Waiting for requests in flight before a slot is stopped.
    #[serde(with = "humane")]
    pub drain: Duration,
    /// Stopping a slot.
    #[serde(with = "humane")]
    pub retire: Duration,
    /// Hooks at one point together, and notifications.
    #[serde(with = "humane")]
    pub hooks: Duration,
}

impl Deadlines {
    /// Each deadline with its name in plans.
    pub(super) const fn named(&self) -> [(&'static str, Duration); 16] {
        [
            ("reconcile", self.reconcile),
            ("preflight", self.preflight),
            ("stage", self.stage),
            ("migrate", self.migrate),
            ("prepare", self.prepare),
            ("warm_up", self.warm_up),
            ("verify", self.verify),
            ("shift", self.shift),
            ("confirm", self.confirm),
            ("hold", self.hold),
            ("workers", self.workers),
            ("assess", self.assess),
            ("rollback", self.rollback),
            ("drain", self.drain),
            ("retire", self.retire),
            ("hooks", self.hooks),
        ]
    }
}

/// How the right to act is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeasePlan {
    /// A holder that has not renewed for so long may be replaced.
    #[serde(with = "humane")]
    pub ttl: Duration,
    /// How often the record is looked at for what operators ask, while something is waited for.
    #[serde(with = "humane")]
    pub poll: Duration,
    /// The longest that one call to a provider may take.
    #[serde(with = "humane")]
    pub call: Duration,
}
