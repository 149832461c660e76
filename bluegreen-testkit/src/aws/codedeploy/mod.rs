//! CodeDeploy: deployment groups, and deployments that take their time.
//!
//! Written from the [API reference](https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html).
//! Where it says nothing of an order, the oldest comes first, which is what nobody looks for.

mod api;
mod deployment;

use std::collections::{BTreeMap, VecDeque};

use bluegreen_core::Monotonic;
use serde_json::Value;

use self::deployment::Deployment;
use super::FakeAws;
use super::cloud::Cloud;
use super::instances::{Instances, Life};
use crate::lock::held;

pub(super) use api::answer;
pub use deployment::Ending;
pub(super) use deployment::seconds;

/// All groups, and all deployments in the order of their beginning.
#[derive(Debug, Default)]
pub(super) struct State {
    groups: BTreeMap<(String, String), Group>,
    deployments: Vec<Deployment>,
    scripted: VecDeque<Ending>,
}

#[derive(Debug)]
struct Group {
    settings: DeploymentGroup,
}

/// A deployment group, as it is set up before any deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct DeploymentGroup {
    auto_scaling: Option<String>,
    tag: Option<(String, String)>,
    traffic_control: bool,
    blue_green: bool,
    load_balancer: Option<String>,
    auto_rollback: bool,
    platform: Option<String>,
}

impl DeploymentGroup {
    /// Of the machines of an Auto Scaling group.
    pub fn auto_scaling(group: &str) -> Self {
        Self {
            auto_scaling: Some(group.to_owned()),
            ..Self::default()
        }
    }

    /// Of the machines that carry a tag.
    pub fn tagged(key: &str, value: &str) -> Self {
        Self {
            tag: Some((key.to_owned(), value.to_owned())),
            ..Self::default()
        }
    }

    /// One that takes machines out of the balancer and puts them back (`WITH_TRAFFIC_CONTROL`).
    pub const fn traffic_control(mut self) -> Self {
        self.traffic_control = true;
        self
    }

    /// One that makes machines of its own and moves the traffic to them (`BLUE_GREEN`).
    pub const fn blue_green(mut self) -> Self {
        self.blue_green = true;
        self
    }

    /// One that knows a target group.
    pub fn load_balancer(mut self, target_group: &str) -> Self {
        self.load_balancer = Some(target_group.to_owned());
        self
    }

    /// One that deploys the last good revision again when a deployment has failed or was stopped.
    pub const fn auto_rollback(mut self) -> Self {
        self.auto_rollback = true;
        self
    }

    /// One of another platform: `ECS`, `Lambda`.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = Some(platform.to_owned());
        self
    }

    /// The machines that a deployment would go to now.
    fn machines(&self, instances: &Instances) -> Vec<String> {
        let (key, value) = match (&self.auto_scaling, &self.tag) {
            (Some(group), _) => ("aws:autoscaling:groupName", group.as_str()),
            (None, Some((key, value))) => (key.as_str(), value.as_str()),
            (None, None) => return Vec::new(),
        };
        instances
            .tagged(key, value)
            .filter(|(_, instance)| instance.life == Life::InService)
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// A deployment as it stands, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenDeployment {
    /// Its id: `d-A1B2C3D4E`.
    pub id: String,
    /// `Created`, `Queued`, `InProgress`, `Baking`, `Succeeded`, `Failed`, `Stopped`.
    pub status: String,
    /// `user`, `autoscaling`, `codeDeployRollback`.
    pub creator: String,
    /// What whoever asked for it wrote.
    pub description: String,
    /// The key of the bundle.
    pub key: String,
}

impl State {
    /// Decides what ends now; what failed is rolled back where the group says so.
    pub(super) fn advance(&mut self, cloud: &Cloud, instances: &Instances) {
        let now = cloud.clock.monotonic();
        let mut back = Vec::new();
        for deployment in &mut self.deployments {
            if !deployment.is_decided && deployment.has_ended(cloud, now) {
                deployment.is_decided = true;
                if deployment.auto_rollback && deployment.status(cloud, now) != "Succeeded" {
                    back.push(deployment.group.clone());
                }
            }
        }
        for group in back {
            if let Some(good) = self.last(&group, |status| status == "Succeeded", cloud, now) {
                let revision = good.revision.clone();
                self.begin(
                    cloud,
                    instances,
                    &group,
                    revision,
                    "",
                    "codeDeployRollback",
                    false,
                );
            }
        }
    }

