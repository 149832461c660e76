//! The one table: what follows what. Every rule about order and safety is here, and none in the
//! deployer.
//!
//! An event is answered in three steps: [`verdict`] reads the table and says [`Move`], an abort that
//! was asked for turns every way forward into the way back, and [`go`] carries the move out.

use super::judge::{assessed, checked, confirmed, reconcile, watched};
use super::moves::{begin_anew, enter, finish, go, leave_what_settles, pass_through, waited};
use super::{End, Event, Hold, Lifecycle, Moment, Operation, Pause, Phase, Run, Signed};
use crate::plan::{ApprovalDefault, ExpandWhen, humane};
use crate::{Role, Slot, Timestamp};

/// On the way back a call may fail so many times more often than on the way forward before an
/// operator is asked.
const PATIENCE_ON_THE_WAY_BACK: u32 = 4;

/// The longest reason that is kept: the record stays small whatever a provider says.
pub(super) const REASON_BYTES: usize = 2000;

/// What an event leads to.
pub(super) enum Move {
    /// The phase goes on.
    Stay,
    /// The phase's work is done.
    Next,
    /// The phase has failed: to the way back, or to the end if no traffic has moved.
    Back(String),
    /// Nothing more can be done without an operator.
    Halt(String),
}

impl Lifecycle {
    /// The state after an event. Total: an event that means nothing in a state changes nothing.
    #[must_use]
    pub fn apply(mut self, at: Timestamp, event: &Event) -> Self {
        let Some(mut run) = self.run.take() else {
            return self;
        };
        if run.end.is_some() {
            // Over; only the outbox goes on.
            settle_outbox(&mut run, event);
        } else if !asked(&mut run, &mut self, at, event) {
            let mut next = verdict(&mut run, &mut self, at, event);
            if let (Some(by), true, Move::Stay | Move::Next) = (&run.abort, run.phase.is_forward(), &next) {
                next = Move::Back(format!("aborted by {}: {}", by.by, by.reason));
            }
            go(&mut run, &mut self, at, next);
        }
        self.run = Some(run);
        self
    }
}

/// What people ask for. Most of it is only noted: an act may be under way, and its outcome comes
/// first. `false` where the event is not of this kind.
fn asked(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, event: &Event) -> bool {
    match event {
        Event::AbortRequested { by } => {
            if run.phase.is_forward() {
                run.abort.get_or_insert_with(|| by.clone());
            }
        }
        Event::ReturnRequested { by } => {
            if run.phase == Phase::Halted {
                run.reason = Some(format!("{} asked for the way back: {}", by.by, by.reason));
                leave_what_settles(run);
                enter(run, lifecycle, at, Phase::Return);
            }
        }
        Event::Resolved { by, live } => {
            // While a request may still act, nobody can say how it ended.
            if run.phase == Phase::Halted && run.pause.is_none_or(|pause| pause.settle_ms == 0) {
                resolve(run, lifecycle, at, by, *live);
            }
        }
        _ => return false,
    }
    true
}

fn resolve(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, by: &Signed, live: Slot) {
    run.reason = Some(format!(
        "{} resolved it, {live} has the traffic: {}",
        by.by, by.reason
    ));
    finish(run, lifecycle, at, End::Resolved);
    if live == run.target {
        lifecycle.slots.assign(run.target, Role::Live, at);
        lifecycle
            .slots
            .retain(run.origin, at, at.plus(run.plan.retention.keep));
    } else {
        lifecycle.slots.only_after_both(run.origin, at);
    }
}

fn settle_outbox(run: &mut Run, event: &Event) {
    if let Event::Notified { notice, .. } = event {
        run.notices.retain(|kept| kept != notice);
    }
}

