//! One deployment: its way through the statuses, and what its machines say.

use bluegreen_core::{Monotonic, Timestamp};
use serde_json::{Value, json};

use crate::aws::cloud::Cloud;

/// How a deployment goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ending {
    /// It succeeds on all machines.
    #[default]
    Succeeds,
    /// It succeeds, after it was watched by alarms for a while.
    Bakes,
    /// A script of a lifecycle event fails on all machines.
    Fails {
        /// `BeforeInstall`, `ApplicationStart`, `ValidateService`, ….
        event: String,
        /// The end of what the script wrote.
        log: String,
    },
    /// It succeeds, although so many machines failed: its configuration asks for a part of them only.
    SucceedsWithout(usize),
    /// It stays in progress until somebody stops it.
    Hangs,
    /// There is no machine to deploy to.
    NoInstances,
}

/// A deployment and what became of it.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) group: (String, String),
    pub(super) description: String,
    pub(super) creator: String,
    pub(super) revision: Value,
    pub(super) ending: Ending,
    pub(super) machines: Vec<String>,
    pub(super) begun: Monotonic,
    pub(super) at: Timestamp,
    pub(super) stopped: Option<Monotonic>,
    pub(super) auto_rollback: bool,
    pub(super) is_decided: bool,
}

const EVENTS: [&str; 7] = [
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];

impl Deployment {
    /// Each status takes as long as the configuration says.
    pub(super) fn status(&self, cloud: &Cloud, now: Monotonic) -> &'static str {
        let phase = cloud.config.deployment_phase;
        if let Some(stopped) = self.stopped {
            return if now.since(stopped) >= phase {
                "Stopped"
            } else {
                "InProgress"
            };
        }
        let age = now.since(self.begun);
        if age < phase {
            return "Created";
        }
        if age < phase * 2 {
            return "Queued";
        }
        if age < phase * 3 {
            return "InProgress";
        }
        match self.ending {
            Ending::Bakes if age < phase * 4 => "Baking",
            Ending::Succeeds | Ending::SucceedsWithout(_) | Ending::Bakes => "Succeeded",
            Ending::Fails { .. } | Ending::NoInstances => "Failed",
            Ending::Hangs => "InProgress",
        }
    }

    pub(super) fn has_ended(&self, cloud: &Cloud, now: Monotonic) -> bool {
        matches!(self.status(cloud, now), "Succeeded" | "Failed" | "Stopped")
    }

    /// How many machines are where they should be, and how many are not.
    fn counts(&self, status: &str) -> [usize; 4] {
        let all = self.machines.len();
        match (status, &self.ending) {
            ("Created" | "Queued", _) => [all, 0, 0, 0],
            ("InProgress" | "Baking", _) => [0, all, 0, 0],
            ("Succeeded", Ending::SucceedsWithout(failed)) => {
                [0, 0, all.saturating_sub(*failed), (*failed).min(all)]
            }
            ("Succeeded", _) => [0, 0, all, 0],
            _ => [0, 0, 0, all],
        }
    }

    /// As `GetDeployment` shows it.
    pub(super) fn show(&self, cloud: &Cloud, now: Monotonic) -> Value {
        let status = self.status(cloud, now);
        let [pending, at_work, succeeded, failed] = self.counts(status);
        let mut shown = json!({
            "applicationName": self.group.0, "deploymentGroupName": self.group.1,
            "deploymentConfigName": "CodeDeployDefault.AllAtOnce", "deploymentId": self.id, "revision": self.revision,
            "status": status, "createTime": seconds(self.at), "description": self.description, "creator": self.creator,
            "ignoreApplicationStopFailures": false, "computePlatform": "Server",
            "deploymentOverview": {
                "Pending": pending, "InProgress": at_work, "Succeeded": succeeded, "Failed": failed, "Skipped": 0,
                "Ready": 0,
            },
        });
        let error = match (status, &self.ending) {
            ("Failed", Ending::NoInstances) => Some((
                "NO_INSTANCES",
                "The deployment failed because no instances were found in your deployment group. Check your deployment \
                 group settings to make sure the tags for your EC2 instances or Auto Scaling groups correctly identify \
                 the instances you want to deploy to, and then try again."
                    .to_owned(),
            )),
            ("Failed", _) => Some((
                "HEALTH_CONSTRAINTS",
                "The overall deployment failed because too many individual instances failed deployment, too few healthy \
                 instances are available for deployment, or some instances in your deployment group are experiencing \
                 problems."
                    .to_owned(),
            )),
            ("Stopped", _) => Some(("MANUAL_STOP", "Deployment was stopped.".to_owned())),
            _ => None,
        };
        if let (Some((code, message)), Some(shown)) = (error, shown.as_object_mut()) {
            shown.insert(
                "errorInformation".to_owned(),
                json!({"code": code, "message": message}),
            );
        }
        shown
    }

    /// The machines whose part has this status, or all.
    pub(super) fn targets(&self, cloud: &Cloud, now: Monotonic, wanted: &[&str]) -> Vec<&String> {
        let all = self.machines.iter().enumerate();
        all.filter(|(place, _)| wanted.is_empty() || wanted.contains(&self.target_status(cloud, now, *place)))
            .map(|(_, id)| id)
            .collect()
    }

    fn target_status(&self, cloud: &Cloud, now: Monotonic, place: usize) -> &'static str {
        match (self.status(cloud, now), &self.ending) {
            ("Succeeded", Ending::SucceedsWithout(failed)) if place < *failed => "Failed",
            ("Succeeded", _) => "Succeeded",
            ("Failed", _) => "Failed",
            ("Stopped", _) => "Skipped",
            ("Created" | "Queued", _) => "Pending",
            _ => "InProgress",
        }
    }

    /// As `BatchGetDeploymentTargets` shows a machine.
    pub(super) fn show_target(&self, cloud: &Cloud, now: Monotonic, machine: &str) -> Option<Value> {
        let place = self.machines.iter().position(|id| id == machine)?;
        let status = self.target_status(cloud, now, place);
        let (failing, log) = match &self.ending {
            Ending::Fails { event, log } => (event.as_str(), log.as_str()),
            _ => ("ApplicationStart", ""),
        };
        let mut is_over = false;
        let events = EVENTS.map(|name| {
            let (status, diagnostics) = match status {
                "Succeeded" => ("Succeeded", Value::Null),
                "Failed" if name == failing => {
                    is_over = true;
                    let script = format!("scripts/{}.sh", name.to_lowercase());
                    let message = format!("Script at specified location: {script} failed with exit code 1");
                    let why = json!({
                        "errorCode": "ScriptFailed", "scriptName": script, "message": message, "logTail": log,
                    });
                    ("Failed", why)
                }
                "Failed" if !is_over => ("Succeeded", Value::Null),
                "Failed" | "Skipped" => ("Skipped", Value::Null),
                _ => ("Pending", Value::Null),
            };
            let mut event = json!({"lifecycleEventName": name, "status": status});
            if let (false, Some(event)) = (diagnostics.is_null(), event.as_object_mut()) {
                event.insert("diagnostics".to_owned(), diagnostics);
            }
            event
        });
        Some(json!({
            "deploymentTargetType": "InstanceTarget",
            "instanceTarget": {
                "deploymentId": self.id, "targetId": machine, "status": status, "lifecycleEvents": events,
                "instanceLabel": "Blue",
            },
        }))
    }
}

/// A moment as the JSON protocol writes it.
pub(in crate::aws) fn seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium fit")]
    let millis = at.as_millis() as f64;
    millis / 1_000.0
}
