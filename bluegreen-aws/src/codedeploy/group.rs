//! What a deployment group says of itself.

use aws_sdk_codedeploy::types::{
    ComputePlatform, DeploymentCreator, DeploymentGroupInfo, DeploymentInfo, DeploymentOption,
    DeploymentStatus, DeploymentType, LastDeploymentInfo,
};
use bluegreen_core::{Assignment, Slot};

/// Why a group cannot be a slot: something in it moves traffic.
pub(super) fn unfit(group: &DeploymentGroupInfo) -> Option<&'static str> {
    let style = group.deployment_style();
    if style.and_then(|style| style.deployment_type()) == Some(&DeploymentType::BlueGreen)
        || group.blue_green_deployment_configuration().is_some()
    {
        return Some(
            "the group makes machines of its own and moves the traffic to them (BLUE_GREEN), and the router moves it too: \
             use a group of the type IN_PLACE for each slot",
        );
    }
    if style.and_then(|style| style.deployment_option()) == Some(&DeploymentOption::WithTrafficControl) {
        return Some(
            "the group takes machines out of the balancer and puts them back (WITH_TRAFFIC_CONTROL), and the router counts \
             on them: set its deploymentOption to WITHOUT_TRAFFIC_CONTROL",
        );
    }
    if group.load_balancer_info().is_some() {
        return Some(
            "the group has a load balancer of its own (loadBalancerInfo): take it out, the router divides the traffic",
        );
    }
    match group.compute_platform() {
        None | Some(ComputePlatform::Server) => None,
        Some(_) => Some(
            "on this compute platform CodeDeploy moves the traffic itself: only EC2 and on-premises groups fit",
        ),
    }
}

/// The newest deployment of a group, and the newest that succeeded.
pub(super) fn newest(group: &DeploymentGroupInfo) -> Option<&str> {
    group
        .last_attempted_deployment()
        .and_then(LastDeploymentInfo::deployment_id)
}

pub(super) fn newest_good(group: &DeploymentGroupInfo) -> Option<&str> {
    group
        .last_successful_deployment()
        .and_then(LastDeploymentInfo::deployment_id)
}

/// Whether a deployment is still under way.
pub(super) fn is_active(deployment: &DeploymentInfo) -> bool {
    !matches!(
        deployment.status(),
        Some(DeploymentStatus::Succeeded | DeploymentStatus::Failed | DeploymentStatus::Stopped)
    )
}

/// Whether Auto Scaling asked for it, for machines that are new or go.
pub(super) fn is_of_scaling(deployment: &DeploymentInfo) -> bool {
    matches!(
        deployment.creator(),
        Some(
            DeploymentCreator::Autoscaling
                | DeploymentCreator::AutoscalingTermination
                | DeploymentCreator::CodeDeployAutoUpdate
        )
    )
}

/// What our deployments have in their descriptions, by which they are found again.
const OURS: &str = "bluegreen ";

/// That of an assignment: `bluegreen 17-20261121T083000Z green 1.4.0`.
pub(super) fn mark(assignment: &Assignment) -> String {
    let (slot, version) = (assignment.slot, &assignment.release.version);
    format!("{OURS}{} {slot} {version}", assignment.deployment)
}

/// That of a slot that is stopped.
pub(super) fn mark_of_stop(slot: Slot) -> String {
    format!("{OURS}stops {slot}")
}

pub(super) fn is_ours(deployment: &DeploymentInfo) -> bool {
    deployment.creator() == Some(&DeploymentCreator::User)
        && deployment
            .description()
            .is_some_and(|text| text.starts_with(OURS))
}

pub(super) fn has_mark(deployment: &DeploymentInfo, mark: &str) -> bool {
    is_ours(deployment) && deployment.description() == Some(mark)
}

/// On how many machines a deployment that has ended is not.
pub(super) fn incomplete(deployment: &DeploymentInfo) -> i64 {
    let counted = deployment.deployment_overview();
    counted.map_or(0, |counted| counted.failed().saturating_add(counted.skipped()))
}

/// Which release it is of, for people.
pub(super) fn what(deployment: &DeploymentInfo) -> String {
    let id = deployment.deployment_id().unwrap_or("without an id");
    let ours = deployment.description().filter(|_| is_ours(deployment));
    let of = ours.map_or_else(
        || {
            let location = deployment.revision().and_then(|revision| revision.s3_location());
            let key = location.and_then(|location| location.key());
            format!("{}, not from here", key.unwrap_or("an unknown revision"))
        },
        str::to_owned,
    );
    format!("{id} ({})", crate::account::bounded(&of))
}
