//! The contract of [`Host`].
//!
//! A fresh subject has nothing in its slots.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Assignment, Host, Readiness, ReadyState, Release, Slot, Version};
use tokio::task::JoinSet;

use super::around::{Around, Hook, around, hook, until};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::faults::{Call, call, fault_cases, throttling_case};
use super::usual;

mod effects;

pub use effects::*;

/// A host to be examined, and what can be done around it.
pub struct HostSubject {
    host: Arc<dyn Host>,
    around: Around,
    releases: Option<[Release; 2]>,
    ready_within: Duration,
    running: Option<Hook<Slot, Option<Version>>>,
    begun: Option<Hook<(), u32>>,
}

around!(HostSubject, faults);

impl HostSubject {
    /// A fresh host. It is asked to run the releases 1.0.0 and 1.1.0, unless it gets others.
    pub fn new(host: impl Host + 'static) -> Self {
        Self {
            host: Arc::new(host),
            around: Around::new(),
            releases: None,
            ready_within: Duration::from_secs(30),
            running: None,
            begun: None,
        }
    }

    /// Two releases that this host can run, of different versions.
    #[must_use]
    pub fn releases(mut self, releases: [Release; 2]) -> Self {
        self.releases = Some(releases);
        self
    }

    /// How long a slot may take to become ready; thirty seconds if nothing is said.
    #[must_use]
    pub const fn ready_within(mut self, longest: Duration) -> Self {
        self.ready_within = longest;
        self
    }

    /// Tells which version really runs in a slot, past the host: by asking what runs there.
    #[must_use]
    pub fn running(mut self, ask: impl AsyncFn(Slot) -> Option<Version> + 'static) -> Self {
        self.running = Some(hook(ask));
        self
    }

    /// Tells how many deploys have really begun, past the host.
    #[must_use]
    pub fn begun(mut self, count: impl AsyncFn() -> u32 + 'static) -> Self {
        self.begun = Some(hook(async move |()| count().await));
        self
    }

    async fn deploy(&self, assignment: &Assignment) -> CaseResult {
        let op = self.around.op();
        let what = format!("deploy of {} to {}", assignment.release, assignment.slot);
        self.around.done(&what, self.host.deploy(&op, assignment)).await
    }

    async fn readiness(&self, slot: Slot) -> Result<Readiness, Unproven> {
        let op = self.around.op();
        let what = format!("readiness of {slot}");
        let readiness = self.around.done(&what, self.host.readiness(&op, slot)).await?;
        self.around
            .text(&format!("the evidence of {what}"), &readiness.evidence)?;
        Ok(readiness)
    }

    async fn retire(&self, slot: Slot) -> CaseResult {
        let op = self.around.op();
        self.around
            .done(&format!("retire of {slot}"), self.host.retire(&op, slot))
            .await
    }

    async fn standby(&self, slot: Slot) -> CaseResult {
        let op = self.around.op();
        self.around
            .done(&format!("standby of {slot}"), self.host.standby(&op, slot))
            .await
    }

    /// Waits until a slot is ready, and looks past the host whether the release is there.
    async fn ready(&self, assignment: &Assignment) -> CaseResult {
        let slot = assignment.slot;
        let seen = until(
            self.ready_within,
            async || self.readiness(slot).await,
            |seen| seen.state != ReadyState::Starting,
        )
        .await?;
        let is_ready = seen.state == ReadyState::Ready;
        hold!(
            is_ready,
            "{} was deployed to {slot}, and it is {seen:?}",
            assignment.release
        );
        self.runs(slot, Some(&assignment.release.version), "after it was ready")
            .await
    }

    /// What really runs in a slot, where the subject can tell.
    async fn runs(&self, slot: Slot, expected: Option<&Version>, when: &str) -> CaseResult {
        if let Some(ask) = &self.running {
            let running = ask(slot).await;
            hold!(
                running.as_ref() == expected,
                "{when}, {slot} runs {running:?} and not {expected:?}"
            );
        }
        Ok(())
    }

    async fn stopped(&self, slot: Slot, when: &str) -> CaseResult {
        let seen = self.readiness(slot).await?;
        hold!(
            seen.state == ReadyState::Stopped,
            "{when}, {slot} has to be stopped and is {seen:?}"
        );
        hold!(
            seen.instances.unwrap_or(0) == 0,
            "{when}, {slot} is stopped and has instances: {seen:?}"
        );
        self.runs(slot, None, when).await
    }

