//! Promise 4 builds on it, and promise 12: what a plugin says to be live is live, and what a plugin is told to change
//! is all that it changes. Only of worlds with a provider: the world's own routers cannot lie.

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::What;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 12,
    name: "providers_tell_the_truth",
    check,
};

fn check(history: &History) -> Option<Breach> {
    history
        .facts
        .iter()
        .enumerate()
        .find_map(|(index, fact)| match fact.what {
            What::Wrong(what) => Breach::at(index, what),
            _ => None,
        })
}
