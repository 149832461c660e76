//! Promise 15: from any state, with finitely many faults, a deployment ends; every wait has a deadline.
//! When nothing goes wrong any more, everything heals: what was open ends, and the next release goes out.

use bluegreen_core::lifecycle::End;

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Said, What};
use crate::simulation::script::Doing;
use crate::simulation::time::Ending;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 15,
    name: "everything_ends",
    check,
};

fn check(history: &History) -> Option<Breach> {
    let last = history.facts.len().saturating_sub(1);
    match history.ending {
        Ending::Done => {}
        Ending::Stuck => return Breach::at(last, "somebody waits for something that never comes"),
        Ending::Endless => return Breach::at(last, "it goes on and on"),
    }
    if let Some(index) = history
        .facts
        .iter()
        .position(|fact| matches!(fact.what, What::Ended(Said::RecordBroken)))
    {
        return Breach::at(index, "the record cannot be read");
    }
    // With no phase to be in but the last, an operation must say how it ended.
    for turn in history.turns() {
        if let Some(run) = turn.after.run
            && (run.phase == bluegreen_core::Phase::Ended) != run.end.is_some()
        {
            return Breach::at(
                turn.index,
                format!("it is in phase {}, and its end is {:?}", run.phase, run.end),
            );
        }
    }
    let process = history
        .facts
        .iter()
        .rev()
        .find(|fact| matches!(fact.what, What::Born(Doing::DeployOver(crate::simulation::LAST))))?;
    let said = history.facts.iter().rev().find_map(|fact| match fact.what {
        What::Ended(said) if fact.by == process.by => Some(said),
        _ => None,
    });
    match said {
        Some(Said::Report(Some(End::Promoted))) => None,
        said => Breach::at(
            last,
            format!("nothing goes wrong any more, and the next release came to {said:?}"),
        ),
    }
}