    /// The newest deployment of a group with such a status.
    fn last(
        &self,
        group: &(String, String),
        wanted: impl Fn(&str) -> bool,
        cloud: &Cloud,
        now: Monotonic,
    ) -> Option<&Deployment> {
        let mut all = self.deployments.iter().rev();
        all.find(|deployment| deployment.group == *group && wanted(deployment.status(cloud, now)))
    }

    #[expect(clippy::too_many_arguments, reason = "what a deployment consists of, once")]
    fn begin(
        &mut self,
        cloud: &Cloud,
        instances: &Instances,
        group: &(String, String),
        revision: Value,
        description: &str,
        creator: &str,
        auto_rollback: bool,
    ) -> String {
        let number = self.deployments.len() as u64 + 1;
        let id = format!("d-{:09X}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28);
        let machines = self
            .groups
            .get(group)
            .map(|group| group.settings.machines(instances));
        let machines = machines.unwrap_or_default();
        let ending = match creator {
            "user" => self.scripted.pop_front().unwrap_or_default(),
            _ => Ending::default(),
        };
        self.deployments.push(Deployment {
            id: id.clone(),
            group: group.clone(),
            description: description.to_owned(),
            creator: creator.to_owned(),
            revision,
            // Nothing to deploy to is a failure, not a success.
            ending: if machines.is_empty() {
                Ending::NoInstances
            } else {
                ending
            },
            machines,
            begun: cloud.clock.monotonic(),
            at: cloud.clock.now(),
            stopped: None,
            auto_rollback,
            is_decided: false,
        });
        id
    }
}

impl FakeAws {
    /// Adds a deployment group; its application is made.
    pub fn add_deployment_group(&self, application: &str, name: &str, settings: DeploymentGroup) {
        let mut state = held(&self.cloud.state);
        let key = (application.to_owned(), name.to_owned());
        state.codedeploy.groups.insert(key, Group { settings });
    }

    /// Says how the next deployments that are asked for go, in their order; the others go well.
    pub fn script_deployments(&self, endings: impl IntoIterator<Item = Ending>) {
        held(&self.cloud.state).codedeploy.scripted.extend(endings);
    }

    /// Somebody else deploys a bundle: `user` in the console, `autoscaling` to a new machine. Returns its id.
    pub fn deploy_by_hand(&self, application: &str, group: &str, key: &str, creator: &str) -> String {
        let mut state = held(&self.cloud.state);
        self.cloud.catch_up(&mut state);
        let state = &mut *state;
        let group = (application.to_owned(), group.to_owned());
        let revision = serde_json::json!({
            "revisionType": "S3", "s3Location": {"bucket": "somewhere", "key": key, "bundleType": "zip"},
        });
        let (cloud, instances) = (&self.cloud, &state.instances);
        state
            .codedeploy
            .begin(cloud, instances, &group, revision, "by hand", creator, false)
    }

    /// All deployments of a group, the oldest first.
    #[must_use]
    pub fn deployments(&self, application: &str, group: &str) -> Vec<SeenDeployment> {
        let mut state = held(&self.cloud.state);
        self.cloud.catch_up(&mut state);
        let now = self.cloud.clock.monotonic();
        let of_group = state.codedeploy.deployments.iter();
        let of_group =
            of_group.filter(|deployment| deployment.group.0 == application && deployment.group.1 == group);
        of_group
            .map(|deployment| SeenDeployment {
                id: deployment.id.clone(),
                status: deployment.status(&self.cloud, now).to_owned(),
                creator: deployment.creator.clone(),
                description: deployment.description.clone(),
                key: deployment
                    .revision
                    .pointer("/s3Location/key")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
            })
            .collect()
    }
}
