//! Promise 6: going back waits for nothing that a deployment waits for: no approval, no hook, no notice,
//! no migration comes before the traffic, and nothing but the settle time and the look at both slots.

use bluegreen_core::Phase;

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 6,
    name: "return_waits_for_nothing",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for turn in history.turns() {
        if turn.entered().is_none_or(|run| run.phase != Phase::Assess) {
            continue;
        }
        let rest = history.between(turn.index, history.facts.len());
        for (offset, fact) in rest.iter().enumerate().skip(1) {
            let index = turn.index + offset;
            match fact.what {
                What::Hook(at) => return Breach::at(index, format!("the hook {at} ran before the traffic was back")),
                What::Notice(kind) => return Breach::at(index, format!("{kind:?} was told before the traffic was back")),
                What::Sent(Act::Shift { .. }, _) => {
                    let took = fact.at_ms - turn.at_ms;
                    let assess = u64::try_from(history.plan.deadlines.assess.as_millis()).unwrap_or(0);
                    let limit = assess + history.script.settle_ms();
                    if took > limit && !history.disturbed(turn.index, index) {
                        let what = format!("going back began {took} ms after it was decided, at most {limit} are needed");
                        return Breach::at(index, what);
                    }
                    break;
                }
                What::Sent(act, _) => return Breach::at(index, format!("{act} was sent before the traffic was back")),
                What::Stored(stored) if !stored.run.is_some_and(|run| matches!(run.phase, Phase::Assess | Phase::Return)) => break,
                _ => {}
            }
        }
    }
    None
}
