//! How calls that failed without effect are repeated. There is one retry layer, this one.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::{Deserialize, Serialize};

use crate::plan::humane;

/// How often and after which waits a call that had no effect is sent again: exponential, capped,
/// with jitter that is a function of the attempt and a seed, so that runs can be repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// The wait before the first repetition.
    #[serde(with = "humane")]
    pub first: Duration,
    /// The longest wait.
    #[serde(with = "humane")]
    pub max: Duration,
    /// What a wait is multiplied by for the next.
    pub factor: f32,
    /// How many times a call is sent at most; the phase's deadline may end it before.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            max: Duration::from_secs(10),
            factor: 2.0,
            attempts: 8,
        }
    }
}

/// Longer waits than this make no sense; the limit also keeps the arithmetic of extreme policies sane.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Schedules do not grow any more after so many repetitions, whatever their factor.
const LAST_GROWTH: u32 = 1_000;

impl RetryPolicy {
    /// The wait before attempt number `attempt` (the first repetition is 1). `seed` spreads callers
    /// that failed at the same moment.
    ///
    /// The same policy, attempt and seed give the same wait. It lies between half of the schedule's
    /// wait (`first`, multiplied by `factor` for each further attempt, at most `max`) and all of it:
    /// never below half of `first`, never above `max`. A factor below 1, or none at all (NaN), counts as 1.
    ///
    /// ```
    /// use bluegreen_core::RetryPolicy;
    /// use std::time::Duration;
    ///
    /// let policy = RetryPolicy::default();
    /// let wait = policy.wait(1, 42);
    /// assert_eq!(wait, policy.wait(1, 42));
    /// assert!(wait >= Duration::from_millis(250) && wait <= Duration::from_millis(500));
    /// ```
    #[must_use]
    pub fn wait(&self, attempt: u32, seed: u64) -> Duration {
        let max = self.max.min(LONGEST);
        let first = self.first.min(max);
        // The schedule of the halves; the jitter adds up to as much again.
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(first / 2)
            .with_max_delay(max / 2)
            .with_factor(if self.factor >= 1.0 { self.factor } else { 1.0 })
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(seed)
            .build();
        let index = attempt.clamp(1, LAST_GROWTH) - 1;
        let wait = waits.nth(index as usize).unwrap_or(max);
        wait.clamp(first / 2, max)
    }
}

/// Takes over the schedule of the crate `backoff`, which is no longer maintained.
///
/// | `backoff` | here |
/// |---|---|
/// | `initial_interval` | `first` |
/// | `max_interval` | `max`, at least `first` |
/// | `multiplier` | `factor`; 1 if it is below 1 or no number |
/// | `max_elapsed_time` | `attempts`: as many as fit into that time when each wait is as long as planned; without it the default |
/// | `randomization_factor` | not taken: the jitter here is between half of a wait and all of it |
/// | `current_interval`, `start_time` | not taken: a policy has no state |
#[cfg(feature = "backoff")]
impl<C> From<backoff::exponential::ExponentialBackoff<C>> for RetryPolicy {
    fn from(theirs: backoff::exponential::ExponentialBackoff<C>) -> Self {
        let first = theirs.initial_interval.min(LONGEST);
        let max = theirs.max_interval.max(first).min(LONGEST);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to what an f32 holds")]
        let factor = if theirs.multiplier >= 1.0 {
            theirs.multiplier.min(1e6) as f32
        } else {
            1.0
        };
        let attempts = match theirs.max_elapsed_time {
            Some(limit) => attempts_within(limit, first, max, factor),
            None => Self::default().attempts,
        };
        Self {
            first,
            max,
            factor,
            attempts,
        }
    }
}

