//! Promise 16: any run with crashes ends where some run without crashes can end. After the last release,
//! which nothing disturbs, the world looks as after an undisturbed one.

use bluegreen_core::{MigrationPhase, Role, Slot, Split};

use super::{Breach, Invariant};
use crate::simulation::time::Ending;
use crate::simulation::{History, LAST};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 16,
    name: "crashes_change_no_end",
    check,
};

fn check(history: &History) -> Option<Breach> {
    if history.ending != Ending::Done {
        return None;
    }
    let last = history.facts.len().saturating_sub(1);
    let turn = history.turns().last()?;
    let live = Slot::BOTH
        .into_iter()
        .find(|slot| turn.after.role(*slot) == Role::Live);
    let Some(live) = live else {
        return Breach::at(last, "no slot is live at the end");
    };
    let end = &history.end;
    if end.splits.iter().any(|split| *split != Split::all(live)) {
        return Breach::at(
            last,
            format!(
                "{live} is live in the record, and the routers hold {:?}",
                end.splits
            ),
        );
    }
    let [blue, green] = end.releases;
    let release = if live == Slot::Blue { blue } else { green };
    if release != Some(LAST) {
        return Breach::at(
            last,
            format!("the last release is live in the record, and {release:?} runs there"),
        );
    }
    if history.script.features().workers.is_some() {
        let claiming = [live == Slot::Blue, live == Slot::Green];
        if end.claiming != claiming {
            return Breach::at(
                last,
                format!(
                    "{live} is live, and the workers that claim are {:?}",
                    end.claiming
                ),
            );
        }
    }
    let expands = history.script.features().expand.is_some();
    if expands && !end.migrations.contains(&(MigrationPhase::Expand, LAST)) {
        return Breach::at(last, "the migrations of the last release have not run");
    }
    None
}
