//! From a world that breaks a promise to the smallest one that still does.

use tokio::runtime::Runtime;

use super::history::History;
use super::plans::PLANS;
use super::provider::Providers;
use super::run::play;
use super::script::{Quality, Script};
use crate::invariants::{self, Breach, Invariant};

/// So many worlds are tried at most.
const TRIES: usize = 3_000;

/// The smallest world found that breaks the same promise, with what breaks it.
pub(crate) fn shrink(
    runtime: &Runtime,
    providers: Option<&Providers>,
    history: History,
    invariant: &'static Invariant,
    breach: Breach,
) -> (History, Breach) {
    let mut best = (history, breach);
    let mut tries = 0;
    loop {
        let size = size(&best);
        let smaller = simpler(&best.0.script, providers.is_some())
            .into_iter()
            .find_map(|script| {
                tries += 1;
                if tries > TRIES {
                    return None;
                }
                let history = play(runtime, &script, providers, false).ok()?;
                let (broken, breach) = invariants::broken(&history)?;
                let found = (history, breach);
                (broken.name == invariant.name && self::size(&found) < size).then_some(found)
            });
        match smaller {
            Some(found) => best = found,
            None => return best,
        }
    }
}

/// What is to be made small: first what happens, then the length of it.
fn size((history, breach): &(History, Breach)) -> (usize, usize, usize) {
    let script = &history.script;
    let bad = script
        .qualities
        .iter()
        .filter(|quality| **quality != Quality::GOOD)
        .count();
    (
        script.mishaps.len() + script.deeds.len() + bad,
        script.story.len() + script.routers.len(),
        breach.index,
    )
}

/// Everything that is one step simpler.
fn simpler(script: &Script, is_provided: bool) -> Vec<Script> {
    let mut simpler = Vec::new();
    let mut with = |change: &dyn Fn(&mut Script)| {
        let mut other = script.clone();
        change(&mut other);
        if other != *script {
            simpler.push(other);
        }
    };
    for index in 0..script.mishaps.len() {
        with(&|script| _ = script.mishaps.remove(index));
    }
    for index in 0..script.deeds.len() {
        with(&|script| _ = script.deeds.remove(index));
    }
    for index in 0..script.qualities.len() {
        with(&|script| {
            script
                .qualities
                .iter_mut()
                .skip(index)
                .take(1)
                .for_each(|quality| *quality = Quality::GOOD);
        });
    }
    for index in 0..script.story.len() {
        with(&|script| _ = script.story.remove(index));
    }
    if script.routers.len() > 1 {
        for index in 0..script.routers.len() {
            with(&|script| _ = script.routers.remove(index));
        }
    }
    with(&|script| {
        script
            .routers
            .iter_mut()
            .for_each(|router| (router.lag_ms, router.linger_ms) = (0, 0));
    });
    with(&|script| (script.host_settle_ms, script.other_settle_ms) = (0, 0));
    with(&|script| script.again_after_ms = 0);
    // A provider's routers may not be able to hold what another plan asks for.
    let plans = if is_provided { 0 } else { PLANS - 2 };
    for plan in 0..plans {
        with(&|script| script.plan = plan);
    }
    simpler
}
