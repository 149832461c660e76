//! By how much live's counts vary more than counts that are independent of each other.
//!
//! One fault often makes several bad requests: the share of a tick then varies more than a binomial share
//! does, and all evidence weighs too much. The factor is estimated from the differences between live's ticks that
//! follow each other, so that a share that drifts does not count as one that varies. What a tick says about the
//! candidate is then tempered: its e-value is raised to the power of `1 / factor`. The factor is at least 1 and
//! known before the tick, so the expectation is still at most 1 under the null hypothesis (Jensen), and the test is
//! as valid as before.

use serde::{Deserialize, Serialize};

use super::block::Counts;
use super::number::real;

/// As if so many bad ones had come each for itself before: a few that come together are no proof of anything.
const BEFORE: f64 = 20.0;
/// After so many bad ones, what is known counts for half.
const HALVED_AFTER: f64 = 4000.0;
/// One moment says no more than so many bad ones, and no more than so many times what was expected: an outage of
/// live's is no measure for the hour after it.
const MOST_BAD: f64 = 50.0;
const MOST_TIMES: f64 = 30.0;

/// How much the counts of one comparison vary, estimated from live's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Dispersion {
    last: Counts,
    /// The squares of the differences, in numbers of bad ones.
    seen: f64,
    /// What they would be if all were independent.
    expected: f64,
}

impl Dispersion {
    /// 1 for counts that are independent, and for less.
    pub(super) fn factor(&self) -> f64 {
        let factor = (self.seen + BEFORE) / (self.expected + BEFORE);
        // What comes from a store may be anything.
        if factor.is_finite() { factor.max(1.0) } else { 1.0 }
    }

    /// Takes in what live did in a tick. `shares`: the bad ones are a part of the requests, not something that may
    /// happen more than once in each.
    pub(super) fn add(&mut self, live: Counts, shares: bool) {
        let before = std::mem::replace(&mut self.last, live);
        let (Some(rate_before), Some(rate)) = (before.rate(), live.rate()) else {
            return;
        };
        let (n_before, n) = (real(before.requests), real(live.requests));
        let bad = real(before.bad) + real(live.bad);
        if bad <= 0.0 {
            return;
        }
        let good = if shares {
            (1.0 - bad / (n_before + n)).max(0.0)
        } else {
            1.0
        };
        let square = n_before * n * (rate - rate_before) * (rate - rate_before);
        let scale = (MOST_BAD / bad).min(1.0);
        self.seen += scale * square.min(MOST_TIMES * bad);
        self.expected += scale * bad * good;
        if self.expected > HALVED_AFTER {
            self.seen /= 2.0;
            self.expected /= 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fed(ticks: impl IntoIterator<Item = (u64, u64)>) -> f64 {
        let mut dispersion = Dispersion::default();
        for (requests, bad) in ticks {
            dispersion.add(Counts { requests, bad }, true);
        }
        dispersion.factor()
    }

    #[test]
    fn few_bad_ones_and_steady_ones_are_no_dispersion() {
        assert!((fed([]) - 1.0).abs() < 1e-12);
        assert!((fed([(1000, 0), (1000, 3), (1000, 0)]) - 1.0).abs() < 0.5);
        assert!((fed((0..1000).map(|_| (1000, 5))) - 1.0).abs() < 1e-12);
        // Live's share drifts from one in a thousand to five: that is no dispersion either.
        assert!(fed((0..1000).map(|tick| (10_000, 10 + tick / 25))) < 1.01);
    }

    #[test]
    fn bad_ones_that_come_five_at_a_time_vary_five_times_as_much() {
        // Of 8 ticks one has five bad ones: like an independent stream of groups.
        let mut random = 1_u64;
        let mut ticks = Vec::new();
        for _ in 0..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ticks.push((1000, if random >> 61 == 0 { 5 } else { 0 }));
        }
        let factor = fed(ticks);
        assert!((3.5..5.0).contains(&factor), "{factor}");
    }

    #[test]
    fn an_outage_of_live_is_forgotten() {
        let outage = (0..2000).map(|tick| (1000, if tick == 20 { 1000 } else { 4 }));
        assert!(fed(outage.clone().take(30)) > 2.0, "it is seen");
        let later = fed(outage);
        assert!(later < 1.5, "{later}");
    }

    proptest! {
        #[test]
        fn it_is_a_number_of_at_least_one_whatever_comes(
            ticks in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..50), shares in any::<bool>(),
        ) {
            let mut dispersion = Dispersion::default();
            for (requests, bad) in ticks {
                dispersion.add(Counts { requests, bad }, shares);
                let factor = dispersion.factor();
                prop_assert!(factor >= 1.0 && factor.is_finite(), "{factor}");
            }
        }
    }
}
