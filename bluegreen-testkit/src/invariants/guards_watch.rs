//! Promise 11: guards watch whenever the candidate has traffic, while waiting for an approval too.

use bluegreen_core::{Operation, Outcome, Phase};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Actor, WORLD, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 11,
    name: "guards_watch",
    check,
};

/// What may pass beyond the guard's own pace.
const SLACK_MS: u64 = 1000;

/// When a gate that hangs is given up: its time in every plan of the simulation, and the driver's grace.
const GIVEN_UP_MS: u64 = 800 + 1000;

/// What watches while traffic flows. One that fails, as often in a row as the plan asks for, has decided: an
/// act that is under way is let finish, and nobody needs to ask again.
const GUARDS: [&str; 5] = ["up", "errors", "latency", "step", "front"];

/// Since when nobody has asked.
#[derive(Clone, Copy)]
struct Unasked {
    from_ms: u64,
    epoch: u64,
}

fn check(history: &History) -> Option<Breach> {
    let features = history.script.features();
    let limit_ms = features.period_ms + SLACK_MS;
    let mut unasked: Option<Unasked> = None;
    let mut failures = [0; GUARDS.len()];
    let (mut holder, mut target) = (None, None);
    let mut asleep = (WORLD, 0);
    // Who is dead or has stepped down; what they wrote may still land.
    let mut gone: Vec<Actor> = Vec::new();
    for (index, fact) in history.facts.iter().enumerate() {
        let decided = failures.iter().any(|count| *count >= features.failures);
        if let Some(Unasked { from_ms, .. }) = unasked.filter(|_| !decided)
            && fact.at_ms > from_ms + limit_ms
        {
            let waited = fact.at_ms - from_ms;
            return Breach::at(
                index,
                format!("the candidate has traffic, and for {waited} ms no guard was asked"),
            );
        }
        let later = |unasked: Unasked, ms: u64| Unasked {
            from_ms: unasked.from_ms.max(fact.at_ms) + ms,
            ..unasked
        };
        match fact.what {
            What::Stored(stored) => {
                holder = stored.holder;
                target = stored.run.map(|run| run.target);
                let epoch = stored.token.epoch;
                let watched = stored.run.is_some_and(|run| {
                    // Before a step only health is asked, and of that it is decided by itself.
                    let forward = run.phase.is_forward() && run.phase != Phase::Ready && run.end.is_none();
                    run.operation == Operation::Deploy && run.exposed && forward
                });
                if !watched {
                    failures = [0; GUARDS.len()];
                }
                // What somebody wrote before they fell asleep may land now.
                let (sleeper, until_ms) = asleep;
                let sleeps = holder == Some(sleeper);
                let begun = Unasked {
                    from_ms: fact.at_ms.max(if sleeps { until_ms } else { 0 }),
                    epoch,
                };
                let at_work = holder.is_some_and(|holder| !gone.contains(&holder));
                unasked = (watched && at_work).then_some(match unasked {
                    Some(unasked) if unasked.epoch == epoch => unasked,
                    _ => begun,
                });
            }
            What::Judged { gate, slot, said } => {
                if gate == "errors" {
                    unasked = unasked.map(|unasked| later(unasked, 0));
                }
                let place = GUARDS
                    .iter()
                    .position(|guard| *guard == gate && target == Some(slot));
                if let Some(count) = place.and_then(|place| failures.get_mut(place)) {
                    match said {
                        Some(Outcome::Fail) => *count += 1,
                        Some(Outcome::Pass) => *count = 0,
                        _ => {}
                    }
                }
            }
            // Asked it is until it answers or is given up.
            What::Asks("errors") => unasked = unasked.map(|unasked| later(unasked, GIVEN_UP_MS)),
            What::Died | What::Ended(_) => {
                gone.push(fact.by);
                unasked = unasked.filter(|_| Some(fact.by) != holder);
            }
            What::Froze(ms) if Some(fact.by) == holder => {
                asleep = (fact.by, fact.at_ms + ms);
                unasked = unasked.map(|unasked| later(unasked, ms));
            }
            // Nobody asks either while the store is out of reach.
            What::Mishap(..) if Some(fact.by) == holder => {
                let ms = History::holds_up_ms(fact);
                if ms > 0 {
                    unasked = unasked.map(|unasked| later(unasked, ms));
                }
            }
            _ => {}
        }
    }
    None
}
