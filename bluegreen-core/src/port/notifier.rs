//! Who is told.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::lifecycle::DeploymentId;
use crate::{Fault, Op, Release, ServiceName, Slot};

/// What people are told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// An operation has passed its preflight and begins.
    Started,
    /// It waits for an approval.
    ApprovalNeeded,
    /// The new release has all traffic.
    Succeeded,
    /// It failed before it had any traffic.
    Failed,
    /// Something went wrong, and all traffic is being given back.
    RollingBack,
    /// All traffic is back.
    RolledBack,
    /// Nothing more can be done without an operator.
    NeedsOperator,
}

/// One message for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The service.
    pub service: ServiceName,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The release.
    pub release: Release,
    /// The slot that it goes to.
    pub target: Slot,
    /// One or two sentences: what is, what was done, what to do.
    pub message: String,
}

impl Notice {
    /// A message.
    #[must_use]
    pub const fn new(
        kind: NoticeKind,
        service: ServiceName,
        deployment: DeploymentId,
        release: Release,
        target: Slot,
        message: String,
    ) -> Self {
        Self {
            kind,
            service,
            deployment,
            release,
            target,
            message,
        }
    }
}

/// Tells people: Slack, a webhook, a pager.
///
/// At least once: after a crash a notice may be sent again, with the same [`Op::id`](crate::Op). A
/// notifier that fails never holds a deployment up.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Sends one message.
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault>;
}
