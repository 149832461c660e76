//! The one table: what follows what. Every rule about order and safety is here, and none in the
//! deployer.
//!
//! An event is answered in three steps: [`verdict`] reads the table and says [`Move`], an abort that
//! was asked for turns every way forward into the way back, and [`go`] carries the move out.

use super::{
    CheckResult, End, Event, Health, Lifecycle, Moment, Operation, Pause, Phase, Run, Signed, Slots,
};
use crate::plan::{ApprovalDefault, BothUnhealthy, ExpandWhen, HookMoment, Target, humane};
use crate::text::bounded;
use crate::{NoticeKind, Outcome, Role, Slot, Split, Timestamp, Verification};

/// On the way back a call may fail so many times more often than on the way forward before an
/// operator is asked.
const PATIENCE_ON_THE_WAY_BACK: u32 = 4;

/// The longest reason that is kept: the record stays small whatever a provider says.
const REASON_BYTES: usize = 2000;

/// What an event leads to.
enum Move {
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
            // Over; only the outbox and pauses go on.
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
                enter(run, lifecycle, at, Phase::Return);
            }
        }
        Event::Resolved { by, live } => {
            if run.phase == Phase::Halted {
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
        lifecycle.slots.only(run.origin, at);
    }
}

fn settle_outbox(run: &mut Run, event: &Event) {
    match event {
        Event::Notified { notice, .. } => run.notices.retain(|kept| kept != notice),
        Event::Waited => run.pause = None,
        _ => {}
    }
}

