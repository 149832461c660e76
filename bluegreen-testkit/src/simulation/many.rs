//! Many worlds, on all cores; the result does not depend on how many there are.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde::Serialize;
use tokio::runtime::Runtime;

use super::coverage::{Coverage, Tally};
use super::draw::{draw, with_provider};
use super::history::History;
use super::provider::Providers;
use super::run::play;
use super::script::Script;
use super::show;
use super::shrink::shrink;
use super::systematic::{FIRST, Systematic};
use crate::invariants;

/// What is to be simulated with a provider.
#[derive(Clone, Copy)]
pub struct ProviderSimulation<'a> {
    /// So many deployments at least.
    pub deployments: u64,
    /// The first of the seeds of the worlds.
    pub seed: u64,
    /// So many threads; all cores without it.
    pub threads: Option<NonZero<usize>>,
    /// What makes the provider of a world.
    pub providers: &'a Providers<'a>,
}

impl std::fmt::Debug for ProviderSimulation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderSimulation")
            .field("deployments", &self.deployments)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl ProviderSimulation<'_> {
    /// Plays worlds until there were enough deployments, or a promise is broken.
    ///
    /// # Errors
    /// When a runtime cannot be made.
    pub fn run(&self) -> Result<Summary, String> {
        let players = Players {
            threads: threads(self.threads),
            providers: Some(self.providers),
        };
        let script = |number: u64| with_provider(self.seed.wrapping_add(number), self.providers);
        players.until(self.deployments, &script)
    }

    /// The world of a seed, line by line, and the promise that it breaks, if it does.
    ///
    /// # Errors
    /// When a runtime cannot be made.
    pub fn replay(&self, seed: u64) -> Result<(String, Option<Violation>), String> {
        let runtime = runtime()?;
        let script = with_provider(seed, self.providers)?;
        told(&runtime, &script, Some(self.providers))
    }
}

/// What is to be simulated.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// So many deployments at least.
    pub deployments: u64,
    /// The first of the seeds of the random worlds.
    pub seed: u64,
    /// So many threads; all cores without it.
    pub threads: Option<NonZero<usize>>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What was covered.
    pub coverage: Coverage,
    /// The first promise that was broken, if one was.
    pub violation: Option<Violation>,
}

/// A promise that was broken.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// The number of the promise.
    pub promise: u8,
    /// Its name.
    pub name: &'static str,
    /// How it was broken.
    pub what: String,
    /// The smallest world found that breaks it too, line by line up to there.
    pub trace: String,
}

/// In what share of the deployments at most systematic worlds are taken before random ones, in tenths.
const SYSTEMATIC_TENTHS: u64 = 6;

/// One world in so many is played twice, for promise 13.
const TWICE_EVERY: u64 = 1_000;

/// So many worlds at most are played between two looks at how many deployments there were.
const CHUNK: u64 = 20_000;

impl Simulation {
    /// Plays worlds until there were enough deployments, or a promise is broken.
    ///
    /// # Errors
    /// When a runtime cannot be made.
    pub fn run(&self) -> Result<Summary, String> {
        let systematic = Systematic::list(&runtime()?)?;
        let mut systematic_worlds = u64::try_from(systematic.len()).unwrap_or(u64::MAX);
        // A world has two deployments or more.
        systematic_worlds = systematic_worlds.min(self.deployments * SYSTEMATIC_TENTHS / 20);
        let script = |number: u64| {
            let place = usize::try_from(number)
                .ok()
                .filter(|_| number < systematic_worlds);
            Ok(place
                .and_then(|place| systematic.script(place))
                .unwrap_or_else(|| draw(self.seed.wrapping_add(number))))
        };
        let players = Players {
            threads: threads(self.threads),
            providers: None,
        };
        players.until(self.deployments, &script)
    }
}

fn threads(asked: Option<NonZero<usize>>) -> usize {
    asked
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZero::get)
}

/// The script of a seed, as a violation names it.
///
/// # Errors
/// When there is no such world.
fn script_of(seed: u64, runtime: &Runtime) -> Result<Script, String> {
    let Some(place) = seed.checked_sub(FIRST) else {
        return Ok(draw(seed));
    };
    let place = usize::try_from(place).map_err(|error| error.to_string())?;
    Systematic::list(runtime)?
        .script(place)
        .ok_or_else(|| format!("there is no systematic world {place}"))
}

/// The world of a seed, line by line, and the promise that it breaks, if it does.
///
/// # Errors
/// When there is no such world.
pub fn replay(seed: u64) -> Result<(String, Option<Violation>), String> {
    let runtime = runtime()?;
    told(&runtime, &script_of(seed, &runtime)?, None)
}