    fn assignment(&self, slot: Slot, number: u64) -> Result<Assignment, Unproven> {
        let is_first = number % 2 == 1;
        let release = match &self.releases {
            Some([first, second]) => (if is_first { first } else { second }).clone(),
            None => usual::release(if is_first { "1.0.0" } else { "1.1.0" })?,
        };
        Ok(assignment(slot, release, number))
    }

    async fn deployed(&self, slot: Slot, number: u64) -> Result<Assignment, Unproven> {
        let assignment = self.assignment(slot, number)?;
        self.deploy(&assignment).await?;
        self.ready(&assignment).await?;
        Ok(assignment)
    }
}

fn assignment(slot: Slot, release: Release, number: u64) -> Assignment {
    Assignment {
        slot,
        release,
        deployment: usual::deployment(number),
    }
}

/// A slot in which nothing was deployed is stopped; asking changes nothing.
pub async fn an_empty_slot_is_stopped(subject: &HostSubject) -> CaseResult {
    for slot in Slot::BOTH {
        for _ in 0..2 {
            subject.stopped(slot, "before anything was deployed").await?;
        }
    }
    Ok(())
}

/// What is deployed becomes ready, and its version is the one that runs.
pub async fn what_is_deployed_becomes_ready(subject: &HostSubject) -> CaseResult {
    for slot in Slot::BOTH {
        subject.deployed(slot, 1).await?;
        let seen = subject.readiness(slot).await?;
        hold!(
            seen.instances != Some(0),
            "{slot} is ready with no instance: {seen:?}"
        );
    }
    Ok(())
}

/// A deploy that is sent again, for the same deployment and slot, finds its own work: also with a newer
/// token, also when it is ready. Nothing begins anew.
pub async fn a_deploy_sent_twice_is_one(subject: &HostSubject) -> CaseResult {
    let assignment = subject.assignment(Slot::Green, 1)?;
    let op = subject.around.op();
    for what in ["deploy", "the same deploy again"] {
        subject
            .around
            .done(what, subject.host.deploy(&op, &assignment))
            .await?;
    }
    subject.ready(&assignment).await?;
    subject.deploy(&assignment).await?;
    let seen = subject.readiness(Slot::Green).await?;
    let is_ready = seen.state == ReadyState::Ready;
    hold!(
        is_ready,
        "what was ready was deployed again for the same deployment, and is {seen:?}"
    );
    if let Some(count) = &subject.begun {
        let begun = count(()).await;
        hold!(
            begun == 1,
            "one deployment was sent three times, and {begun} deploys have begun"
        );
    }
    Ok(())
}

/// The same deploy several times at once is one.
pub async fn deploys_at_once_are_one(subject: &HostSubject) -> CaseResult {
    let assignment = subject.assignment(Slot::Green, 1)?;
    let mut deploys = JoinSet::new();
    for _ in 0..4 {
        let (host, op, assignment) = (Arc::clone(&subject.host), subject.around.op(), assignment.clone());
        deploys.spawn(async move { host.deploy(&op, &assignment).await });
    }
    while let Some(ended) = deploys.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return broken(format!("a deploy beside the same one failed: {fault}")),
            Err(panic) => return broken(format!("a deploy beside the same one: {panic}")),
        }
    }
    subject.ready(&assignment).await?;
    if let Some(count) = &subject.begun {
        let begun = count(()).await;
        hold!(
            begun == 1,
            "one deployment was sent four times at once, and {begun} deploys have begun"
        );
    }
    Ok(())
}

/// Another deployment to the same slot replaces what is there, the same version included: an artifact
/// may have been built anew.
pub async fn another_deployment_replaces_what_is_there(subject: &HostSubject) -> CaseResult {
    for number in [1, 2, 4] {
        subject.deployed(Slot::Green, number).await?;
    }
    if let Some(count) = &subject.begun {
        let begun = count(()).await;
        hold!(
            begun == 3,
            "three deployments went to one slot, and {begun} deploys have begun"
        );
    }
    Ok(())
}

