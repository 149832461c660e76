//! Promise 6: going back waits for nothing that a deployment waits for: no approval, no hook, no notice,
//! no migration comes before the traffic, and nothing but the settle time and the look at both slots.

use bluegreen_core::Phase;
use bluegreen_core::plan::HookPoint;

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, What};
use crate::simulation::stored::Stored;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 6,
    name: "return_waits_for_nothing",
    check,
};

fn check(history: &History) -> Option<Breach> {
    let mut stored = None;
    // When it was decided to go back.
    let mut decided: Option<(u64, usize, u64)> = None;
    for (index, fact) in history.facts.iter().enumerate() {
        let phase = stored.and_then(|stored: Stored| stored.run).map(|run| run.phase);
        let going_back = matches!(phase, Some(Phase::Assess | Phase::Return | Phase::ConfirmReturn));
        match fact.what {
            What::Stored(now) => {
                stored = Some(now);
                let epoch = now.token.epoch;
                let back = |phase| matches!(phase, Some(Phase::Assess | Phase::Return));
                let now = now.run.map(|run| run.phase);
                if !back(now) {
                    decided = None;
                } else if !back(phase) {
                    decided = Some((fact.at_ms, index, epoch));
                }
            }
            What::Hook(at) if going_back && at != HookPoint::after(Phase::ConfirmReturn) => {
                return Breach::at(index, format!("the hook {at} ran before the traffic was back"));
            }
            What::Notice(kind) if going_back => {
                return Breach::at(index, format!("{kind:?} was told before the traffic was back"));
            }
            What::Sent(Act::Shift { .. }, token) => {
                if let Some((since, from, epoch)) = decided.take() {
                    let took = fact.at_ms - since;
                    let assess = u64::try_from(history.plan.deadlines.assess.as_millis()).unwrap_or(0);
                    let limit = assess + history.script.settle_ms();
                    // Whoever decided may be dead already: then their lease is waited for too.
                    if took > limit && epoch == token.epoch && !history.disturbed(from, index) {
                        let what = format!(
                            "going back began {took} ms after it was decided, at most {limit} are needed"
                        );
                        return Breach::at(index, what);
                    }
                }
            }
            What::Sent(act, _) if going_back => {
                return Breach::at(index, format!("{act} was sent before the traffic was back"));
            }
            _ => {}
        }
    }
    None
}
