//! Who may say yes.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::lifecycle::DeploymentId;
use crate::{Fault, Op, Release, ServiceName, Share, Timestamp};

/// What is to be approved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The service.
    pub service: ServiceName,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The release.
    pub release: Release,
    /// The share of the traffic that the candidate gets if the answer is yes.
    pub share: Share,
    /// When the plan's default action is taken.
    pub expires: Timestamp,
}

impl ApprovalRequest {
    /// A question. The deployer asks them; tests do too.
    #[must_use]
    pub const fn new(
        service: ServiceName,
        deployment: DeploymentId,
        release: Release,
        share: Share,
        expires: Timestamp,
    ) -> Self {
        Self {
            service,
            deployment,
            release,
            share,
            expires,
        }
    }
}

/// What has been answered so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Nothing yet: ask again.
    Pending,
    /// Yes.
    Approved {
        /// Who said so.
        by: String,
    },
    /// No: the deployment is aborted.
    Denied {
        /// Who said so.
        by: String,
        /// Why.
        reason: String,
    },
}

/// Another way to approvals than [`Deployer::approve`](crate::Deployer::approve): a chat, a ticket.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Approver: fmt::Debug + Send + Sync {
    /// Makes sure that the question has been put, and returns what has been answered so far. Does
    /// not wait for an answer. Idempotent by deployment and share.
    async fn ask(&self, op: &Op, request: &ApprovalRequest) -> Result<Answer, Fault>;
}
