//! Carrying a move out: into the next phase, to the way back, to a halt, to the end.

use super::transition::{Move, REASON_BYTES, following};
use super::{End, Lifecycle, Moment, Operation, Pause, Phase, Run};
use crate::plan::HookMoment;
use crate::text::bounded;
use crate::{NoticeKind, Role, Timestamp};

/// Of a wait between two tries only what settles is waited for by what comes next.
pub(super) fn leave_what_settles(run: &mut Run) {
    run.pause = run
        .pause
        .map(|pause| Pause {
            ms: pause.settle_ms,
            ..pause
        })
        .filter(|pause| pause.ms > 0);
}

/// Carries a move out.
pub(super) fn go(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, next: Move) {
    if !matches!(next, Move::Stay) {
        leave_what_settles(run);
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
            if following == Phase::Ended {
                conclude(run, lifecycle, at);
            } else {
                enter(run, lifecycle, at, following);
            }
        }
        Move::Back(reason) => {
            run.reason.get_or_insert(bounded(reason, REASON_BYTES));
            if run.exposed {
                tell(run, NoticeKind::RollingBack);
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
            .map(|reason| bounded(reason, REASON_BYTES));
            tell(run, NoticeKind::NeedsOperator);
            enter(run, lifecycle, at, Phase::Halted);
        }
    }
}

/// Begins a phase, and notes what its work may do before any of it is done.
pub(super) fn enter(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, phase: Phase) {
    run.phase = phase;
    run.since = at;
    run.attempt = 0;
    run.watched_ms = 0;
    run.waiting_for = None;
    run.hold = None;
    run.moment = if run.has_hooks(HookMoment::Before) {
        Moment::Before
    } else {
        Moment::Act
    };
    match phase {
        Phase::Stage => tell(run, NoticeKind::Started),
        Phase::Approval => tell(run, NoticeKind::ApprovalNeeded),
        Phase::Shift => run.exposed = true,
        Phase::Quiesce | Phase::StartWorkers => run.workers_moved = true,
        Phase::Backfill => run.backfilled = true,
        Phase::Retire if run.operation == Operation::Retire => {
            lifecycle.slots.assign(run.target, Role::Empty, at);
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
pub(super) fn pass_through(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp) {
    // An abort that came while the last hooks ran still leads back.
    let aborted = run.phase == Phase::Finish && run.abort.is_some();
    if aborted || !matches!(run.phase, Phase::Finish | Phase::Recover) {
        return;
    }
    if run.has_hooks(HookMoment::After) {
        run.moment = Moment::After;
        return;
    }
    conclude(run, lifecycle, at);
}

/// Ends the operation, when nothing of it can act any more: the next one finds a quiet world.
fn conclude(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp) {
    if run.pause.is_some_and(|pause| pause.settle_ms > 0) {
        run.moment = Moment::Act;
    } else {
        let end = end_of(run);
        finish(run, lifecycle, at, end);
    }
}

/// Goes on where only a wait stood before the end.
pub(super) fn waited(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp) {
    if run.settles() {
        begin_anew(run, at);
    }
    run.pause = None;
    let aborted = run.phase == Phase::Finish && run.abort.is_some();
    if run.moment == Moment::Act && !aborted && matches!(run.phase, Phase::Finish | Phase::Recover) {
        conclude(run, lifecycle, at);
    }
}

/// On the way back the time of a phase begins when something can be done, however long something settled or
/// nobody was at work: a slot is asked how it is before anybody is routed there, and the way back is tried
/// before an operator is needed.
pub(super) fn begin_anew(run: &mut Run, at: Timestamp) {
    if run.phase.is_way_back() {
        run.since = at;
    }
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

/// Notes that people have to be told something. What they have not been told yet is told once.
pub(super) fn tell(run: &mut Run, notice: NoticeKind) {
    if run.plan.notify && !run.notices.contains(&notice) {
        run.notices.push(notice);
    }
}

/// Ends the operation: the slots get their roles, and people are told.
pub(super) fn finish(run: &mut Run, lifecycle: &mut Lifecycle, at: Timestamp, end: End) {
    let slots = &mut lifecycle.slots;
    match end {
        End::Promoted => {
            slots.assign(run.target, Role::Live, at);
            slots.retain(run.origin, at, at.plus(run.plan.retention.keep));
            tell(run, NoticeKind::Succeeded);
        }
        End::RolledBack => {
            slots.only_after_both(run.origin, at);
            if run.backfilled {
                lifecycle
                    .stale_backfills
                    .extend(run.release.as_ref().map(|release| release.version.clone()));
            }
            tell(run, NoticeKind::RolledBack);
        }
        End::Failed | End::Aborted => {
            if run.occupied {
                slots.assign(run.target, Role::Empty, at);
            }
            tell(run, NoticeKind::Failed);
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
    run.attempt = 0;
    run.waiting_for = None;
    run.end = Some(end);
    run.ended = Some(at);
}
