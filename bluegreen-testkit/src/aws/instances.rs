//! The machines of the account: those of Auto Scaling groups, and single ones.

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::Monotonic;

use super::FakeAws;
use super::cloud::{Cloud, State};
use crate::lock::held;

/// The tag that Auto Scaling puts on its instances.
const GROUP: &str = "aws:autoscaling:groupName";

/// All machines, by their ids.
#[derive(Debug, Default)]
pub(super) struct Instances {
    all: BTreeMap<String, Instance>,
    made: u64,
}

/// One machine.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) life: Life,
    /// Whether its agent answers.
    pub(super) online: bool,
}

/// Where a machine is in its life, as Auto Scaling calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Pending { until: Monotonic },
    InService,
    Terminating { until: Monotonic },
}

impl Life {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => "Pending",
            Self::InService => "InService",
            Self::Terminating { .. } => "Terminating",
        }
    }
}

impl Instance {
    pub(super) fn group(&self) -> Option<&str> {
        self.tags.get(GROUP).map(String::as_str)
    }
}

impl Instances {
    /// Launches one: it is pending for a while where it belongs to a group.
    pub(super) fn launch(
        &mut self,
        mut tags: BTreeMap<String, String>,
        group: Option<&str>,
        life: Life,
    ) -> String {
        self.made += 1;
        // Ids do not tell what is older.
        let id = format!("i-{:017x}", self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4);
        if let Some(group) = group {
            tags.insert(GROUP.to_owned(), group.to_owned());
        }
        let instance = Instance {
            tags,
            life,
            online: true,
        };
        self.all.insert(id.clone(), instance);
        id
    }

    /// Lets happen what is due.
    pub(super) fn advance(&mut self, now: Monotonic) {
        for instance in self.all.values_mut() {
            if matches!(instance.life, Life::Pending { until } if until <= now) {
                instance.life = Life::InService;
            }
        }
        self.all
            .retain(|_, instance| !matches!(instance.life, Life::Terminating { until } if until <= now));
    }

    /// Brings a group to a size.
    pub(super) fn resize(&mut self, group: &str, desired: usize, now: Monotonic, takes: Duration) {
        let until = Monotonic(now.0 + takes);
        let lives = |life: Life| !matches!(life, Life::Terminating { .. });
        let living: Vec<String> = self
            .of_group(group)
            .filter(|(_, instance)| lives(instance.life))
            .map(|(id, _)| id.clone())
            .collect();
        for _ in living.len()..desired {
            self.launch(BTreeMap::new(), Some(group), Life::Pending { until });
        }
        for id in living.iter().skip(desired) {
            if let Some(instance) = self.all.get_mut(id) {
                instance.life = Life::Terminating { until };
            }
        }
    }

    pub(super) fn of_group(&self, group: &str) -> impl Iterator<Item = (&String, &Instance)> {
        self.all
            .iter()
            .filter(move |(_, instance)| instance.group() == Some(group))
    }

    /// Those that carry a tag.
    pub(super) fn tagged(&self, key: &str, value: &str) -> impl Iterator<Item = (&String, &Instance)> {
        self.all
            .iter()
            .filter(move |(_, instance)| instance.tags.get(key).is_some_and(|found| found == value))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Instance> {
        self.all.get(id)
    }
}

impl Cloud {
    /// Lets happen in the account what is due: nothing in it happens by itself.
    pub(super) fn catch_up(&self, state: &mut State) {
        let now = self.clock.monotonic();
        state.instances.advance(now);
        state
            .autoscaling
            .advance(&mut state.instances, now, self.config.instance_takes);
        state.codedeploy.advance(self, &state.instances);
        state.ssm.advance(self, &state.instances);
    }
}

impl FakeAws {
    /// Adds a machine of its own, with tags; it runs, and its agent answers. Returns its id.
    #[must_use]
    pub fn add_instance<const N: usize>(&self, tags: [(&str, &str); N]) -> String {
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut state = held(&self.cloud.state);
        state.instances.launch(tags.into(), None, Life::InService)
    }

    /// Lets the agent of a machine answer, or be lost.
    pub fn set_online(&self, instance: &str, is_online: bool) {
        if let Some(instance) = held(&self.cloud.state).instances.all.get_mut(instance) {
            instance.online = is_online;
        }
    }

    /// Ends a machine at once, as its hardware may.
    pub fn end_instance(&self, instance: &str) {
        held(&self.cloud.state).instances.all.remove(instance);
    }

    /// Lets happen what is due by the clock of the account: deployments go on, commands are run. Each request
    /// does it as well; this is for those who look past the APIs.
    pub fn catch_up(&self) {
        self.cloud.catch_up(&mut held(&self.cloud.state));
    }
}
