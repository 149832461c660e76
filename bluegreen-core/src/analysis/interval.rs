//! How far apart two rates may be.
//!
//! Wilson's score interval for one rate (Wilson 1927), and for a difference the square-and-add method
//! (Newcombe 1998, method 10; for `a - c * b` as in Zou and Donner 2008). They hold for one look, which is
//! the end of a bake; for looks in between there is the evidence.

use super::block::{Block, Bound, Counts};
use super::number::real;

/// The 95 % quantile of the normal distribution: one-sided limits at 95 %.
const Z: f64 = 1.644_853_626_951_472_2;

/// Within which limits a rate is, each at 95 %. Nothing is known without requests.
pub(super) fn wilson(counts: Counts) -> (f64, f64) {
    wilson_of_dispersed(counts, 1.0)
}

/// The same for counts that vary so many times as much as independent ones: as for so many times fewer requests
/// of the same rate.
pub(super) fn wilson_of_dispersed(counts: Counts, factor: f64) -> (f64, f64) {
    let n = real(counts.requests);
    let Some(rate) = counts.rate() else {
        return (0.0, 1.0);
    };
    let square = Z * Z * factor;
    let centre = rate + square / (2.0 * n);
    let reach = (square * (rate * (1.0 - rate) / n + square / (4.0 * n * n))).sqrt();
    let scale = 1.0 + square / n;
    (
        ((centre - reach) / scale).max(0.0),
        ((centre + reach) / scale).min(1.0),
    )
}

/// The upper limit of `p_candidate - (ratio * p_live + slack)`: below 0 the candidate is within the bound. The
/// counts vary `dispersion` times as much as independent ones.
pub(super) fn upper_limit_beyond(block: Block, bound: Bound, dispersion: f64) -> f64 {
    let (candidate, live) = (
        block.candidate.rate().unwrap_or(1.0),
        block.live.rate().unwrap_or(0.0),
    );
    let (_, candidate_high) = wilson_of_dispersed(block.candidate, dispersion);
    let (live_low, _) = wilson_of_dispersed(block.live, dispersion);
    let reach = (candidate_high - candidate).hypot(bound.ratio * (live - live_low));
    candidate - bound.at(live) + reach
}

/// So many requests without a single bad one show, at an error of `beta`, that the rate is below `rate`:
/// `ln(beta) / ln(1 - rate)`, rounded up.
pub(super) fn minimum_sample(rate: f64, beta: f64) -> f64 {
    (beta.ln() / (-rate).ln_1p()).ceil().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_literature() {
        // scipy.stats.binomtest(x, n).proportion_ci(0.9, "wilson"), scipy 1.17.1.
        for (bad, requests, low, high) in WILSON {
            let (found_low, found_high) = wilson(Counts { requests, bad });
            assert!(
                (found_low - low).abs() < 1e-9 && (found_high - high).abs() < 1e-9,
                "{bad} of {requests}"
            );
        }
        assert_eq!(wilson(Counts::default()), (0.0, 1.0));
    }

    #[test]
    fn counts_that_vary_more_say_as_little_as_fewer_of_the_same_rate() {
        let few = Counts {
            requests: 1000,
            bad: 10,
        };
        let many = Counts {
            requests: 5000,
            bad: 50,
        };
        let (of_few, of_many) = (wilson(few), wilson_of_dispersed(many, 5.0));
        assert!((of_few.0 - of_many.0).abs() < 1e-12 && (of_few.1 - of_many.1).abs() < 1e-12);
    }

    #[test]
    fn so_many_good_requests_show_a_low_rate() {
        assert!((minimum_sample(0.01, 0.05) - 299.0).abs() < f64::EPSILON);
        assert!((minimum_sample(0.001, 0.05) - 2995.0).abs() < f64::EPSILON);
    }

    #[test]
    fn without_requests_nothing_is_within_a_bound() {
        let bound = Bound {
            ratio: 2.0,
            slack: 0.5,
        };
        let some = Counts {
            requests: 1_000_000,
            bad: 0,
        };
        for (candidate, live) in [(Counts::default(), some), (Counts::default(), Counts::default())] {
            assert!(upper_limit_beyond(Block { candidate, live }, bound, 1.0) > 0.0);
        }
        assert!(
            upper_limit_beyond(
                Block {
                    candidate: some,
                    live: some
                },
                bound,
                1.0
            ) < 0.0
        );
    }

    const WILSON: [(u64, u64, f64, f64); 5] = [
        (0, 299, 0.0, 0.008_967_496_663),
        (3, 1000, 0.001_199_562_478, 0.007_482_491_302),
        (50, 100, 0.418_847_796_113, 0.581_152_203_887),
        (1, 1, 0.269_865_948_784, 1.0),
        (120, 100_000, 0.001_032_915_827, 0.001_394_073_944),
    ];
}
