//! The contract of [`Workers`].
//!
//! In a fresh subject the workers of blue claim, those of green do not.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{FaultKind, Slot, Workers};
use tokio::task::JoinSet;

use super::around::{Around, Hook, ProviderFault, around, hook, through, wait};
use super::case::{CaseResult, broken, cases, hold};
use super::dropped::{GRACE, polled, polls};
use super::faults::{Call, call, fault_cases, throttling_case};

/// Workers to be examined, and what can be done around them.
pub struct WorkersSubject {
    workers: Arc<dyn Workers>,
    around: Around,
    claiming: Option<Hook<(), Vec<Slot>>>,
    waiting: Option<Hook<u64>>,
    uncountable: Option<Hook<()>>,
}

around!(WorkersSubject, faults);

impl WorkersSubject {
    /// Fresh workers.
    pub fn new(workers: impl Workers + 'static) -> Self {
        Self {
            workers: Arc::new(workers),
            around: Around::new(),
            claiming: None,
            waiting: None,
            uncountable: None,
        }
    }

    /// Tells past the plugin the slots whose workers claim now.
    #[must_use]
    pub fn claiming(mut self, ask: impl AsyncFn() -> Vec<Slot> + 'static) -> Self {
        self.claiming = Some(hook(async move |()| ask().await));
        self
    }

    /// From now on so many jobs wait.
    #[must_use]
    pub fn waiting(mut self, set: impl AsyncFn(u64) + 'static) -> Self {
        self.waiting = Some(hook(set));
        self
    }

    /// From now on the waiting jobs cannot be counted: the queue says nothing, or nonsense.
    #[must_use]
    pub fn uncountable(mut self, set: impl AsyncFn() + 'static) -> Self {
        self.uncountable = Some(hook(async move |()| set().await));
        self
    }

    async fn start(&self, slot: Slot) -> CaseResult {
        let op = self.around.op();
        self.around
            .done(&format!("start of {slot}"), self.workers.start(&op, slot))
            .await
    }

    async fn quiesce(&self, slot: Slot) -> CaseResult {
        let op = self.around.op();
        self.around
            .done(&format!("quiesce of {slot}"), self.workers.quiesce(&op, slot))
            .await
    }

    /// Exactly these claim, where the subject can tell.
    async fn claim(&self, expected: &[Slot], when: &str) -> CaseResult {
        if let Some(ask) = &self.claiming {
            let mut claiming = ask(()).await;
            claiming.sort_unstable();
            hold!(
                claiming == expected,
                "{when}, {expected:?} have to claim, and {claiming:?} do"
            );
        }
        Ok(())
    }
}

/// Quiesced workers claim no more once `quiesce` has answered; twice is once; started again they claim.
pub async fn quiesce_is_reversible_and_twice_is_once(subject: &WorkersSubject) -> CaseResult {
    subject.claim(&[Slot::Blue], "at first").await?;
    for when in ["after quiesce", "after a second quiesce"] {
        subject.quiesce(Slot::Blue).await?;
        subject.claim(&[], when).await?;
    }
    for when in ["after start", "after a second start"] {
        subject.start(Slot::Blue).await?;
        subject.claim(&[Slot::Blue], when).await?;
    }
    Ok(())
}

/// Workers never claim in both slots unless they were started in both: quiesced first and started then,
/// exactly one side claims, there and back. What is done to one slot does not touch the other.
pub async fn both_never_claim_unless_both_were_started(subject: &WorkersSubject) -> CaseResult {
    for (from, to) in [(Slot::Blue, Slot::Green), (Slot::Green, Slot::Blue)] {
        subject.quiesce(to).await?;
        subject
            .claim(
                &[from],
                &format!("after the quiesce of {to}, which did not claim"),
            )
            .await?;
        subject.quiesce(from).await?;
        subject
            .claim(&[], &format!("after the quiesce of {from}"))
            .await?;
        subject.start(to).await?;
        subject.claim(&[to], &format!("after the start of {to}")).await?;
    }
    subject.start(Slot::Green).await?;
    subject.claim(&Slot::BOTH, "after both were started").await
}

