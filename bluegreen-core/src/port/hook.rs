//! Code at a named point of a deployment.

use std::fmt;

use async_trait::async_trait;

use crate::lifecycle::DeploymentId;
use crate::plan::HookPoint;
use crate::{Fault, Op, Release, ServiceName, Slot};

/// What a hook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookContext {
    /// The service.
    pub service: ServiceName,
    /// The deployment.
    pub deployment: DeploymentId,
    /// Before or after which phase.
    pub at: HookPoint,
    /// The slot that the operation is about.
    pub target: Slot,
    /// The release that it is about.
    pub release: Option<Release>,
}

impl HookContext {
    /// A context. The deployer makes them; tests do too.
    #[must_use]
    pub const fn new(
        service: ServiceName,
        deployment: DeploymentId,
        at: HookPoint,
        target: Slot,
        release: Option<Release>,
    ) -> Self {
        Self {
            service,
            deployment,
            at,
            target,
            release,
        }
    }
}

/// Code that is run where the plan has a hook of its name without a command: feature flags, release
/// notes, a cache purge.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait HookAction: fmt::Debug + Send + Sync {
    /// Does it. May be called again after a crash, with the same [`Op::id`](crate::Op): idempotent.
    /// Returns what it did, for people.
    async fn run(&self, op: &Op, context: &HookContext) -> Result<String, Fault>;
}
