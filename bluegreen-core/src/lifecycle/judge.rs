//! What the answers of routers, gates and hosts mean for a phase.

use std::time::Duration;

use super::moves::tell;
use super::transition::{Move, REASON_BYTES};
use super::{ANALYSIS, CheckResult, Health, Hold, Lifecycle, Moment, Operation, Pause, Phase, Run, Slots};
use crate::plan::{BothUnhealthy, Target};
use crate::text::bounded;
use crate::{NoticeKind, Outcome, Slot, Split, Timestamp, Verification};

/// Which slot is live, and does the record agree?
pub(super) fn reconcile(
    run: &mut Run,
    slots: &mut Slots,
    at: Timestamp,
    routers: &[(String, Split)],
) -> Move {
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
        match slots.live() {
            Some(recorded) if recorded != live => slots.only_after_both(live, at),
            Some(_) => {}
            None => slots.only(live, at),
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
    // What cannot be told is for people to decide; what has failed is not.
    let approved = matches!(run.hold, Some(Hold::Approved(_)));
    results
        .iter()
        .filter(|result| outcome(result.outcome))
        .filter(|result| !(approved && is_analysis(result, Outcome::Inconclusive)))
        .map(|result| format!("{} ({}): {}", result.name, result.slot, result.evidence))
        .chain(
            outcome(Outcome::Inconclusive)
                .then(|| run.gates())
                .into_iter()
                .flatten()
                .filter(|gate| !results.iter().any(|result| gate.is_named(&result.name)))
                .map(|gate| format!("{gate} ({}): not asked yet", gate.slot)),
        )
        .chain(
            (outcome(Outcome::Inconclusive)
                && run.is_analysed()
                && !results.iter().any(|result| result.name == ANALYSIS))
            .then(|| format!("{ANALYSIS} ({}): not asked yet", run.target)),
        )
        .collect()
}

fn is_analysis(result: &CheckResult, outcome: Outcome) -> bool {
    result.name == ANALYSIS && result.outcome == outcome
}

/// Asked once: everything has to pass, and everything that did not is told.
pub(super) fn checked(run: &Run, lifecycle: &Lifecycle, at: Timestamp, results: &[CheckResult]) -> Move {
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
pub(super) fn watched(run: &mut Run, watched_ms: u64, results: &[CheckResult]) -> Move {
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
    run.waiting_for = (!open.is_empty()).then(|| bounded(open.join("; "), REASON_BYTES));
    let watched_for = |time: Duration| u128::from(run.watched_ms) >= time.as_millis();
    let undecided = results
        .iter()
        .any(|result| is_analysis(result, Outcome::Inconclusive));
    if undecided && run.phase == Phase::Bake && run.hold.is_none() && watched_for(run.held_from()) {
        run.hold = Some(Hold::Asked);
        tell(run, NoticeKind::ApprovalNeeded);
        return Move::Stay;
    }
    if open.is_empty() && (run.may_end_early() || watched_for(run.watch_time())) {
        Move::Next
    } else {
        Move::Stay
    }
}

pub(super) fn confirmed(run: &mut Run, routers: &[(String, Verification)], settle_ms: u64) -> Move {
    let open: Vec<_> = routers
        .iter()
        .filter_map(|(name, answer)| match answer {
            Verification::Live { .. } => None,
            Verification::NotYet { why } => Some(format!("{name} is not live yet: {why}")),
            Verification::Unknown { why } => Some(format!("{name} cannot be asked: {why}")),
        })
        .collect();
    run.waiting_for = (!open.is_empty()).then(|| bounded(open.join("; "), REASON_BYTES));
    if routers.is_empty() || !open.is_empty() {
        return Move::Stay;
    }
    // A wait of no time is dropped with the move.
    run.pause = Some(Pause {
        ms: settle_ms,
        settle_ms,
    });
    Move::Next
}

pub(super) fn assessed(run: &Run, origin: Health, target: Health, evidence: &str) -> Move {
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
