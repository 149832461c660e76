//! What a deployment means for its slot.

use aws_sdk_codedeploy::types::{DeploymentCreator, DeploymentInfo, DeploymentOverview, DeploymentStatus};
use bluegreen_core::{Readiness, ReadyState, Slot};

use super::host::CodeDeployHost;
use super::{evidence, group};
use crate::account::Call;

impl CodeDeployHost {
    /// What a deployment means for its slot.
    pub(super) async fn judge(&self, call: &Call, deployment: &DeploymentInfo, slot: Slot) -> Readiness {
        let what = group::what(deployment);
        let counted = deployment.deployment_overview();
        let succeeded = counted.map_or(0, DeploymentOverview::succeeded);
        let state = match deployment.status() {
            Some(DeploymentStatus::Succeeded) => {
                if deployment.creator() == Some(&DeploymentCreator::CodeDeployRollback) {
                    let evidence = format!("CodeDeploy has gone back by itself, with {what}");
                    return Readiness::new(ReadyState::Failed, evidence);
                }
                if group::has_mark(deployment, &group::mark_of_stop(slot)) {
                    return Readiness::new(ReadyState::Stopped, format!("{what} has stopped the service"));
                }
                if group::incomplete(deployment) == 0 {
                    let machines = u32::try_from(succeeded).unwrap_or(u32::MAX);
                    let evidence = format!("deployment {what} has succeeded on {machines} machines");
                    return Readiness::new(ReadyState::Ready, evidence).instances(machines);
                }
                // The configuration of the group is content with a part of them.
                ReadyState::Failed
            }
            // `Ready` waits for somebody to move traffic, which a group that fits never does.
            Some(DeploymentStatus::Failed | DeploymentStatus::Stopped | DeploymentStatus::Ready) => {
                ReadyState::Failed
            }
            _ => ReadyState::Starting,
        };
        let status = deployment
            .status()
            .map_or("without a status", DeploymentStatus::as_str);
        let mut evidence = format!("deployment {what} is {status}");
        if let Some(counted) = counted {
            evidence = format!(
                "{evidence}: {succeeded} machines have it, {} are at work, {} wait, {} have failed",
                counted.in_progress(),
                counted.pending(),
                counted.failed()
            );
        }
        if state == ReadyState::Failed {
            evidence += &evidence::of(call, &self.client, deployment).await;
        }
        Readiness::new(state, evidence)
    }
}
