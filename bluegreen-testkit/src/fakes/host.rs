//! A host whose slots are entries of a map.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Assignment, DeploymentId, Fault, Host, Monotonic, Op, Readiness, ReadyState, Release, Slot,
};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Host`].
    HostCall {
        /// [`Host::deploy`].
        Deploy = "deploy",
        /// [`Host::readiness`].
        Readiness = "readiness",
        /// [`Host::standby`].
        Standby = "standby",
        /// [`Host::retire`].
        Retire = "retire",
    }
}

/// A host in memory. What is deployed is ready at once, with one instance, unless told otherwise.
#[derive(Debug, Clone)]
pub struct FakeHost {
    fake: Scripted<HostCall, State>,
    settle: Duration,
}

#[derive(Debug)]
struct State {
    slots: BTreeMap<Slot, Running>,
    ready_after: Duration,
    ready_after_polls: u32,
    failure: Option<String>,
    instances: BTreeMap<Slot, u32>,
    begun: u32,
}

#[derive(Debug)]
struct Running {
    release: Release,
    /// `None` for what ran before the test began.
    deployment: Option<DeploymentId>,
    since: Monotonic,
    polls: u32,
    failure: Option<String>,
    is_standby: bool,
}

scripted!(FakeHost, HostCall);

impl FakeHost {
    /// A host with nothing in its slots.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        let state = State {
            slots: BTreeMap::new(),
            ready_after: Duration::ZERO,
            ready_after_polls: 0,
            failure: None,
            instances: BTreeMap::new(),
            begun: 0,
        };
        Self {
            fake: Scripted::new("host", name, log, state),
            settle: Duration::ZERO,
        }
    }

    /// With a release that has been running in a slot, ready, since before the test.
    #[must_use]
    pub fn with_release(self, slot: Slot, release: Release) -> Self {
        self.fake.with(|state, now| {
            let running = Running {
                release,
                deployment: None,
                since: now,
                polls: 0,
                failure: None,
                is_standby: false,
            };
            state.slots.insert(slot, running)
        });
        self
    }

    /// With a settle time: how long a call of unknown outcome may still take effect.
    #[must_use]
    pub fn with_settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// From now on a slot is ready so long after its deploy.
    pub fn set_ready_after(&self, span: Duration) {
        self.fake.with(|state, _| state.ready_after = span);
    }

    /// From now on a slot is ready after it was asked so many times in vain.
    pub fn set_ready_after_polls(&self, polls: u32) {
        self.fake.with(|state, _| state.ready_after_polls = polls);
    }

    /// From now on what is deployed fails to become ready, with this evidence; `None`: no more.
    pub fn set_failing(&self, evidence: Option<&str>) {
        self.fake
            .with(|state, _| state.failure = evidence.map(str::to_owned));
    }

    /// From now on a slot has so many instances; by default it has one.
    pub fn set_instances(&self, slot: Slot, instances: u32) {
        self.fake.with(|state, _| {
            state.instances.insert(slot, instances);
        });
    }

    /// What runs in a slot dies: it has failed from now on, until something is deployed there again.
    pub fn kill(&self, slot: Slot) {
        self.fake.with(|state, _| {
            if let Some(running) = state.slots.get_mut(&slot) {
                running.failure = Some("it died".to_owned());
            }
        });
    }

    /// The release in a slot.
    #[must_use]
    pub fn release(&self, slot: Slot) -> Option<Release> {
        self.fake
            .with(|state, _| state.slots.get(&slot).map(|running| running.release.clone()))
    }

    /// Whether a slot was brought to its standby size.
    #[must_use]
    pub fn is_standby(&self, slot: Slot) -> bool {
        self.fake
            .with(|state, _| state.slots.get(&slot).is_some_and(|running| running.is_standby))
    }

    /// How many deploys have really begun. A repeated call for the same deployment is not counted.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.fake.with(|state, _| state.begun)
    }
}

impl State {
    fn deploy(&mut self, assignment: Assignment, now: Monotonic) {
        let deployment = Some(assignment.deployment);
        if self
            .slots
            .get(&assignment.slot)
            .is_some_and(|running| running.deployment == deployment)
        {
            return;
        }
        self.begun += 1;
        let running = Running {
            release: assignment.release,
            deployment,
            since: now,
            polls: 0,
            failure: self.failure.clone(),
            is_standby: false,
        };
        self.slots.insert(assignment.slot, running);
    }

    fn readiness(&mut self, slot: Slot, now: Monotonic) -> Readiness {
        let Some(running) = self.slots.get_mut(&slot) else {
            return Readiness::new(ReadyState::Stopped, "nothing runs here");
        };
        if let Some(failure) = &running.failure {
            return Readiness::new(ReadyState::Failed, failure.clone()).instances(0);
        }
        let is_new = running.deployment.is_some();
        let (asked, up) = (running.polls, now.since(running.since));
        running.polls = asked.saturating_add(1);
        if is_new && (asked < self.ready_after_polls || up < self.ready_after) {
            return Readiness::new(
                ReadyState::Starting,
                format!("up for {up:?}, asked {asked} times"),
            );
        }
        let evidence = format!("{} is up", running.release);
        Readiness::new(ReadyState::Ready, evidence).instances(self.instances.get(&slot).copied().unwrap_or(1))
    }
}

#[async_trait]
impl Host for FakeHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let arguments = format!("{} to {}", assignment.release, assignment.slot);
        let assignment = assignment.clone();
        self.fake
            .call(HostCall::Deploy, op, arguments, move |state, now| {
                state.deploy(assignment, now);
                Ok(())
            })
            .await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        self.fake
            .call(HostCall::Readiness, op, slot.to_string(), move |state, now| {
                Ok(state.readiness(slot, now))
            })
            .await
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.fake
            .call(HostCall::Standby, op, slot.to_string(), move |state, _| {
                if let Some(running) = state.slots.get_mut(&slot) {
                    running.is_standby = true;
                }
                Ok(())
            })
            .await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.fake
            .call(HostCall::Retire, op, slot.to_string(), move |state, _| {
                state.slots.remove(&slot);
                Ok(())
            })
            .await
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
