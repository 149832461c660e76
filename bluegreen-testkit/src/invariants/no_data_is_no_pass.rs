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
    let before = turn.same_before()?;
    let after = turn.after.run.as_ref()?;
    let goes_on = (after.phase.is_forward() || after.end == Some(bluegreen_core::lifecycle::End::Promoted))
        && (after.phase, after.step) != (before.phase, before.step);
    if !matches!(before.phase, Phase::Bake | Phase::Soak) || !goes_on {
        return None;
    }
    let entered = history.entry_of(turn.index - 1, before.phase, Some(before.step))?;
    let features = history.script.features();
    let (planned, own): (u64, &[&str]) = match before.phase {
        Phase::Bake if features.step_gate => (features.bake_ms, &["step"]),
        Phase::Bake => (features.bake_ms, &[]),
        _ if features.public => (features.soak_ms, &["front"]),
        _ => (features.soak_ms, &[]),
    };
    let took = turn.at_ms - history.facts.get(entered)?.at_ms;
    if took < planned {
        return Breach::at(turn.index, format!("{} took {took} ms, {planned} were planned", before.phase));
    }
    // What one deployer saw is not known to the next.
    let epoch = turn.after.token.epoch;
    let claimed = history.turns().find(|turn| turn.after.token.epoch == epoch).map_or(0, |turn| turn.index);
    let exposed = history.entry_of(turn.index, Phase::Shift, Some(0)).unwrap_or(0).max(claimed);
    let metric: &[&str] = if features.metric { &["latency"] } else { &[] };
    // Health is asked before there is traffic too, and a gate that goes on keeps what it has seen.
    let verified = history.entry_of(turn.index, Phase::Verify, None).unwrap_or(0).max(claimed);
    let watched = ["errors"].iter().chain(metric).map(|gate| (*gate, exposed));
    for (gate, since) in watched.chain([("up", verified)]).chain(own.iter().map(|gate| (*gate, entered.max(claimed)))) {
        let silent = history.judged(since, turn.index, gate, before.target).rev();
        let silent = silent.take_while(Option::is_none).count();
        let last = history.judged(since, turn.index, gate, before.target).rev().flatten().next();
        if last != Some(Outcome::Pass) || silent >= SILENT {
            let said = last.map_or_else(|| "nothing".to_owned(), |last| last.to_string());
            let what = format!("{} ended well, and {gate:?} had said {said}, then nothing {silent} times", before.phase);
            return Breach::at(turn.index, what);
        }
    }
    None
}
