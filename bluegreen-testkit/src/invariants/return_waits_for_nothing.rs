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

#[derive(Clone, Copy)]
struct Decided {
    at_ms: u64,
    epoch: u64,
}

/// What the traffic may have to wait for: the look at both slots, the settle time, the courtesy after a
/// takeover, and as long as the process was suspended or did not reach the store.
fn limit_ms(history: &History, decided: Decided, to: usize) -> u64 {
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let plan = &history.plan;
    let held_up: u64 = history
        .between(0, to)
        .iter()
        .map(|fact| (fact.at_ms, History::holds_up_ms(fact)))
        .filter(|(at_ms, ms)| *ms > 0 && at_ms + ms >= decided.at_ms)
        .map(|(_, ms)| ms)
        .sum();
    ms(plan.deadlines.assess) + history.script.settle_ms().max(ms(plan.retry.max)) + held_up
}

fn check(history: &History) -> Option<Breach> {
    let mut stored = None;
    // When it was decided to go back, or somebody took over who goes on with it.
    let mut decided: Option<Decided> = None;
    for (index, fact) in history.facts.iter().enumerate() {
        let phase = stored.and_then(|stored: Stored| stored.run).map(|run| run.phase);
        let going_back = matches!(phase, Some(Phase::Assess | Phase::Return | Phase::ConfirmReturn));
        match fact.what {
            What::Stored(now) => {
                stored = Some(now);
                let epoch = now.token.epoch;
                let back = |phase| matches!(phase, Some(Phase::Assess | Phase::Return));
                if !back(now.run.map(|run| run.phase)) {
                    decided = None;
                } else if !back(phase) || decided.is_some_and(|decided| decided.epoch != epoch) {
                    let at_ms = fact.at_ms;
                    decided = Some(Decided { at_ms, epoch });
                }
            }
            What::Hook(at) if going_back && at != HookPoint::after(Phase::ConfirmReturn) => {
                return Breach::at(index, format!("the hook {at} ran before the traffic was back"));
            }
            What::Notice(kind) if going_back => {
                return Breach::at(index, format!("{kind:?} was told before the traffic was back"));
            }
            What::Sent(Act::Shift { .. }, token) => {
                // Whoever decided may be dead already: then their lease is waited for too.
                if let Some(decided) = decided.take().filter(|decided| decided.epoch == token.epoch) {
                    let took = fact.at_ms - decided.at_ms;
                    let limit = limit_ms(history, decided, index);
                    if took > limit {
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
