//! Promise 4: the old slot is drained and retired only after the new split is confirmed live on every
//! router, and settled, and its retention is over or given up by name.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{InFlight, Share, Slot};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 4,
    name: "retire_after_confirm",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, fact, act, _, stored) in history.sent() {
        let (Act::Retire(slot) | Act::Standby(slot)) = act else {
            continue;
        };
        let Some(run) = stored.and_then(|stored| stored.run) else {
            continue;
        };
        if let Some((until, true)) = kept(history, index, slot).map(|until| (until, until > fact.at_ms))
            && !run.gave_up_standby
        {
            return Breach::at(
                index,
                format!(
                    "{act} was sent, and {slot} is kept for another {} ms",
                    until - fact.at_ms
                ),
            );
        }
        if let Some(what) = in_flight(history, index, slot) {
            return Breach::at(index, format!("{act} was sent, and {what}"));
        }
        if history.by_hand_since_it_began(index) {
            continue;
        }
        for (router, (split, since, at)) in history.held(index).into_iter().enumerate() {
            let shape = history.script.routers.get(router);
            let lag = shape.map_or(0, |shape| {
                let told = matches!(
                    history.facts.get(at).map(|fact| fact.what),
                    Some(What::Landed(..))
                );
                if shape.fenced || !told {
                    shape.lag_ms
                } else {
                    shape.lag_ms.max(shape.settle_ms)
                }
            });
            let confirmed = at == 0
                || history.between(at, index).iter().any(|fact| {
                    matches!(fact.what, What::Verified { router: asked, split: of, live: Some(true) }
                    if usize::from(asked) == router && of == split)
                });
            let why = if split.share(slot) > Share::NONE {
                "gives it traffic"
            } else if !confirmed {
                "is not confirmed"
            } else if at > 0 && since + lag > fact.at_ms {
                "has not settled"
            } else {
                continue;
            };
            return Breach::at(index, format!("{act} was sent, and router {} {why}", router + 1));
        }
    }
    None
}

/// Until when a slot is kept.
fn kept(history: &History, to: usize, slot: Slot) -> Option<u64> {
    let ends = history
        .turns()
        .take_while(|turn| turn.index < to)
        .filter_map(|turn| {
            let (run, end) = turn.ended()?;
            Some((turn.at_ms, *run, end))
        });
    let (at, run, end) = ends.last()?;
    let resolved_for_target = end == End::Resolved;
    (end == End::Promoted && run.origin == slot && !resolved_for_target)
        .then(|| at + history.script.features().keep_ms)
}

/// Why a slot is not drained: each router that counts has to have said that nothing is in flight, unless the
/// plan cuts off what is. What one has said once stays true, for no new request goes there.
fn in_flight(history: &History, to: usize, of: Slot) -> Option<String> {
    if history.script.features().cut {
        return None;
    }
    let facts = history.between(history.began(to), to);
    let counting = (0u8..).zip(&history.script.routers);
    for (router, _) in counting.filter(|(_, shape)| shape.counts_in_flight) {
        let last = facts.iter().rev().find_map(|fact| match fact.what {
            What::InFlight {
                router: asked,
                slot,
                said,
            } if asked == router && slot == of => Some(said),
            _ => None,
        });
        let why = match last {
            Some(Some(InFlight::None)) => continue,
            Some(Some(_)) => "has requests in flight on it",
            Some(None) => "has not answered what is in flight",
            None => "was not asked what is in flight",
        };
        return Some(format!("router {} {why}", router + 1));
    }
    None
}