fn told(
    runtime: &Runtime,
    script: &Script,
    providers: Option<&Providers>,
) -> Result<(String, Option<Violation>), String> {
    let history = play(runtime, script, providers, false)?;
    let text = show::history(&history, None);
    Ok((text, violation(runtime, providers, history)?))
}

/// What is the same each time that the world of a seed is played: every line of its history, and a
/// digest of every record that was stored in it.
///
/// # Errors
/// When there is no such world.
pub fn fingerprint(seed: u64) -> Result<(String, u64), String> {
    let runtime = runtime()?;
    let history = play(&runtime, &script_of(seed, &runtime)?, None, true)?;
    Ok((show::history(&history, None), history.end.digest))
}

fn runtime() -> Result<Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())
}

/// Promise 13: the same plan and events give the same bytes. Says how a world breaks it.
fn differs(
    runtime: &Runtime,
    script: &Script,
    providers: Option<&Providers>,
) -> Result<Option<String>, String> {
    let once = play(runtime, script, providers, true)?.end.digest;
    let again = play(runtime, script, providers, true)?.end.digest;
    let what =
        || format!("played twice, it stored other bytes: their digests are {once:016x} and {again:016x}");
    Ok((once != again).then(what))
}

/// The promise that a world breaks, if it does, in the smallest world found that breaks it too.
fn violation(
    runtime: &Runtime,
    providers: Option<&Providers>,
    history: History,
) -> Result<Option<Violation>, String> {
    let seed = history.script.seed;
    let Some((invariant, breach)) = invariants::broken(&history) else {
        let differs = differs(runtime, &history.script, providers)?;
        return Ok(differs.map(|what| Violation {
            seed,
            promise: 13,
            name: "same_bytes_again",
            what,
            trace: show::history(&history, None),
        }));
    };
    let (smallest, breach) = shrink(runtime, providers, history, invariant, breach);
    Ok(Some(Violation {
        seed,
        promise: invariant.promise,
        name: invariant.name,
        what: breach.what.clone(),
        trace: show::history(&smallest, Some(breach.index)),
    }))
}

/// Who plays worlds.
struct Players<'a> {
    threads: usize,
    providers: Option<&'a Providers<'a>>,
}

impl Players<'_> {
    /// Plays worlds until there were enough deployments, or a promise is broken.
    fn until(
        &self,
        deployments: u64,
        script: &(impl Fn(u64) -> Result<Script, String> + Sync),
    ) -> Result<Summary, String> {
        let mut coverage = Coverage::default();
        let mut worlds = 0..0;
        while coverage.deployments < deployments {
            let missing = (deployments - coverage.deployments) / 2;
            worlds = worlds.end..worlds.end + missing.clamp(1, CHUNK);
            let (part, violation) = self.play_all(worlds.clone(), script)?;
            coverage.add(&part);
            if violation.is_some() {
                return Ok(Summary { coverage, violation });
            }
        }
        Ok(Summary {
            coverage,
            violation: None,
        })
    }

    /// Plays the worlds of a range. Of several that break a promise the first one is told.
    fn play_all(
        &self,
        worlds: std::ops::Range<u64>,
        script: &(impl Fn(u64) -> Result<Script, String> + Sync),
    ) -> Result<(Coverage, Option<Violation>), String> {
        let next = AtomicU64::new(worlds.start);
        let first_broken = AtomicU64::new(u64::MAX);
        let all = Mutex::new(Coverage::default());
        let work = || -> Result<(), String> {
            let runtime = runtime()?;
            let (mut coverage, mut tally) = (Coverage::default(), Tally::default());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= worlds.end || number > first_broken.load(Ordering::Relaxed) {
                    break;
                }
                let script = script(number)?;
                let history = play(&runtime, &script, self.providers, false)?;
                coverage.take(&history, &mut tally);
                let is_broken = invariants::broken(&history).is_some();
                let is_twice = number.is_multiple_of(TWICE_EVERY);
                if is_broken || (is_twice && differs(&runtime, &script, self.providers)?.is_some()) {
                    first_broken.fetch_min(number, Ordering::Relaxed);
                }
            }
            tally.name(&mut coverage);
            if let Ok(mut all) = all.lock() {
                all.add(&coverage);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let started: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            started
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| "a world panicked".to_owned())?)
        })?;
        let coverage = all
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let broken = first_broken.into_inner();
        let violation = if broken == u64::MAX {
            None
        } else {
            let runtime = runtime()?;
            let history = play(&runtime, &script(broken)?, self.providers, false)?;
            violation(&runtime, self.providers, history)?
        };
        Ok((coverage, violation))
    }
}
