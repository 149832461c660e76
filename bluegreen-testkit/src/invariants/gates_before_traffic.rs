//! Promise 1: the candidate gets traffic only after every gate that guards the step has passed in this
//! deployment.

use bluegreen_core::{Outcome, Phase};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::Act;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 1,
    name: "gates_before_traffic",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, _, act, _, stored) in history.sent() {
        let Some(run) = stored.and_then(|stored| stored.run) else {
            continue;
        };
        if !matches!(act, Act::Shift { .. }) || run.phase != Phase::Shift {
            continue;
        }
        let mut asked = vec![("up", Phase::Ready, run.step)];
        match run.step.checked_sub(1) {
            None => asked.extend([("up", Phase::Prepare, 0), ("login", Phase::Prepare, 0)]),
            Some(before) if history.script.features().step_gate => asked.push(("step", Phase::Shift, before)),
            Some(_) => {}
        }
        for (gate, phase, step) in asked {
            let Some(since) = history.entry_of(index, phase, Some(step)) else {
                return Breach::at(index, format!("{act} was sent, and {phase} was never reached"));
            };
            let mut judged = history.judged(since, index, gate, run.target);
            if !judged.any(|said| said == Some(Outcome::Pass)) {
                return Breach::at(
                    index,
                    format!("{act} was sent, and {gate:?} had not passed since {phase} began"),
                );
            }
        }
    }
    None
}
