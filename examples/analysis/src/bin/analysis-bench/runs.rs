//! Many runs of one setting, on all cores.

use std::thread;

use crate::Failure;
use crate::field::Rule;
use crate::world::{Setting, World};

/// When runs were rolled back, in seconds; `None` for those that were not.
pub(crate) struct Outcomes(Vec<Option<f64>>);

/// How long a stage is, in seconds.
pub(crate) const STAGE_S: u32 = 3600;

/// Does something for each seed, on all cores; the order of the answers is that of the seeds.
pub(crate) fn each<T: Send>(
    runs: u64,
    seed: u64,
    run: impl Fn(u64) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let threads = thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap_or(1));
    let run = &run;
    let parts: Vec<Result<Vec<T>, String>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mine = (runs * thread / threads)..(runs * (thread + 1) / threads);
                    mine.map(|index| run(seed.wrapping_mul(1_000_003).wrapping_add(index)))
                        .collect::<Result<Vec<T>, Failure>>()
                        .map_err(|failure| failure.to_string())
                })
            })
            .collect();
        let ended = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err("a run panicked".into())));
        ended.collect()
    });
    let mut all = Vec::new();
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}

/// Runs a rule on a setting, for a stage or until it rolls back.
pub(crate) fn errors<R: Rule>(
    setting: Setting,
    runs: u64,
    seed: u64,
    rule: impl Fn() -> Result<R, Failure> + Sync,
) -> Result<Outcomes, Failure> {
    let outcomes = each(runs, seed, |seed| {
        let (mut world, mut rule) = (World::new(setting, seed), rule()?);
        let at = (1..=STAGE_S).find(|_| rule.rolls_back(world.next_second()));
        Ok(at.map(f64::from))
    });
    outcomes.map(Outcomes)
}

impl Outcomes {
    pub(crate) const fn new(outcomes: Vec<Option<f64>>) -> Self {
        Self(outcomes)
    }

    /// The share of runs that were rolled back.
    pub(crate) fn rolled_back(&self) -> f64 {
        let count = self.0.iter().flatten().count();
        ratio(count, self.0.len())
    }

    /// One standard deviation of [`Self::rolled_back`], for the error of the simulation.
    pub(crate) fn deviation(&self) -> f64 {
        let share = self.rolled_back();
        (share * (1.0 - share) / ratio(self.0.len(), 1)).sqrt()
    }

    /// The time after which so large a share of the runs was rolled back, 0 to 1. Infinite when fewer were.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut times: Vec<f64> = self.0.iter().map(|at| at.unwrap_or(f64::INFINITY)).collect();
        times.sort_unstable_by(f64::total_cmp);
        let wanted = share * ratio(times.len(), 1);
        let place = times
            .iter()
            .zip(1_u32..)
            .find(|(_, rank)| f64::from(*rank) >= wanted);
        place.map_or(f64::INFINITY, |(at, _)| *at)
    }

    /// The mean time. Infinite when a run was not rolled back.
    pub(crate) fn mean(&self) -> f64 {
        let sum: f64 = self.0.iter().map(|at| at.unwrap_or(f64::INFINITY)).sum();
        sum / ratio(self.0.len(), 1)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    let real = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    real(part) / real(whole.max(1))
}
