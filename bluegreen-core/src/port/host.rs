//! What runs a release in a slot.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::lifecycle::DeploymentId;
use crate::{Fault, Op, Release, Slot};

/// What is to be in a slot, and for which deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The slot.
    pub slot: Slot,
    /// The release.
    pub release: Release,
    /// The deployment that asks. A host that cannot compare states uses it to find its own work again.
    pub deployment: DeploymentId,
}

/// Runs releases in slots: App Platform, CodeDeploy, docker compose, systemd, a command.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Host: fmt::Debug + Send + Sync {
    /// Begins to run a release in a slot. Idempotent by deployment and slot: called again for the
    /// same deployment it finds its own work instead of beginning anew. It may return before the
    /// release is ready; [`readiness`](Self::readiness) says when it is.
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault>;

    /// How far a slot is. Reads only.
    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault>;

    /// Brings a slot that is kept for a rollback to its standby size. Idempotent.
    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault>;

    /// Stops what runs in a slot. Called only when nothing is routed there. Idempotent.
    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault>;

    /// How long after a call of unknown outcome it may still take effect.
    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}

/// How far a slot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Ready, on the way, or failed.
    pub state: ReadyState,
    /// Running instances, where the host can count them. The capacity check compares them.
    pub instances: Option<u32>,
    /// What was seen, for people.
    pub evidence: String,
}

impl Readiness {
    /// A state with its evidence.
    pub fn new(state: ReadyState, evidence: impl Into<String>) -> Self {
        Self {
            state,
            instances: None,
            evidence: evidence.into(),
        }
    }

    /// With the number of instances that run.
    #[must_use]
    pub const fn instances(mut self, instances: u32) -> Self {
        self.instances = Some(instances);
        self
    }
}

/// Whether a slot can take traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyState {
    /// It can.
    Ready,
    /// Not yet; ask again.
    Starting,
    /// It will not: waiting is useless.
    Failed,
    /// Nothing runs there.
    Stopped,
}
