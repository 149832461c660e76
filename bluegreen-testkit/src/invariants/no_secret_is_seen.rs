//! Promise 14: a secret appears in no record, event, notice, report or `Debug` output. Worlds whose plans
//! warm up have one: a command is given it, prints it, and in some of them fails.

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::What;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 14,
    name: "no_secret_is_seen",
    check,
};

fn check(history: &History) -> Option<Breach> {
    history
        .facts
        .iter()
        .enumerate()
        .find_map(|(index, fact)| match fact.what {
            What::Leaked(place) => Breach::at(index, format!("a secret can be read in {place}")),
            _ => None,
        })
}
