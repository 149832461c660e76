//! Promise 11: guards watch whenever the candidate has traffic, while waiting for an approval too.

use bluegreen_core::{Operation, Phase};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::What;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 11,
    name: "guards_watch",
    check,
};

/// What may pass beyond the guard's own pace.
const SLACK_MS: u64 = 1000;

/// When a gate that hangs is given up: its time in every plan of the simulation, and the driver's grace.
const GIVEN_UP_MS: u64 = 800 + 1000;

fn check(history: &History) -> Option<Breach> {
    let limit = history.script.features().period_ms + SLACK_MS;
    // Since when nobody has asked, in the phase that is under way.
    let mut since: Option<(u64, u64)> = None;
    let mut holder = None;
    for (index, fact) in history.facts.iter().enumerate() {
        if let Some((from, _)) = since
            && fact.at_ms > from + limit
        {
            let waited = fact.at_ms - from;
            return Breach::at(
                index,
                format!("the candidate has traffic, and for {waited} ms no guard was asked"),
            );
        }
        match fact.what {
            What::Stored(stored) => {
                holder = stored.holder;
                let watched = stored.run.filter(|run| {
                    // Before a step only health is asked, and of that it is decided by itself.
                    let forward = run.phase.is_forward() && run.phase != Phase::Ready && run.end.is_none();
                    run.operation == Operation::Deploy && run.exposed && forward
                });
                since = match (watched, since) {
                    (None, _) => None,
                    (Some(_), Some((from, epoch))) if epoch == stored.token.epoch => Some((from, epoch)),
                    (Some(_), _) => Some((fact.at_ms, stored.token.epoch)),
                };
            }
            What::Judged { gate: "errors", .. } => {
                since = since.map(|(from, epoch)| (from.max(fact.at_ms), epoch));
            }
            // Asked it is until it answers or is given up.
            What::Asks("errors") => {
                since = since.map(|(from, epoch)| (from.max(fact.at_ms + GIVEN_UP_MS), epoch));
            }
            // Whoever is dead asks nobody, until somebody else has taken over.
            What::Died | What::Ended(_) if Some(fact.by) == holder => since = None,
            // Nobody asks either while asleep, or while the store is out of reach.
            What::Froze(_) | What::Mishap(..) if Some(fact.by) == holder => {
                let held_up_ms = History::holds_up_ms(fact);
                if held_up_ms > 0 {
                    since = since.map(|(from, epoch)| (from.max(fact.at_ms) + held_up_ms, epoch));
                }
            }
            _ => {}
        }
    }
    None
}
