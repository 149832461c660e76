//! Promise 2: the weight of a slot is never raised while it is below its healthy floor. That a split
//! sums to everything is in its type.

use bluegreen_core::{Phase, ReadyState, Slot};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 2,
    name: "floor_before_weight",
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
        let since = history.entry_of(index, Phase::Ready, Some(run.step)).unwrap_or(0);
        let last = |of: Slot| {
            history
                .between(since, index)
                .iter()
                .rev()
                .find_map(|fact| match fact.what {
                    What::Readiness { slot, said } if slot == of => said,
                    _ => None,
                })
        };
        let floor = last(run.origin).map_or(0, |(_, instances)| instances);
        match last(run.target) {
            Some((ReadyState::Ready, instances)) if instances >= floor => {}
            seen => {
                let what = format!(
                    "{act} was sent; the host had said {seen:?} of {}, the floor is {floor}",
                    run.target
                );
                return Breach::at(index, what);
            }
        }
    }
    None
}