/// The table.
fn verdict(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, event: &Event) -> Move {
    match event {
        // Requests are handled in `asked`; the rest of these only make an entry in the journal.
        Event::Started { .. }
        | Event::Claimed { takeover: false, .. }
        | Event::Interrupted
        | Event::AbortRequested { .. }
        | Event::ReturnRequested { .. }
        | Event::Resolved { .. } => Move::Stay,

        Event::Claimed {
            takeover: true,
            settle_ms,
            ..
        } => {
            begin_anew(run, at);
            tried(run, *settle_ms, *settle_ms, || {
                "the deployer ended in the middle of it".to_owned()
            })
        }
        Event::Unknown { reason, settle_ms } => tried(run, *settle_ms, *settle_ms, || {
            format!("outcome unknown: {reason}")
        }),
        Event::Deferred {
            reason,
            retry_after_ms,
        } => tried(run, 0, retry_after_ms.unwrap_or(0), || reason.clone()),
        Event::Waited => {
            waited(run, lifecycle, at);
            Move::Stay
        }
        Event::Notified { notice, .. } => {
            run.notices.retain(|kept| kept != notice);
            Move::Stay
        }
        Event::HooksRun { failures, fatal, .. } => match run.moment {
            Moment::Act => Move::Stay,
            _ if *fatal && run.phase.is_forward() => {
                Move::Back(format!("hook failed: {}", failures.join("; ")))
            }
            Moment::Before => {
                run.moment = Moment::Act;
                run.since = at;
                pass_through(run, lifecycle, at);
                Move::Stay
            }
            Moment::After => Move::Next,
        },
        Event::Failed { reason } => failed(run, reason.clone()),
        Event::Expired => expired(run),

        // A guard that fails is heard at any moment, and so is a yes.
        Event::Watched { watched_ms, results } => watched(run, *watched_ms, results),
        Event::Approved { by, step } => approved(run, by, *step),
        // Any other answer that comes while the phase is not at work is of no use.
        _ if run.moment != Moment::Act || run.pause.is_some() => Move::Stay,
        Event::Reconciled { routers } => match run.phase {
            Phase::Reconcile => reconcile(run, &mut lifecycle.slots, at, routers),
            _ => Move::Stay,
        },
        Event::Checked { results } => match run.phase {
            Phase::Preflight | Phase::Ready => checked(run, lifecycle, at, results),
            _ => Move::Stay,
        },
        Event::Verified { routers, settle_ms } => match run.phase {
            Phase::Confirm | Phase::ConfirmReturn => confirmed(run, routers, *settle_ms),
            _ => Move::Stay,
        },
        Event::Assessed {
            origin,
            target,
            evidence,
        } => match run.phase {
            Phase::Assess => assessed(run, *origin, *target, evidence),
            _ => Move::Stay,
        },
        Event::Done { .. } if is_work(run.phase) => Move::Next,
        Event::Done { .. } => Move::Stay,
    }
}

fn approved(run: &mut Run, by: &str, step: usize) -> Move {
    if run.moment != Moment::Act || step != run.step + 1 {
        return Move::Stay;
    }
    if run.phase == Phase::Approval {
        run.approvals.push((step, by.to_owned()));
        return Move::Next;
    }
    if run.can_be_waved_on() {
        run.approvals.push((step, by.to_owned()));
        run.hold = Some(Hold::Approved(by.to_owned()));
    }
    Move::Stay
}

/// Phases that are over when their work is done. The others pass by evidence of their own, never by
/// being called done.
const fn is_work(phase: Phase) -> bool {
    match phase {
        Phase::Drain
        | Phase::Retire
        | Phase::Stage
        | Phase::Migrate
        | Phase::Prepare
        | Phase::AwaitReady
        | Phase::WarmUp
        | Phase::Shift
        | Phase::Quiesce
        | Phase::StartWorkers
        | Phase::QueueDepth
        | Phase::Backfill
        | Phase::Return
        | Phase::ReturnWorkers
        | Phase::Contract => true,
        Phase::Reconcile
        | Phase::Preflight
        | Phase::Verify
        | Phase::Approval
        | Phase::Ready
        | Phase::Confirm
        | Phase::Bake
        | Phase::Soak
        | Phase::Assess
        | Phase::ConfirmReturn
        | Phase::VerifyReturn
        | Phase::Finish
        | Phase::Recover
        | Phase::Halted
        | Phase::Ended => false,
    }
}

/// A try without a result: wait, and try again, as often as the plan allows. What settles is waited
/// for also when the phase is given up: whatever comes next finds nothing that can still act.
fn tried(run: &mut Run, settle_ms: u64, wait_ms: u64, reason: impl FnOnce() -> String) -> Move {
    run.attempt = run.attempt.saturating_add(1);
    let courtesy = run.plan.retry.wait(run.attempt, run.id.number());
    let courtesy_ms = u64::try_from(courtesy.as_millis()).unwrap_or(u64::MAX);
    let pending_ms = run.pause.map_or(0, |pause| pause.settle_ms);
    let settle_ms = settle_ms.max(pending_ms);
    let ms = settle_ms.max(wait_ms).max(courtesy_ms);
    run.pause = (ms > 0).then_some(Pause { ms, settle_ms });
    let patience = if run.phase.is_forward() {
        1
    } else {
        PATIENCE_ON_THE_WAY_BACK
    };
    if run.attempt >= run.plan.retry.attempts.saturating_mul(patience) {
        failed(run, format!("given up after {} tries: {}", run.attempt, reason()))
    } else {
        Move::Stay
    }
}