/// A slot that was retired is stopped, and twice is once. It can be deployed to again.
pub async fn a_retired_slot_is_stopped_and_twice_is_once(subject: &HostSubject) -> CaseResult {
    subject.retire(Slot::Green).await?;
    subject.deployed(Slot::Green, 1).await?;
    for when in ["after retire", "after a second retire"] {
        subject.retire(Slot::Green).await?;
        subject.stopped(Slot::Green, when).await?;
    }
    subject.deployed(Slot::Green, 2).await.map(drop)
}

/// A slot that is kept for a rollback goes on running what it ran, and twice is once.
pub async fn a_standby_slot_goes_on_running_and_twice_is_once(subject: &HostSubject) -> CaseResult {
    let assignment = subject.deployed(Slot::Green, 1).await?;
    for when in ["after standby", "after a second standby"] {
        subject.standby(Slot::Green).await?;
        let seen = subject.readiness(Slot::Green).await?;
        let goes_on = matches!(seen.state, ReadyState::Ready | ReadyState::Starting);
        hold!(
            goes_on,
            "{when}, the slot that is kept for a rollback is {seen:?}"
        );
        subject.ready(&assignment).await?;
    }
    Ok(())
}

/// What is done to one slot does not touch the other.
pub async fn the_other_slot_is_untouched(subject: &HostSubject) -> CaseResult {
    let blue = subject.deployed(Slot::Blue, 1).await?;
    let instances = subject.readiness(Slot::Blue).await?.instances;
    let untouched = async |when: &str| {
        let seen = subject.readiness(Slot::Blue).await?;
        let is_same = seen.state == ReadyState::Ready && seen.instances == instances;
        hold!(
            is_same,
            "{when} of green, blue was ready with {instances:?} instances and is {seen:?}"
        );
        subject.runs(Slot::Blue, Some(&blue.release.version), when).await
    };
    let green = subject.assignment(Slot::Green, 2)?;
    subject.deploy(&green).await?;
    untouched("after a deploy").await?;
    subject.ready(&green).await?;
    subject.standby(Slot::Green).await?;
    untouched("after a standby").await?;
    subject.retire(Slot::Green).await?;
    untouched("after a retire").await
}

/// A settle time is a wait that a rollback bears, and the same with each call.
pub async fn the_settle_time_is_constant_and_has_a_bound(subject: &HostSubject) -> CaseResult {
    let settle = subject.host.settle();
    hold!(
        settle <= Duration::from_hours(1),
        "a settle time of {settle:?} is no bound"
    );
    subject.deployed(Slot::Green, 1).await?;
    let now = subject.host.settle();
    hold!(now == settle, "the settle time was {settle:?} and is {now:?}");
    Ok(())
}

/// A secret that the host was given is not in its Debug output. That it is in no error and in no
/// evidence either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &HostSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.host)
}

fn calls(subject: &HostSubject) -> Vec<Call<'_>> {
    let (host, around) = (&subject.host, &subject.around);
    vec![
        call("deploy", async {
            let assignment = subject.assignment(Slot::Green, 1);
            let assignment = assignment.map_err(|why| usual::uncalled(&why))?;
            host.deploy(&around.op(), &assignment).await
        }),
        call("readiness", async {
            host.readiness(&around.op(), Slot::Green).await
        }),
        call("retire", async { host.retire(&around.op(), Slot::Green).await }),
    ]
}

fault_cases!(HostSubject, calls);
throttling_case!(HostSubject, calls);

cases! {
    $ host_conformance, host, HostSubject:
    an_empty_slot_is_stopped,
    what_is_deployed_becomes_ready,
    a_deploy_sent_twice_is_one,
    deploys_at_once_are_one,
    another_deployment_replaces_what_is_there,
    a_retired_slot_is_stopped_and_twice_is_once,
    a_standby_slot_goes_on_running_and_twice_is_once,
    the_other_slot_is_untouched,
    a_dropped_deploy_can_be_sent_again,
    nothing_of_a_dropped_deploy_lands_after_the_settle_time,
    a_deploy_whose_answer_is_lost_is_unknown_and_can_be_ensured,
    hostile_names_are_run_as_they_are_or_rejected,
    the_settle_time_is_constant_and_has_a_bound,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