/// How many attempts fit into `limit`: the first at once, each other after its whole wait.
#[cfg(feature = "backoff")]
fn attempts_within(limit: Duration, first: Duration, max: Duration, factor: f32) -> u32 {
    let schedule = ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(max)
        .with_factor(factor)
        .with_max_times(LAST_GROWTH as usize)
        .with_total_delay(Some(limit))
        .build();
    u32::try_from(schedule.count())
        .unwrap_or(LAST_GROWTH)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> impl Strategy<Value = RetryPolicy> {
        let factor = prop_oneof![any::<f32>(), 1.0f32..4.0];
        (0u64..100_000, 0u64..10_000_000, factor).prop_map(|(first, more, factor)| RetryPolicy {
            first: Duration::from_millis(first),
            max: Duration::from_millis(first.saturating_add(more)),
            factor,
            attempts: 8,
        })
    }

    proptest! {
        #[test]
        fn a_wait_is_at_least_half_of_the_first_and_at_most_the_longest(
            policy in policy(), attempt in any::<u32>(), seed in any::<u64>()
        ) {
            let wait = policy.wait(attempt, seed);
            prop_assert!(wait >= policy.first / 2, "{wait:?}");
            prop_assert!(wait <= policy.max, "{wait:?}");
        }

        #[test]
        fn the_same_attempt_and_seed_give_the_same_wait(policy in policy(), attempt in 0u32..50, seed in any::<u64>()) {
            prop_assert_eq!(policy.wait(attempt, seed), policy.wait(attempt, seed));
        }
    }

    #[test]
    fn waits_grow_until_the_longest_and_differ_by_seed_there_too() {
        let policy = RetryPolicy::default();
        for (attempt, whole_ms) in [
            (0, 500),
            (1, 500),
            (2, 1_000),
            (3, 2_000),
            (4, 4_000),
            (5, 8_000),
            (6, 10_000),
            (90, 10_000),
        ] {
            let whole = Duration::from_millis(whole_ms);
            let waits: Vec<_> = (0..200).map(|seed| policy.wait(attempt, seed)).collect();
            assert!(
                waits.iter().all(|wait| *wait >= whole / 2 && *wait <= whole),
                "attempt {attempt}"
            );
            let spread = waits.iter().max().unwrap().abs_diff(*waits.iter().min().unwrap());
            assert!(spread > whole / 3, "attempt {attempt}: {spread:?}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_a_year() {
        let endless = RetryPolicy {
            first: Duration::MAX,
            max: Duration::MAX,
            ..RetryPolicy::default()
        };
        let wait = endless.wait(1, 7);
        let day = Duration::from_hours(24);
        assert!(wait >= 183 * day && wait <= 366 * day, "{wait:?}");
    }

    #[test]
    fn extreme_policies_do_not_panic() {
        for factor in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0, -1.0] {
            for (first, max) in [
                (Duration::MAX, Duration::MAX),
                (Duration::ZERO, Duration::MAX),
                (Duration::MAX, Duration::ZERO),
                (Duration::ZERO, Duration::ZERO),
            ] {
                let policy = RetryPolicy {
                    first,
                    max,
                    factor,
                    attempts: 0,
                };
                for attempt in [0, 1, 2, 100, u32::MAX] {
                    assert!(policy.wait(attempt, 7) <= max);
                }
            }
        }
    }

    #[cfg(feature = "backoff")]
    #[test]
    fn a_schedule_of_the_backoff_crate_is_taken_over() {
        let theirs = backoff::ExponentialBackoff {
            initial_interval: Duration::from_secs(1),
            multiplier: 2.0,
            max_interval: Duration::from_secs(8),
            max_elapsed_time: Some(Duration::from_secs(16)),
            ..Default::default()
        };
        // 1 + 2 + 4 + 8 seconds of waits fit: four repetitions after the first attempt.
        let expected = RetryPolicy {
            first: Duration::from_secs(1),
            max: Duration::from_secs(8),
            factor: 2.0,
            attempts: 5,
        };
        assert_eq!(RetryPolicy::from(theirs), expected);
    }

    #[cfg(feature = "backoff")]
    #[test]
    fn a_senseless_schedule_of_the_backoff_crate_becomes_a_harmless_one() {
        for multiplier in [f64::NAN, 0.0, -3.0, f64::INFINITY, f64::MAX] {
            for max_elapsed_time in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                let policy = RetryPolicy::from(backoff::ExponentialBackoff {
                    initial_interval: Duration::ZERO,
                    multiplier,
                    max_interval: Duration::ZERO,
                    max_elapsed_time,
                    ..Default::default()
                });
                assert!(policy.factor.is_finite() && policy.factor >= 1.0, "{multiplier}");
                assert!(policy.attempts >= 1);
                assert_eq!(policy.wait(3, 1), Duration::ZERO);
            }
        }
    }
}
