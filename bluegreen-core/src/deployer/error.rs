//! Why an operation could not be begun or carried on.

use crate::lifecycle::{CannotBegin, Phase};
use crate::{DeploymentId, StoreError, Timestamp};

/// Why an operation could not be begun or carried on. How an operation that was carried on *ended*
/// is in its [`Report`](super::Report), also when it was rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// It may not begin now.
    #[error(transparent)]
    CannotBegin(#[from] CannotBegin),
    /// Another deployer is at work.
    #[error("{service}: {holder} has been at work since {since}{}", at.as_ref().map(|(id, phase)| format!(", on {id} in phase {phase}")).unwrap_or_default())]
    Held {
        /// The service.
        service: String,
        /// Who.
        holder: String,
        /// Since when.
        since: Timestamp,
        /// On what, and where it is.
        at: Option<(DeploymentId, Phase)>,
    },
    /// Another release is being deployed.
    #[error(
        "{id} is open, for release {open}: run the same command with that version to resume it, or abort it"
    )]
    OtherRelease {
        /// The open operation.
        id: DeploymentId,
        /// Its release.
        open: String,
    },
    /// The right to act was lost: somebody else has it, or it could not be renewed in time. Nothing
    /// was done after that. What is open can be resumed.
    #[error("the lease is lost, nothing more was done: {why}. Run the same command again to resume")]
    LeaseLost {
        /// How.
        why: String,
    },
    /// The store failed. What is stored is how things stand; run the same command again to resume.
    #[error(
        "the store failed, nothing more was done: {0}. Mend that and run the same command again to resume"
    )]
    Store(#[from] StoreError),
    /// The record cannot be used.
    #[error("the record of the service cannot be used: {message}")]
    Record {
        /// Why, and what to do.
        message: String,
    },
    /// Nothing is open that this could be asked of.
    #[error("{0}")]
    NothingToDo(String),
    /// What an operator told does not agree with what the routers say.
    #[error("the routers say otherwise: {0}")]
    Contradicted(String),
    /// The deployer was put together without a part that is needed.
    #[error("the deployer has no {0}: give it one when it is built")]
    MissingPart(&'static str),
    /// The plan is for another service.
    #[error("the plan is for {plan}, this deployer is for {deployer}")]
    OtherService {
        /// The plan's.
        plan: String,
        /// The deployer's.
        deployer: String,
    },
}
