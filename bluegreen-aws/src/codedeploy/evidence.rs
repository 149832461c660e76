//! What machines say of a deployment that went wrong.

use std::fmt::Write as _;

use aws_sdk_codedeploy::Client;
use aws_sdk_codedeploy::types::{DeploymentInfo, DeploymentTarget, LifecycleEventStatus, TargetFilterName};

use crate::account::{Call, bounded};

/// The most machines that are told of.
const MOST: usize = 3;

/// Why a deployment failed: its own error, and the lifecycle events of some machines. What cannot be read is left
/// out.
pub(super) async fn of(call: &Call, client: &Client, deployment: &DeploymentInfo) -> String {
    let mut text = String::new();
    if let Some(error) = deployment.error_information() {
        let code = error.code().map_or("no code", |code| code.as_str());
        let _ = write!(text, ": {code}: {}", bounded(error.message().unwrap_or_default()));
    }
    let Some(id) = deployment.deployment_id() else {
        return text;
    };
    for target in failed(call, client, id).await.unwrap_or_default() {
        if let Some(said) = said(&target) {
            let _ = write!(text, "; {said}");
        }
    }
    text
}

async fn failed(call: &Call, client: &Client, id: &str) -> Option<Vec<DeploymentTarget>> {
    let list = client
        .list_deployment_targets()
        .deployment_id(id)
        .target_filters(TargetFilterName::TargetStatus, vec!["Failed".to_owned()]);
    let found = call.read("ListDeploymentTargets", list.send()).await.ok()?;
    let ids: Vec<_> = found.target_ids().iter().take(MOST).cloned().collect();
    if ids.is_empty() {
        return None;
    }
    let batch = client
        .batch_get_deployment_targets()
        .deployment_id(id)
        .set_target_ids(Some(ids));
    let shown = call.read("BatchGetDeploymentTargets", batch.send()).await.ok()?;
    shown.deployment_targets
}

/// `i-0abc: ApplicationStart failed: scripts/start.sh: ScriptFailed: … exit code 1; it wrote: …`
fn said(target: &DeploymentTarget) -> Option<String> {
    let target = target.instance_target()?;
    let id = target.target_id().unwrap_or("a machine");
    let mut events = target.lifecycle_events().iter();
    let event = events.find(|event| event.status() == Some(&LifecycleEventStatus::Failed))?;
    let mut text = format!(
        "{id}: {} failed",
        event.lifecycle_event_name().unwrap_or("a lifecycle event")
    );
    if let Some(why) = event.diagnostics() {
        for part in [why.script_name(), why.message()].into_iter().flatten() {
            let _ = write!(text, ": {}", bounded(part));
        }
        if let Some(log) = why.log_tail().filter(|log| !log.trim().is_empty()) {
            let lines: Vec<_> = log.lines().rev().take(3).collect();
            let end = lines.into_iter().rev().collect::<Vec<_>>().join(" | ");
            let _ = write!(text, "; it wrote: {}", bounded(&end));
        }
    }
    Some(text)
}
