//! Promise 18: while the candidate is the only healthy slot, a fault halts and asks; nobody is routed
//! to a broken slot. Where neither slot is healthy, the plan's rule is kept.

use bluegreen_core::{Outcome, Phase, ReadyState, Slot};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::What;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 18,
    name: "never_to_a_broken_slot",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for turn in history.turns() {
        let Some(run) = turn.entered() else { continue };
        // An operator may ask for the way back whatever the slots' health.
        let Some(before) = turn.same_before() else {
            continue;
        };
        if run.phase != Phase::Return || before.phase == Phase::Halted {
            continue;
        }
        let earlier = history
            .turns()
            .take_while(|other| other.index < turn.index)
            .last();
        if history.could_not_ask(earlier.map_or(0, |turn| turn.index), turn.index) {
            continue;
        }
        // What one deployer was told is not known to the next.
        let epoch = turn.after.token.epoch;
        let claimed = history
            .turns()
            .find(|turn| turn.after.token.epoch == epoch)
            .map_or(0, |turn| turn.index);
        let since = history.began(turn.index).max(claimed);
        let (origin, target) = (
            health(history, since, turn.index, run.origin),
            health(history, since, turn.index, run.target),
        );
        let halts = history.script.features().both_unhealthy_halts;
        if origin == Some(false) && (target == Some(true) || halts) {
            let target = if target == Some(true) {
                "is healthy"
            } else {
                "is not, and the plan says to halt"
            };
            let what = format!(
                "all traffic goes back to {}, which is broken; {} {target}",
                run.origin, run.target
            );
            return Breach::at(turn.index, what);
        }
    }
    None
}

/// What the last answers before the way back say of a slot.
fn health(history: &History, since: usize, to: usize, of: Slot) -> Option<bool> {
    let gate = history.judged(since, to, "up", of).next_back()?;
    let host = history
        .between(since, to)
        .iter()
        .rev()
        .find_map(|fact| match fact.what {
            What::Readiness { slot, said } if slot == of => Some(said),
            _ => None,
        })?;
    match (gate?, host?.0) {
        (Outcome::Fail, _) | (_, ReadyState::Failed | ReadyState::Stopped) => Some(false),
        (Outcome::Pass, ReadyState::Ready) => Some(true),
        _ => None,
    }
}
