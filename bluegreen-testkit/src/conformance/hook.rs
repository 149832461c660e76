//! The contract of [`HookAction`].
//!
//! A fresh subject has not run.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::plan::HookPoint;
use bluegreen_core::{FaultKind, HookAction, HookContext, Op, Phase, Release, Slot};

use super::around::{Around, Hook, ProviderFault, around, hook, through, wait};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::dropped::{GRACE, MOST_POLLS, polled};
use super::faults::{Call, call, fault_cases, throttling_case};
use super::hostile::HOSTILE;
use super::usual;

/// A hook to be examined, and what can be done around it.
pub struct HookSubject {
    action: Arc<dyn HookAction>,
    around: Around,
    ran: Option<Hook<(), u32>>,
    settle: Duration,
}

around!(HookSubject, faults);

impl HookSubject {
    /// A fresh hook.
    pub fn new(action: impl HookAction + 'static) -> Self {
        Self {
            action: Arc::new(action),
            around: Around::new(),
            ran: None,
            settle: Duration::ZERO,
        }
    }

    /// Tells past the hook how many times its effect is there.
    #[must_use]
    pub fn ran(mut self, count: impl AsyncFn() -> u32 + 'static) -> Self {
        self.ran = Some(hook(async move |()| count().await));
        self
    }

    /// How long a run that was given up may still be at work. A hook declares none: nothing is waited for
    /// if this says nothing.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Runs it. What it did is told, in a text that can be shown.
    async fn run(&self, op: &Op, context: &HookContext) -> CaseResult {
        let did = self.around.done("run", self.action.run(op, context)).await?;
        self.around.text("what run tells", &did)
    }

    /// Its effect is there so many times.
    async fn is_there(&self, expected: u32, when: &str) -> CaseResult {
        let ran = through(self.ran.as_ref(), "ran", ()).await?;
        hold!(
            ran == expected,
            "{when}, the effect has to be there {expected} times and is there {ran} times"
        );
        Ok(())
    }

    /// The same act once more, as by a deployer that took over: a newer token, and the same id.
    fn again(&self, op: &Op) -> Op {
        let mut again = self.around.op();
        again.id.clone_from(&op.id);
        again
    }
}

/// What a hook is told in a deployment of this number.
fn context(
    number: u64,
    at: HookPoint,
    target: Slot,
    release: Option<Release>,
) -> Result<HookContext, Unproven> {
    let (service, id) = (usual::service()?, usual::deployment(number));
    Ok(HookContext::new(service, id, at, target, release))
}

/// What a hook is mostly told.
fn confirmed(number: u64) -> Result<HookContext, Unproven> {
    context(
        number,
        HookPoint::after(Phase::Confirm),
        Slot::Green,
        Some(usual::release("1.1.0")?),
    )
}

/// Called again with the same id, as after a crash, it leaves the world as it was.
pub async fn twice_is_once(subject: &HookSubject) -> CaseResult {
    let (first, context) = (subject.around.op(), confirmed(1)?);
    subject.is_there(0, "at first").await?;
    subject.run(&first, &context).await?;
    subject.is_there(1, "after it ran").await?;
    subject.run(&subject.again(&first), &context).await?;
    subject.is_there(1, "after it ran again with the same id").await
}

/// What was done for one deployment is not done for the next.
pub async fn the_next_deployment_has_its_own_run(subject: &HookSubject) -> CaseResult {
    for number in 1..=3 {
        subject
            .run(&subject.around.op(), &confirmed(u64::from(number))?)
            .await?;
        subject
            .is_there(number, &format!("after {number} deployments"))
            .await?;
    }
    Ok(())
}

