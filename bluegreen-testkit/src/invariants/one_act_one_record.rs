//! Promise 7: a changing call with a token is sent only while the store holds the record with this
//! token, whose command it is. Effects take place in the order of tokens. After an unknown outcome
//! nothing new is sent before the settle time is over.

use std::collections::BTreeMap;

use bluegreen_core::{MigrationPhase, Operation, Phase, Split, Token};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, Actor, Answer, What};
use crate::simulation::script::Doing;
use crate::simulation::stored::StoredRun;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 7,
    name: "one_act_one_record",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, fact, act, token, stored) in history.sent() {
        let Some(stored) = stored else {
            return Breach::at(index, format!("{act} was sent before anything was stored"));
        };
        if stored.token != token {
            return Breach::at(
                index,
                format!(
                    "{act} was sent with token {token}, the store holds {}",
                    stored.token
                ),
            );
        }
        match stored.run {
            Some(run) if run.acts() && commands(history, &run, act) => {}
            Some(run) if run.acts() && resolves(history, &run, act, fact.by) => {}
            Some(run) => {
                return Breach::at(
                    index,
                    format!("{act} is not the command of the stored phase {}", run.phase),
                );
            }
            None => return Breach::at(index, format!("{act} was sent and nothing is open")),
        }
    }
    in_order(history).or_else(|| settled(history))
}

/// Whether a call belongs to the work of the stored phase.
fn commands(history: &History, run: &StoredRun, act: Act) -> bool {
    match (act, run.phase) {
        (Act::Stage { slot, .. }, Phase::Stage | Phase::Ready) => slot == run.target,
        (Act::Shift { split, .. }, Phase::Shift) => {
            let weight = history.plan.steps.get(run.step).map(|step| step.weight);
            weight.is_some_and(|weight| split == Split::with(run.target, weight))
        }
        (Act::Shift { split, .. }, Phase::Return) => split == Split::all(run.origin),
        (Act::Deploy { slot, release }, Phase::Prepare) => slot == run.target && release == run.release,
        (Act::Standby(slot) | Act::Retire(slot), Phase::Retire) => {
            slot == run.target && (run.operation == Operation::Retire || matches!(act, Act::Retire(_)))
        }
        (Act::Migrate { phase, .. }, at) => matches!(
            (phase, at),
            (MigrationPhase::Expand, Phase::Migrate)
                | (MigrationPhase::Backfill, Phase::Backfill)
                | (MigrationPhase::Contract, Phase::Contract)
        ),
        (Act::Quiesce(slot), Phase::Quiesce) | (Act::StartWorkers(slot), Phase::ReturnWorkers) => {
            slot == run.origin
        }
        (Act::StartWorkers(slot), Phase::StartWorkers) | (Act::Quiesce(slot), Phase::ReturnWorkers) => {
            slot == run.target
        }
        _ => false,
    }
}

/// Whether somebody who resolves a halted operation tells the routers once more what they hold, which
/// shuts out what was sent to them before. It is no command of the record, which asks for an operator.
fn resolves(history: &History, run: &StoredRun, act: Act, by: Actor) -> bool {
    let Act::Shift { split, .. } = act else {
        return false;
    };
    let told = history.facts.iter().find_map(|fact| match fact.what {
        What::Born(Doing::Resolve(live)) if fact.by == by => Some(live),
        _ => None,
    });
    run.phase == Phase::Halted && told.is_some_and(|live| split == Split::all(live))
}

/// What compares nothing itself, and is changed by one call at a time.
fn part(act: Act) -> (u8, u8) {
    match act {
        Act::Stage { router, .. } | Act::Shift { router, .. } => (0, router),
        Act::Deploy { .. } | Act::Standby(_) | Act::Retire(_) => (1, 0),
        Act::Migrate { .. } => (2, 0),
        Act::Quiesce(_) | Act::StartWorkers(_) => (3, 0),
    }
}

fn in_order(history: &History) -> Option<Breach> {
    let mut newest: BTreeMap<(u8, u8), Token> = BTreeMap::new();
    for (index, fact) in history.facts.iter().enumerate() {
        if let What::Landed(act, token) = fact.what {
            let newest = newest.entry(part(act)).or_default();
            if token < *newest {
                return Breach::at(
                    index,
                    format!("{act} of token {token} took effect after one of token {newest}"),
                );
            }
            *newest = token;
        }
    }
    None
}

/// A call may act until its settle time is over: counted from when it was given up, and where its process
/// was suspended by then, from when the lease of that process was over. Nobody follows it from then on.
fn settled(history: &History) -> Option<Breach> {
    let ttl_ms = u64::try_from(history.plan.lease.ttl.as_millis()).unwrap_or(u64::MAX);
    let mut renewed_ms: BTreeMap<Actor, u64> = BTreeMap::new();
    let mut open: Vec<(Actor, Act, Token)> = Vec::new();
    let mut given_up: Vec<(u64, Act, Token)> = Vec::new();
    for (index, fact) in history.facts.iter().enumerate() {
        let over_ms = |by: Actor| renewed_ms.get(&by).copied().unwrap_or(0).saturating_add(ttl_ms);
        match fact.what {
            What::Stored(stored) if stored.holder == Some(fact.by) => {
                renewed_ms.insert(fact.by, fact.at_ms);
            }
            What::Answered(act, token, answer) => {
                if let Some(place) = open.iter().position(|call| *call == (fact.by, act, token)) {
                    open.swap_remove(place);
                }
                if answer == Answer::Unknown {
                    let since_ms = fact.at_ms.min(over_ms(fact.by));
                    given_up.push((since_ms.saturating_add(history.settle_ms(act)), act, token));
                }
            }
            What::Sent(act, token) => {
                let others = open.iter().filter(|(by, ..)| *by != fact.by);
                let others = others.map(|(by, act, token)| {
                    (over_ms(*by).saturating_add(history.settle_ms(*act)), *act, *token)
                });
                // All routers are told side by side.
                let together = |first: Act, of: Token| part(first).0 == 0 && part(act).0 == 0 && of == token;
                let acts = given_up
                    .iter()
                    .copied()
                    .chain(others)
                    .filter(|(until_ms, first, of)| fact.at_ms < *until_ms && !together(*first, *of))
                    .max_by_key(|(until_ms, ..)| *until_ms);
                if let Some((until_ms, first, _)) = acts {
                    let left_ms = until_ms - fact.at_ms;
                    return Breach::at(
                        index,
                        format!("{act} was sent while {first} could still act for {left_ms} ms"),
                    );
                }
                open.push((fact.by, act, token));
            }
            _ => {}
        }
    }
    None
}
