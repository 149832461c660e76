//! Promise 12: several routers change together: all are staged and checked, then all are told, then
//! all are confirmed.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{Phase, Split};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, Answer, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 12,
    name: "routers_change_together",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, _, act, _, stored) in history.sent() {
        let Some(run) = stored.and_then(|stored| stored.run) else {
            continue;
        };
        if matches!(act, Act::Shift { .. }) && run.phase == Phase::Shift {
            let ready = history.entry_of(index, Phase::Ready, Some(run.step)).unwrap_or(0);
            let staged = |router| {
                history.between(ready, index).iter().any(|fact| {
                    let act = Act::Stage {
                        router,
                        slot: run.target,
                    };
                    matches!(fact.what, What::Answered(done, _, Answer::Done) if done == act)
                })
            };
            if let Some(router) = routers(history).find(|router| !staged(*router)) {
                return Breach::at(
                    index,
                    format!("{act} was sent before router {} was staged", router + 1),
                );
            }
        }
    }
    for turn in history.turns() {
        let (left, _) = turn.left(history.plan.steps.len());
        let before = turn.same_before().map(|before| before.phase);
        let Some(run) = turn.after.run else { continue };
        let returned = matches!(before, Some(Phase::Return | Phase::ConfirmReturn))
            && (matches!(
                run.phase,
                Phase::VerifyReturn | Phase::ReturnWorkers | Phase::Recover
            ) || run.end == Some(End::RolledBack));
        let (split, since) = match left {
            Some(step) => {
                let weight = history.plan.steps.get(step).map(|step| step.weight);
                let since = history.entry_of(turn.index, Phase::Shift, Some(step));
                (Split::with(run.target, weight.unwrap_or_default()), since)
            }
            None if returned => (
                Split::all(run.origin),
                history.entry_of(turn.index, Phase::Return, None),
            ),
            None => continue,
        };
        let since = since.unwrap_or(0);
        for router in routers(history) {
            let live = history.between(since, turn.index).iter().any(|fact| {
                matches!(fact.what, What::Verified { router: asked, split: of, live: Some(true) }
                    if asked == router && of == split)
            });
            if !live {
                let what = format!(
                    "{} began although {split} was not confirmed on router {}",
                    run.phase,
                    router + 1
                );
                return Breach::at(turn.index, what);
            }
        }
        let held = history.held(turn.index);
        if !history.by_hand_since_it_began(turn.index) && held.iter().any(|(held, ..)| *held != split) {
            return Breach::at(
                turn.index,
                format!("{} began although not every router holds {split}", run.phase),
            );
        }
    }
    None
}

fn routers(history: &History) -> impl Iterator<Item = u8> {
    (0u8..).zip(&history.script.routers).map(|(router, _)| router)
}
