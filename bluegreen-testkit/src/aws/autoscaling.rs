//! Auto Scaling: groups of machines with a wanted size.
//!
//! Written from the [API reference](https://docs.aws.amazon.com/autoscaling/ec2/APIReference/Welcome.html).

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::Monotonic;

use super::FakeAws;
use super::cloud::{Cloud, State as Account};
use super::instances::{Instances, Life};
use super::wire::{Answer, Answered, Asked, Form, Refusal, around, element, members};
use crate::lock::held;

/// All groups.
#[derive(Debug, Default)]
pub(super) struct State {
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Clone)]
struct Group {
    min: usize,
    max: usize,
    desired: usize,
    suspended: Vec<String>,
}

impl State {
    /// Launches and ends machines until each group has its size.
    pub(super) fn advance(&self, instances: &mut Instances, now: Monotonic, takes: Duration) {
        for (name, group) in &self.groups {
            let living = instances
                .of_group(name)
                .filter(|(_, instance)| !matches!(instance.life, Life::Terminating { .. }))
                .count();
            let is_suspended = |process: &str| group.suspended.iter().any(|known| known == process);
            let blocked = match living.cmp(&group.desired) {
                std::cmp::Ordering::Less => is_suspended("Launch"),
                std::cmp::Ordering::Greater => is_suspended("Terminate"),
                std::cmp::Ordering::Equal => true,
            };
            if !blocked {
                instances.resize(name, group.desired, now, takes);
            }
        }
    }
}

pub(super) fn answer(cloud: &Cloud, account: &mut Account, asked: &Asked) -> Answered {
    cloud.catch_up(account);
    let form = asked.form();
    let answered = match asked.action.as_str() {
        "DescribeAutoScalingGroups" => describe(cloud, account, &form),
        "UpdateAutoScalingGroup" => update(account, &form),
        "SetDesiredCapacity" => set_desired(account, &form),
        other => Err(Refusal::new(
            "InvalidAction",
            format!("Could not find operation {other}"),
        )),
    };
    cloud.catch_up(account);
    answered
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn no_group(name: &str) -> Refusal {
    invalid(format!(
        "AutoScalingGroup name not found - AutoScalingGroup: {name} not found"
    ))
}

fn describe(cloud: &Cloud, account: &Account, form: &Form) -> Answered {
    let names = form.texts("AutoScalingGroupNames");
    let most = form
        .text("MaxRecords")
        .and_then(|most| most.parse().ok())
        .unwrap_or(50);
    if !(1..=100).contains(&most) {
        return Err(invalid("MaxRecords is between 1 and 100"));
    }
    let from = form.text("NextToken").unwrap_or_default();
    // Names that are not there are left out, without a word.
    let mut wanted = account
        .autoscaling
        .groups
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name))
        .filter(|(name, _)| name.as_str() > from);
    let page: Vec<_> = wanted.by_ref().take(most.min(cloud.config.page_most)).collect();
    let next = match (wanted.next(), page.last()) {
        (Some(_), Some((name, _))) => element("NextToken", name),
        _ => String::new(),
    };
    let shown = page
        .into_iter()
        .map(|(name, group)| show(cloud, account, name, group));
    Ok(Answer::new(members("AutoScalingGroups", shown) + &next))
}

fn show(cloud: &Cloud, account: &Account, name: &str, group: &Group) -> String {
    let instances = account.instances.of_group(name).map(|(id, instance)| {
        let healthy = if instance.online { "Healthy" } else { "Unhealthy" };
        [
            element("InstanceId", id),
            element("AvailabilityZone", &format!("{}a", cloud.config.region)),
            element("LifecycleState", instance.life.as_str()),
            element("HealthStatus", healthy),
            element("ProtectedFromScaleIn", "false"),
        ]
        .concat()
    });
    let suspended = group.suspended.iter().map(|process| {
        element("ProcessName", process)
            + &element("SuspensionReason", "User suspended at 2026-11-21T08:30:00Z")
    });
    [
        element("AutoScalingGroupName", name),
        element(
            "AutoScalingGroupARN",
            &format!(
                "arn:aws:autoscaling:{}:{}:autoScalingGroup:1:autoScalingGroupName/{name}",
                cloud.config.region, cloud.config.account
            ),
        ),
        element("MinSize", &group.min.to_string()),
        element("MaxSize", &group.max.to_string()),
        element("DesiredCapacity", &group.desired.to_string()),
        element("DefaultCooldown", "300"),
        members("AvailabilityZones", [format!("{}a", cloud.config.region)]),
        element("HealthCheckType", "EC2"),
        element("CreatedTime", "2026-11-21T08:30:00.000Z"),
        members("Instances", instances),
        members("SuspendedProcesses", suspended),
        around("Tags", ""),
    ]
    .concat()
}