fn failed(run: &mut Run, reason: String) -> Move {
    match run.phase {
        // That they cannot be asked does not keep anybody from going back.
        Phase::Assess | Phase::Recover => Move::Next,
        Phase::VerifyReturn => {
            run.unverified = Some(reason);
            Move::Next
        }
        Phase::Return | Phase::ConfirmReturn => Move::Halt(format!(
            "the traffic could not be given back to {}: {reason}",
            run.origin
        )),
        Phase::ReturnWorkers => Move::Halt(format!(
            "all traffic is back at {}, but its workers are not: {reason}",
            run.origin
        )),
        Phase::Halted | Phase::Ended => Move::Stay,
        phase => Move::Back(format!("{phase}: {reason}")),
    }
}

fn expired(run: &mut Run) -> Move {
    let limit = run.time_limit().map(humane::format).unwrap_or_default();
    let waited_for = run
        .waiting_for
        .clone()
        .map(|what| format!(": {what}"))
        .unwrap_or_default();
    if run.phase == Phase::Approval {
        let default = run
            .plan
            .steps
            .get(run.step)
            .and_then(|step| step.approval.as_ref())
            .map(|a| a.default);
        return match default {
            Some(ApprovalDefault::Proceed) => Move::Next,
            _ => Move::Back(format!("approval: nobody answered within {limit}")),
        };
    }
    failed(run, format!("not done within {limit}{waited_for}"))
}

/// The order of the phases.
pub(super) fn following(run: &mut Run, lifecycle: &Lifecycle) -> Phase {
    match (run.operation, run.phase) {
        (Operation::Adopt, Phase::Reconcile) | (Operation::Retire, Phase::Retire) => Phase::Finish,
        (_, Phase::Reconcile) => Phase::Preflight,
        (Operation::Retire, Phase::Preflight) => Phase::Drain,
        (Operation::Contract, Phase::Preflight) => Phase::Contract,
        (_, Phase::Preflight) if lifecycle.slots.get(run.target).may_have_requests() => Phase::Drain,
        (_, Phase::Preflight | Phase::Retire) => Phase::Stage,
        (_, Phase::Drain) => Phase::Retire,
        (_, Phase::Stage) if run.expands(ExpandWhen::BeforePrepare) => Phase::Migrate,
        (_, Phase::Migrate) if run.expands(ExpandWhen::BeforePrepare) => Phase::Prepare,
        (_, Phase::Stage) => Phase::Prepare,
        (_, Phase::Prepare) => Phase::AwaitReady,
        (_, Phase::AwaitReady) if run.expands(ExpandWhen::AfterPrepare) => Phase::Migrate,
        (_, Phase::AwaitReady | Phase::Migrate) if run.plan.warm_up.is_empty() => Phase::Verify,
        (_, Phase::AwaitReady | Phase::Migrate) => Phase::WarmUp,
        (_, Phase::WarmUp) => Phase::Verify,
        (_, Phase::Verify) => before_step(run, 0),
        (_, Phase::Approval) => Phase::Ready,
        (_, Phase::Ready) => Phase::Shift,
        (_, Phase::Shift) => Phase::Confirm,
        (_, Phase::Confirm) => Phase::Bake,
        (_, Phase::Bake) if run.step + 1 < run.plan.steps.len() => before_step(run, run.step + 1),
        (_, Phase::Bake) => run.worker_phases().first().copied().unwrap_or(Phase::Soak),
        (_, phase @ (Phase::Quiesce | Phase::StartWorkers | Phase::QueueDepth)) => {
            let order = run.worker_phases();
            order
                .iter()
                .skip_while(|other| **other != phase)
                .nth(1)
                .copied()
                .unwrap_or(Phase::Soak)
        }
        (_, Phase::Soak) if run.backfills() => Phase::Backfill,
        (_, Phase::Soak | Phase::Backfill | Phase::Contract) => Phase::Finish,
        (_, Phase::Assess) => Phase::Return,
        (_, Phase::Return) => Phase::ConfirmReturn,
        (_, Phase::ConfirmReturn) => Phase::VerifyReturn,
        (_, Phase::VerifyReturn) if run.workers_moved => Phase::ReturnWorkers,
        (_, Phase::VerifyReturn | Phase::ReturnWorkers) => Phase::Recover,
        (_, Phase::Finish | Phase::Recover | Phase::Ended) => Phase::Ended,
        (_, Phase::Halted) => Phase::Halted,
    }
}

fn before_step(run: &mut Run, step: usize) -> Phase {
    run.step = step;
    let approval = run
        .plan
        .steps
        .get(step)
        .is_some_and(|step| step.approval.is_some());
    if approval { Phase::Approval } else { Phase::Ready }
}