/// The table.
fn verdict(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, event: &Event) -> Move {
    match event {
        // Requests are handled in `asked`; the rest of these only make an entry in the journal.
        Event::Started { .. }
        | Event::Interrupted
        | Event::AbortRequested { .. }
        | Event::ReturnRequested { .. }
        | Event::Resolved { .. } => Move::Stay,

        Event::Claimed { takeover: false, .. } => Move::Stay,
        Event::Claimed {
            takeover: true,
            settle_ms,
            ..
        } => tried(run, *settle_ms, *settle_ms, || {
            "the deployer ended in the middle of it".to_owned()
        }),
        Event::Unknown { reason, settle_ms } => tried(run, *settle_ms, *settle_ms, || {
            format!("outcome unknown: {reason}")
        }),
        Event::Deferred {
            reason,
            retry_after_ms,
        } => tried(run, 0, retry_after_ms.unwrap_or(0), || reason.clone()),
        Event::Waited => {
            run.pause = None;
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

        // A guard that fails is heard at any moment.
        Event::Watched { watched_ms, results } => watched(run, *watched_ms, results),
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
        Event::Approved { by, step } => {
            if run.phase == Phase::Approval && *step == run.step + 1 {
                run.approvals.push((*step, by.clone()));
                Move::Next
            } else {
                Move::Stay
            }
        }
        Event::Done { .. } => match run.phase {
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
            | Phase::Contract => Move::Next,
            // These pass by evidence of their own, never by being called done.
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
            | Phase::Ended => Move::Stay,
        },
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
        Phase::Assess => Move::Next,
        Phase::VerifyReturn => {
            run.unverified = Some(reason);
            Move::Next
        }
        Phase::Recover => Move::Next,
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

fn reconcile(run: &mut Run, slots: &mut Slots, at: Timestamp, routers: &[(String, Split)]) -> Move {
    let seen = || {
        let each: Vec<_> = routers
            .iter()
            .map(|(name, split)| format!("{name}: {split}"))
            .collect();
        each.join("; ")
    };
    let mut only = routers.iter().map(|(_, split)| split.only());
    let live = match only.next() {
        Some(Some(live)) if only.all(|other| other == Some(live)) => live,
        _ => {
            return Move::Back(format!(
                "no slot has all traffic ({}): give all of it to one slot by hand, then adopt",
                seen()
            ));
        }
    };
    if run.operation == Operation::Adopt {
        if slots.live() != Some(live) {
            slots.only(live, at);
        }
        run.origin = live;
        run.target = live;
        return Move::Next;
    }
    match slots.live() {
        Some(recorded) if recorded != live => {
            return Move::Back(format!(
                "the routers say that {live} is live ({}), the record says {recorded}: find out who moved the \
                 traffic, then adopt the routers' view or move it back",
                seen()
            ));
        }
        Some(_) => {}
        // Nothing was ever deployed: there is nothing to disagree with.
        None => slots.only(live, at),
    }
    run.origin = live;
    match run.operation {
        Operation::Deploy => {
            run.target = match run.plan.target {
                Target::Auto => live.other(),
                Target::Blue => Slot::Blue,
                Target::Green => Slot::Green,
            };
            if run.target == live {
                return Move::Back(format!(
                    "the target {live} is live: a release goes to the other slot; write target = \"auto\" or \"{}\"",
                    live.other()
                ));
            }
        }
        Operation::Contract => run.target = live,
        Operation::Rollback | Operation::Retire | Operation::Adopt => {}
    }
    Move::Next
}

/// What is missing or not passed among the gates that the phase requires, and among all others that
/// were asked.
fn open_points(run: &Run, results: &[CheckResult], outcome: fn(Outcome) -> bool) -> Vec<String> {
    results
        .iter()
        .filter(|result| outcome(result.outcome))
        .map(|result| format!("{} ({}): {}", result.name, result.slot, result.evidence))
        .chain(
            run.gates()
                .into_iter()
                .filter(|(name, ..)| {
                    outcome(Outcome::Inconclusive) && !results.iter().any(|r| r.name == *name)
                })
                .map(|(name, slot, _)| format!("{name} ({slot}): not asked yet")),
        )
        .collect()
}

/// Asked once: everything has to pass, and everything that did not is told.
fn checked(run: &Run, lifecycle: &Lifecycle, at: Timestamp, results: &[CheckResult]) -> Move {
    let mut open = open_points(run, results, |outcome| outcome != Outcome::Pass);
    let kept = lifecycle.kept_standby(at) == Some(run.target) && run.overrides.give_up_standby.is_none();
    if kept && run.phase == Phase::Preflight && open.is_empty() {
        open.push(format!("{} is kept for a rollback", run.target));
    }
    if results.is_empty() {
        Move::Back(format!("{}: nothing was checked", run.phase))
    } else if open.is_empty() {
        Move::Next
    } else {
        Move::Back(format!("{}: {}", run.phase, open.join("; ")))
    }
}

/// Asked again and again: a failure decides at once; a pass needs every gate and the whole time.
fn watched(run: &mut Run, watched_ms: u64, results: &[CheckResult]) -> Move {
    let failures = open_points(run, results, |outcome| outcome == Outcome::Fail);
    let at_work = run.moment == Moment::Act && run.pause.is_none();
    if run.phase == Phase::VerifyReturn && at_work {
        run.waiting_for = None;
        let open = open_points(run, results, |outcome| outcome != Outcome::Pass);
        if !failures.is_empty() {
            run.unverified = Some(failures.join("; "));
        } else if !open.is_empty() {
            run.waiting_for = Some(open.join("; "));
            return Move::Stay;
        }
        return Move::Next;
    }
    if !failures.is_empty() && (run.exposed || run.phase == Phase::Verify) && run.phase.is_forward() {
        return Move::Back(format!("{}: {}", run.phase, failures.join("; ")));
    }
    if !at_work || !matches!(run.phase, Phase::Verify | Phase::Bake | Phase::Soak) {
        return Move::Stay;
    }
    run.watched_ms = run.watched_ms.saturating_add(watched_ms);
    let open = open_points(run, results, |outcome| outcome != Outcome::Pass);
    run.waiting_for = (!open.is_empty()).then(|| bounded(&open.join("; "), REASON_BYTES));
    if open.is_empty() && u128::from(run.watched_ms) >= run.watch_time().as_millis() {
        Move::Next
    } else {
        Move::Stay
    }
}

fn confirmed(run: &mut Run, routers: &[(String, Verification)], settle_ms: u64) -> Move {
    let open: Vec<_> = routers
        .iter()
        .filter_map(|(name, answer)| match answer {
            Verification::Live { .. } => None,
            Verification::NotYet { why } => Some(format!("{name} is not live yet: {why}")),
            Verification::Unknown { why } => Some(format!("{name} cannot be asked: {why}")),
        })
        .collect();
    run.waiting_for = (!open.is_empty()).then(|| bounded(&open.join("; "), REASON_BYTES));
    if routers.is_empty() || !open.is_empty() {
        return Move::Stay;
    }
    run.pause = (settle_ms > 0).then_some(Pause {
        ms: settle_ms,
        settle_ms,
    });
    Move::Next
}

fn assessed(run: &Run, origin: Health, target: Health, evidence: &str) -> Move {
    match (origin, target) {
        (Health::Unhealthy, Health::Healthy) => Move::Halt(format!(
            "{} is not healthy and {} is the only slot that is: nothing is routed to a broken slot ({evidence})",
            run.origin, run.target
        )),
        (Health::Unhealthy, Health::Unhealthy | Health::Unknown)
            if run.plan.rollback.both_unhealthy == BothUnhealthy::Halt =>
        {
            Move::Halt(format!(
                "no slot is known to be healthy, and the plan says to ask then ({evidence})"
            ))
        }
        _ => Move::Next,
    }
}

/// Carries a move out.
fn go(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, next: Move) {
    if !matches!(next, Move::Stay) {
        // Only what settles is waited for by what comes next.
        run.pause = run
            .pause
            .map(|pause| Pause {
                ms: pause.settle_ms,
                ..pause
            })
            .filter(|pause| pause.ms > 0);
    }
    match next {
        Move::Stay => {}
        Move::Next if run.moment == Moment::Act && run.has_hooks(HookMoment::After) => {
            run.moment = Moment::After;
            run.since = at;
            run.attempt = 0;
        }
        Move::Next => {
            let following = following(run, lifecycle);
            enter(run, lifecycle, at, following);
        }
        Move::Back(reason) => {
            run.reason.get_or_insert(bounded(&reason, REASON_BYTES));
            if run.exposed {
                run.notices.push(NoticeKind::RollingBack);
                enter(run, lifecycle, at, Phase::Assess);
            } else {
                enter(run, lifecycle, at, Phase::Recover);
            }
        }
        Move::Halt(reason) => {
            run.reason = Some(match run.reason.take() {
                Some(first) => format!("{first}. Then: {reason}"),
                None => reason,
            })
            .map(|reason| bounded(&reason, REASON_BYTES));
            run.notices.push(NoticeKind::NeedsOperator);
            enter(run, lifecycle, at, Phase::Halted);
        }
    }
}

/// The order of the phases.
fn following(run: &mut Run, lifecycle: &Lifecycle) -> Phase {
    match (run.operation, run.phase) {
        (Operation::Adopt, Phase::Reconcile) => Phase::Finish,
        (_, Phase::Reconcile) => Phase::Preflight,
        (Operation::Retire, Phase::Preflight) => Phase::Drain,
        (Operation::Contract, Phase::Preflight) => Phase::Contract,
        (_, Phase::Preflight) if lifecycle.slots.get(run.target).role == Role::Standby => Phase::Drain,
        (_, Phase::Preflight) => Phase::Stage,
        (_, Phase::Drain) => Phase::Retire,
        (Operation::Retire, Phase::Retire) => Phase::Finish,
        (_, Phase::Retire) => Phase::Stage,
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

/// Begins a phase, and notes what its work may do before any of it is done.
fn enter(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, phase: Phase) {
    run.phase = phase;
    run.since = at;
    run.attempt = 0;
    run.watched_ms = 0;
    run.waiting_for = None;
    run.moment = if run.has_hooks(HookMoment::Before) {
        Moment::Before
    } else {
        Moment::Act
    };
    match phase {
        Phase::Stage => run.notices.push(NoticeKind::Started),
        Phase::Approval => run.notices.push(NoticeKind::ApprovalNeeded),
        Phase::Shift => run.exposed = true,
        Phase::Quiesce | Phase::StartWorkers => run.workers_moved = true,
        Phase::Backfill => run.backfilled = true,
        Phase::Retire if run.operation == Operation::Retire => {
            lifecycle.slots.assign(run.target, Role::Empty, at)
        }
        Phase::Retire | Phase::Prepare if !run.occupied => {
            run.occupied = true;
            lifecycle.slots.occupy(run.target, run.release.clone(), at);
        }
        _ => {}
    }
    if !run.plan.notify {
        run.notices.clear();
    }
    // Nothing is done in these but hooks: without them they are over at once.
    if run.moment == Moment::Act {
        pass_through(run, lifecycle, at);
    }
}

/// Phases that are over when their hooks are.
fn pass_through(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp) {
    // An abort that came while the last hooks ran still leads back.
    let aborted = run.phase == Phase::Finish && run.abort.is_some();
    if aborted || !matches!(run.phase, Phase::Finish | Phase::Recover) {
        return;
    }
    if run.has_hooks(HookMoment::After) {
        run.moment = Moment::After;
        return;
    }
    let end = end_of(run);
    finish(run, lifecycle, at, end);
}

fn end_of(run: &Run) -> End {
    match (run.phase, run.operation) {
        (Phase::Recover, _) if run.exposed => End::RolledBack,
        (Phase::Recover, _) if run.abort.is_some() => End::Aborted,
        (Phase::Recover, _) => End::Failed,
        (_, Operation::Deploy) => End::Promoted,
        (_, Operation::Rollback) => End::RolledBack,
        (_, Operation::Retire) => End::Retired,
        (_, Operation::Contract) => End::Contracted,
        (_, Operation::Adopt) => End::Adopted,
    }
}

/// Ends the operation: the slots get their roles, and people are told.
fn finish(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, end: End) {
    let slots = &mut lifecycle.slots;
    match end {
        End::Promoted => {
            slots.assign(run.target, Role::Live, at);
            slots.retain(run.origin, at, at.plus(run.plan.retention.keep));
            run.notices.push(NoticeKind::Succeeded);
        }
        End::RolledBack => {
            slots.only(run.origin, at);
            if run.backfilled {
                lifecycle
                    .stale_backfills
                    .extend(run.release.as_ref().map(|release| release.version.clone()));
            }
            run.notices.push(NoticeKind::RolledBack);
        }
        End::Failed | End::Aborted => {
            if run.occupied {
                slots.assign(run.target, Role::Empty, at);
            }
            run.notices.push(NoticeKind::Failed);
        }
        End::Retired | End::Contracted | End::Adopted | End::Resolved => {}
    }
    if end == End::Promoted && run.backfilled {
        lifecycle.stale_backfills.clear();
    }
    if !run.plan.notify {
        run.notices.clear();
    }
    run.phase = Phase::Ended;
    run.moment = Moment::Act;
    run.since = at;
    run.pause = None;
    run.waiting_for = None;
    run.end = Some(end);
    run.ended = Some(at);
}