/// Waiting jobs are counted as they are, and counting takes none away.
pub async fn waiting_jobs_are_counted(subject: &WorkersSubject) -> CaseResult {
    for waiting in [0, 1, 12_345, u64::from(u32::MAX) + 1] {
        through(subject.waiting.as_ref(), "waiting", waiting).await?;
        for _ in 0..2 {
            let op = subject.around.op();
            let depth = subject.around.done("depth", subject.workers.depth(&op)).await?;
            hold!(
                depth == Some(waiting),
                "{waiting} jobs wait, and depth says {depth:?}"
            );
        }
    }
    Ok(())
}

/// What cannot be counted is unknown or a fault, never zero.
pub async fn what_cannot_be_counted_is_not_zero(subject: &WorkersSubject) -> CaseResult {
    through(subject.uncountable.as_ref(), "uncountable", ()).await?;
    let op = subject.around.op();
    match subject.around.call("depth", subject.workers.depth(&op)).await? {
        Ok(Some(depth)) => broken(format!("the jobs cannot be counted, and depth says {depth}")),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// A call that is dropped, at each of its polls, can be sent again, and after the settle time nothing of
/// it changes anything any more.
pub async fn a_dropped_call_can_be_sent_again(subject: &WorkersSubject) -> CaseResult {
    let settle = subject.workers.settle();
    for polls in polls(settle) {
        let op = subject.around.op();
        let quiesced = polled(polls, subject.workers.quiesce(&op, Slot::Blue))
            .await
            .is_some();
        wait(settle).await;
        subject.start(Slot::Blue).await?;
        wait(GRACE).await;
        subject
            .claim(
                &[Slot::Blue],
                "after a dropped quiesce, its settle time, and a start",
            )
            .await?;
        let op = subject.around.op();
        let started = polled(polls, subject.workers.start(&op, Slot::Blue))
            .await
            .is_some();
        wait(settle).await;
        subject.quiesce(Slot::Blue).await?;
        wait(GRACE).await;
        subject
            .claim(&[], "after a dropped start, its settle time, and a quiesce")
            .await?;
        if quiesced && started {
            break;
        }
    }
    Ok(())
}

/// A call whose answer is lost is `Unknown`; sent again it is right.
pub async fn a_call_whose_answer_is_lost_is_unknown_and_can_be_ensured(
    subject: &WorkersSubject,
) -> CaseResult {
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let op = subject.around.op();
    let quiesce = subject.workers.quiesce(&op, Slot::Blue);
    let fault = subject
        .around
        .fault("a quiesce whose answer is lost", quiesce)
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "the answer was lost, and quiesce says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    wait(subject.workers.settle()).await;
    subject.quiesce(Slot::Blue).await?;
    subject.claim(&[], "after sending the lost quiesce again").await
}

/// The same call several times at once is one.
pub async fn calls_at_once_are_one(subject: &WorkersSubject) -> CaseResult {
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let (workers, op) = (Arc::clone(&subject.workers), subject.around.op());
        calls.spawn(async move { workers.start(&op, Slot::Green).await });
    }
    while let Some(ended) = calls.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return broken(format!("a start beside the same one failed: {fault}")),
            Err(panic) => return broken(format!("a start beside the same one: {panic}")),
        }
    }
    subject.claim(&Slot::BOTH, "after starts at once").await
}

/// A settle time is a wait that a rollback bears.
pub async fn the_settle_time_has_a_bound(subject: &WorkersSubject) -> CaseResult {
    let settle = subject.workers.settle();
    hold!(
        settle <= Duration::from_hours(1),
        "a settle time of {settle:?} is no bound"
    );
    Ok(())
}

/// A secret that the plugin was given is not in its Debug output. That it is in no error either is
/// looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &WorkersSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.workers)
}

fn calls(subject: &WorkersSubject) -> Vec<Call<'_>> {
    let (workers, around) = (&subject.workers, &subject.around);
    vec![
        call("quiesce", async {
            workers.quiesce(&around.op(), Slot::Green).await
        }),
        call("start", async { workers.start(&around.op(), Slot::Blue).await }),
    ]
}

fault_cases!(WorkersSubject, calls);
throttling_case!(WorkersSubject, calls);

cases! {
    $ workers_conformance, workers, WorkersSubject:
    quiesce_is_reversible_and_twice_is_once,
    both_never_claim_unless_both_were_started,
    waiting_jobs_are_counted,
    what_cannot_be_counted_is_not_zero,
    a_dropped_call_can_be_sent_again,
    a_call_whose_answer_is_lost_is_unknown_and_can_be_ensured,
    calls_at_once_are_one,
    the_settle_time_has_a_bound,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
