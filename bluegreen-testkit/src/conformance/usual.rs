//! What a plugin is asked about when a case is not about that.

use bluegreen_core::{DeploymentId, Fault, Release, ServiceName, Timestamp, Version};

use super::case::{Unproven, not_run};

pub(super) fn service() -> Result<ServiceName, Unproven> {
    ServiceName::new("shop").or_else(|_| not_run("the service of this case is not taken"))
}

pub(super) fn release(version: &str) -> Result<Release, Unproven> {
    let version = Version::new(version).or_else(|_| not_run("the version of this case is not taken"))?;
    Ok(Release::new(version))
}

pub(super) fn deployment(number: u64) -> DeploymentId {
    DeploymentId::new(number, Timestamp::from_millis(1_700_000_000_000))
}

/// A call that could not be made.
pub(super) fn uncalled(why: &Unproven) -> Fault {
    Fault::unknown("conformance", "call", why.to_string())
}
