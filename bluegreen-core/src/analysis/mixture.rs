//! Evidence that grows over ticks: stakes on several alternatives at once.
//!
//! Each alternative's stake is multiplied by the e-value of each tick, so the sum is a nonnegative
//! supermartingale under the null hypothesis, and Ville's inequality says that it ever reaches `1/alpha` with
//! a probability of at most `alpha`, however often it is looked at. Two things are different from the
//! textbook:
//! - a tick multiplies a stake by at most the *cap*, so that one bad moment (an outage of seconds, a burst of
//!   errors that depend on each other) decides nothing;
//! - a quarter of the money is held back and staked bit by bit (the *restart*), so that a regression that
//!   begins late does not have to win back what the good time before it has lost.

use serde::{Deserialize, Serialize};

use super::number::size;

/// What is held back for restarts; the rest is staked at the beginning. With a half, a regression that is there
/// from the beginning would be found 6 % later.
pub(super) const HELD_BACK: f64 = 0.25;

/// No stake grows beyond it: far above every threshold, and finite.
const LARGEST_STAKE: f64 = 1e100;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mixture {
    stakes: Vec<f64>,
    held_back: f64,
    /// The greatest sum so far: its reciprocal is an always-valid p-value.
    peak: f64,
}

/// What evidence may become. Less than it could be is always allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The logarithm of what a tick may multiply it by.
    pub(super) ln_cap: f64,
    /// What it may be in all. Evidence for something that may end, such as a warning, is kept low, so that it
    /// does end.
    pub(super) ceiling: f64,
}

impl Limits {
    /// Only a cap.
    pub(super) const fn cap(ln_cap: f64) -> Self {
        Self {
            ln_cap,
            ceiling: f64::INFINITY,
        }
    }
}

impl Mixture {
    pub(super) fn new(alternatives: usize) -> Self {
        Self {
            stakes: vec![(1.0 - HELD_BACK) / size(alternatives).max(1.0); alternatives],
            held_back: HELD_BACK,
            peak: 1.0,
        }
    }

    /// Whether it can have been made by this version for so many alternatives. What comes from a store is
    /// not believed blindly: a stake too high would roll back, one too low would hide a regression.
    pub(super) fn fits(&self, alternatives: usize) -> bool {
        let sound = |value: &f64| (0.0..=2.0 * LARGEST_STAKE * size(alternatives)).contains(value);
        self.stakes.len() == alternatives
            && self.stakes.iter().all(sound)
            && (0.0..=HELD_BACK).contains(&self.held_back)
            && sound(&self.peak)
    }

    /// Takes in one tick: the logarithm of the e-value for each alternative, in their order. `planned` is the
    /// part of the planned time that the tick is.
    pub(super) fn update(
        &mut self,
        ln_e_values: impl IntoIterator<Item = f64>,
        planned: f64,
        limits: Limits,
    ) {
        let fresh = (HELD_BACK * planned).clamp(0.0, self.held_back);
        self.held_back -= fresh;
        let share = fresh / size(self.stakes.len()).max(1.0);
        for (stake, ln_e_value) in self.stakes.iter_mut().zip(ln_e_values) {
            // What is no number is no evidence.
            let won = if ln_e_value.is_nan() {
                0.0
            } else {
                ln_e_value.min(limits.ln_cap)
            };
            let grown = (*stake + share) * won.exp();
            *stake = grown.clamp(0.0, LARGEST_STAKE);
        }
        let sum: f64 = self.stakes.iter().sum();
        if sum > limits.ceiling {
            let scale = limits.ceiling / sum;
            self.stakes.iter_mut().for_each(|stake| *stake *= scale);
        }
        self.peak = self.peak.max(self.value());
    }

    /// How much evidence there is now: 1 is none.
    pub(super) fn value(&self) -> f64 {
        self.stakes.iter().sum::<f64>() + self.held_back
    }

    /// How much there was at most.
    pub(super) const fn peak(&self) -> f64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_won_or_lost_without_evidence() {
        let mut mixture = Mixture::new(8);
        for _ in 0..2_000 {
            mixture.update([0.0; 8], 1.0 / 720.0, Limits::cap(0.7));
            assert!((mixture.value() - 1.0).abs() < 1e-12, "{}", mixture.value());
        }
        assert!(mixture.held_back.abs() < 1e-12);
    }

    #[test]
    fn a_tick_counts_for_no_more_than_the_cap_and_values_stay_finite() {
        let cap = 100.0_f64.ln() / 6.0;
        let mut mixture = Mixture::new(1);
        for tick in 1..=7 {
            mixture.update([f64::INFINITY], 0.0, Limits::cap(cap));
            assert_eq!(mixture.value() >= 100.0, tick == 7, "{tick}: {}", mixture.value());
        }
        for _ in 0..10_000 {
            mixture.update([f64::INFINITY], 0.0, Limits::cap(cap));
        }
        assert!(mixture.value().is_finite() && mixture.fits(1));
        mixture.update([f64::NEG_INFINITY], 0.0, Limits::cap(cap));
        assert!(mixture.value() <= 1.0 && mixture.peak() > 1e99);
    }

    #[test]
    fn evidence_with_a_ceiling_fades() {
        let limits = Limits {
            ln_cap: 1.0,
            ceiling: 200.0,
        };
        let mut mixture = Mixture::new(2);
        for _ in 0..1_000 {
            mixture.update([1.0, 0.5], 0.0, limits);
        }
        assert!(mixture.value() > 200.0 && mixture.value() < 201.0);
        mixture.update([-1.0, -1.0], 0.0, limits);
        assert!(mixture.value() < 100.0);
    }

    /// All outcomes of sixteen ticks of a fair bet, with cap and restart: the probability of ever reaching
    /// 1/alpha is at most alpha.
    #[test]
    fn the_exact_probability_of_a_false_alarm_is_at_most_alpha() {
        for (cap, threshold) in [(f64::INFINITY, 3.0), (f64::INFINITY, 10.0), (0.9, 5.0)] {
            let mut crossed = 0_u32;
            for outcomes in 0..1_u32 << 16 {
                let mut mixture = Mixture::new(2);
                for tick in 0..16 {
                    let win = outcomes >> tick & 1 == 1;
                    let e_values = if win { [1.5_f64, 1.9] } else { [0.5, 0.1] };
                    mixture.update(e_values.map(f64::ln), 1.0 / 16.0, Limits::cap(cap));
                }
                crossed += u32::from(mixture.peak() >= threshold);
            }
            let probability = f64::from(crossed) / f64::from(1_u32 << 16);
            assert!(probability <= 1.0 / threshold, "{probability} at {threshold}");
            assert!(probability > 0.01, "the test says something: {probability}");
        }
    }
}