fn size(form: &Form, name: &str) -> Result<Option<usize>, Refusal> {
    let parsed = form.text(name).map(str::parse).transpose();
    parsed.map_err(|_| invalid(format!("{name} is a number of machines, and not below 0")))
}

fn update(account: &mut Account, form: &Form) -> Answered {
    let name = form.text("AutoScalingGroupName").unwrap_or_default();
    let group = account
        .autoscaling
        .groups
        .get_mut(name)
        .ok_or_else(|| no_group(name))?;
    let mut wanted = group.clone();
    wanted.min = size(form, "MinSize")?.unwrap_or(wanted.min);
    wanted.max = size(form, "MaxSize")?.unwrap_or(wanted.max);
    if wanted.min > wanted.max {
        return Err(invalid("Max bound, must be greater than or equal to min bound"));
    }
    // What is not said follows the bounds; what is said has to keep to them.
    wanted.desired = match size(form, "DesiredCapacity")? {
        Some(desired) if desired < wanted.min || desired > wanted.max => {
            let message = format!(
                "Desired capacity:{desired} must be between the specified min size:{} and max size:{}",
                wanted.min, wanted.max
            );
            return Err(invalid(message));
        }
        Some(desired) => desired,
        None => wanted.desired.clamp(wanted.min, wanted.max),
    };
    *group = wanted;
    Ok(Answer::new(""))
}

fn set_desired(account: &mut Account, form: &Form) -> Answered {
    let name = form.text("AutoScalingGroupName").unwrap_or_default();
    let group = account
        .autoscaling
        .groups
        .get_mut(name)
        .ok_or_else(|| no_group(name))?;
    let desired = size(form, "DesiredCapacity")?.ok_or_else(|| invalid("DesiredCapacity is required"))?;
    if desired < group.min {
        let message = format!(
            "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
            group.min
        );
        return Err(invalid(message));
    }
    if desired > group.max {
        let message = format!(
            "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
            group.max
        );
        return Err(invalid(message));
    }
    group.desired = desired;
    Ok(Answer::new(""))
}

impl FakeAws {
    /// Adds a group of machines, of which so many run at once.
    pub fn add_auto_scaling_group(&self, name: &str, min: usize, max: usize, desired: usize) {
        let mut state = held(&self.cloud.state);
        let group = Group {
            min,
            max,
            desired,
            suspended: Vec::new(),
        };
        state.autoscaling.groups.insert(name.to_owned(), group);
        for _ in 0..desired {
            let _ = state
                .instances
                .launch(BTreeMap::new(), Some(name), Life::InService);
        }
    }

    /// Suspends a process of a group: `Launch`, `Terminate`.
    pub fn suspend(&self, group: &str, process: &str) {
        if let Some(group) = held(&self.cloud.state).autoscaling.groups.get_mut(group) {
            group.suspended.push(process.to_owned());
        }
    }

    /// The bounds and the wanted size of a group, and how many of its machines are in service.
    #[must_use]
    pub fn auto_scaling_group(&self, name: &str) -> Option<GroupSize> {
        let mut state = held(&self.cloud.state);
        self.cloud.catch_up(&mut state);
        let group = state.autoscaling.groups.get(name)?;
        let in_service = state
            .instances
            .of_group(name)
            .filter(|(_, instance)| instance.life == Life::InService)
            .count();
        Some(GroupSize {
            min: group.min,
            max: group.max,
            desired: group.desired,
            in_service,
        })
    }
}

/// The size of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSize {
    /// The least that it may be brought to.
    pub min: usize,
    /// The most.
    pub max: usize,
    /// What is wanted.
    pub desired: usize,
    /// How many are in service.
    pub in_service: usize,
}
