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

fn settled(history: &History) -> Option<Breach> {
    let mut until: (u64, Option<(Act, Token)>) = (0, None);
    for (index, fact) in history.facts.iter().enumerate() {
        match fact.what {
            What::Answered(act, token, Answer::Unknown) => {
                let end = fact.at_ms + history.settle_ms(act);
                if end > until.0 {
                    until = (end, Some((act, token)));
                }
            }
            What::Sent(act, token) if fact.at_ms < until.0 => {
                let Some((first, of)) = until.1 else { continue };
                // All routers are told side by side.
                if part(first).0 == 0 && part(act).0 == 0 && of == token {
                    continue;
                }
                let left = until.0 - fact.at_ms;
                return Breach::at(
                    index,
                    format!("{act} was sent while {first} could still act for {left} ms"),
                );
            }
            _ => {}
        }
    }
    None
}