/// At every point of a plan, for both slots, with a release and without one, it ends well or with a fault
/// that can be shown.
pub async fn every_point_is_taken(subject: &HookSubject) -> CaseResult {
    let points = Phase::ALL
        .iter()
        .flat_map(|phase| [HookPoint::before(*phase), HookPoint::after(*phase)]);
    for (number, at) in (1..).zip(points.filter(|at| at.is_allowed())) {
        for (target, release) in [(Slot::Green, Some(usual::release("1.1.0")?)), (Slot::Blue, None)] {
            let (op, context) = (subject.around.op(), context(number, at, target, release)?);
            if let Ok(did) = subject
                .around
                .call("run", subject.action.run(&op, &context))
                .await?
            {
                subject.around.text(&format!("what run {at} tells"), &did)?;
            }
        }
    }
    Ok(())
}

/// What it did is told, in a text that people can read and a record can hold.
pub async fn what_it_did_is_told(subject: &HookSubject) -> CaseResult {
    subject.run(&subject.around.op(), &confirmed(1)?).await
}

/// Whatever people wrote into a release is taken or `Rejected`; the next run goes well.
pub async fn hostile_texts_are_taken_or_rejected(subject: &HookSubject) -> CaseResult {
    for (number, text) in (1..).zip(HOSTILE) {
        let release = usual::release("1.1.0")?.artifact(*text).label("note", *text);
        let at = HookPoint::after(Phase::Confirm);
        let (op, context) = (
            subject.around.op(),
            context(number, at, Slot::Green, Some(release))?,
        );
        match subject
            .around
            .call("run with a hostile text", subject.action.run(&op, &context))
            .await?
        {
            Ok(did) => subject.around.text("what run tells of a hostile text", &did)?,
            Err(fault) if fault.kind == FaultKind::Rejected => {}
            Err(fault) => return broken(format!("a hostile text is no reason to try again: {fault}")),
        }
    }
    subject.run(&subject.around.op(), &confirmed(1_000)?).await
}

/// A run that is dropped, at each of its polls, can be sent again, and its effect is there once.
pub async fn a_dropped_run_can_be_sent_again(subject: &HookSubject) -> CaseResult {
    let (first, context) = (subject.around.op(), confirmed(1)?);
    for polls in 1..=MOST_POLLS {
        let op = subject.again(&first);
        if polled(polls, subject.action.run(&op, &context)).await.is_some() {
            break;
        }
    }
    wait(subject.settle).await;
    subject.run(&subject.again(&first), &context).await?;
    subject
        .is_there(1, "after runs that were dropped, and one that was not")
        .await?;
    wait(GRACE).await;
    subject
        .is_there(1, "some time after runs that were dropped")
        .await
}

/// A run whose answer is lost is `Unknown`; sent again, its effect is there once.
pub async fn a_run_whose_answer_is_lost_is_unknown_and_can_be_ensured(subject: &HookSubject) -> CaseResult {
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let (first, context) = (subject.around.op(), confirmed(1)?);
    let run = subject.action.run(&first, &context);
    let fault = subject.around.fault("a run whose answer is lost", run).await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "the answer was lost, and run says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    wait(subject.settle).await;
    subject.run(&subject.again(&first), &context).await?;
    subject.is_there(1, "after sending the lost run again").await
}

/// A secret that the hook was given is not in its Debug output. That it is in no error and in nothing that
/// it tells either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &HookSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.action)
}

fn calls(subject: &HookSubject) -> Vec<Call<'_>> {
    let run = async {
        match confirmed(1) {
            Ok(context) => subject.action.run(&subject.around.op(), &context).await,
            Err(unproven) => Err(usual::uncalled(&unproven)),
        }
    };
    vec![call("run", run)]
}

fault_cases!(HookSubject, calls);
throttling_case!(HookSubject, calls);

cases! {
    $ hook_conformance, hook, HookSubject:
    twice_is_once,
    the_next_deployment_has_its_own_run,
    every_point_is_taken,
    what_it_did_is_told,
    hostile_texts_are_taken_or_rejected,
    a_dropped_run_can_be_sent_again,
    a_run_whose_answer_is_lost_is_unknown_and_can_be_ensured,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
