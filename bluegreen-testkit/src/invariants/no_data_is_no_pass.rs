//! Promise 10: no data is not a pass, and no timer overrides a gate. A bake and the soak end well only
//! when their time is full and each gate's last word is a pass.

use bluegreen_core::{Outcome, Phase};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::Turn;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 10,
    name: "no_data_is_no_pass",
    check,
};

/// So many measurements that said nothing make a gate silent, in every plan of the simulation.
const SILENT: usize = 3;

fn check(history: &History) -> Option<Breach> {
    history.turns().find_map(|turn| check_turn(history, &turn))
}

fn check_turn(history: &History, turn: &Turn<'_>) -> Option<Breach> {
    let steps = history.plan.steps.len();
    let (baked, soaked) = turn.left(steps);
    let features = history.script.features();
    let run = turn.after.run.as_ref()?;
    // What only reads is stored after it has begun: the last word by then may belong to it already, so
    // there only a pass at any time is asked for.
    let goes_on = matches!(
        run.phase,
        Phase::Soak | Phase::QueueDepth | Phase::Confirm | Phase::Bake
    );
    let step = if soaked { steps.saturating_sub(1) } else { baked? };
    let shifted = history.entry_of(turn.index, Phase::Shift, Some(step))?;
    let planned = features.bake_ms + if soaked { features.soak_ms } else { 0 };
    let took = turn.at_ms - history.facts.get(shifted)?.at_ms;
    if took < planned {
        return Breach::at(
            turn.index,
            format!("step {} took {took} ms, {planned} were planned", step + 1),
        );
    }
    // What one deployer saw is not known to the next.
    let epoch = turn.after.token.epoch;
    let claimed = history
        .turns()
        .find(|turn| turn.after.token.epoch == epoch)
        .map_or(0, |turn| turn.index);
    // Health is asked before there is traffic too, and a gate that goes on keeps what it has seen.
    let prepared = history
        .entry_of(turn.index, Phase::Prepare, None)
        .unwrap_or(0)
        .max(claimed);
    let exposed = history
        .entry_of(turn.index, Phase::Shift, Some(0))
        .unwrap_or(0)
        .max(claimed);
    let gates = [
        (true, "up", prepared),
        (true, "errors", exposed),
        (features.metric, "latency", exposed),
        (features.step_gate && baked.is_some(), "step", shifted),
        (features.public && soaked, "front", shifted),
    ];
    for (_, gate, since) in gates.into_iter().filter(|(asked, ..)| *asked) {
        let mut heard = history.judged(since, turn.index, gate, run.target);
        if goes_on && heard.any(|said| said == Some(Outcome::Pass)) {
            continue;
        }
        let silent = history.judged(since, turn.index, gate, run.target).rev();
        let silent = silent.take_while(Option::is_none).count();
        let last = history
            .judged(since, turn.index, gate, run.target)
            .rev()
            .flatten()
            .next();
        if last != Some(Outcome::Pass) || silent >= SILENT {
            let said = last.map_or_else(|| "nothing".to_owned(), |last| last.to_string());
            let what = format!(
                "step {} ended well, and {gate:?} had said {said}, then nothing {silent} times",
                step + 1
            );
            return Breach::at(turn.index, what);
        }
    }
    None
}
