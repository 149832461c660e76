//! The evidence of one tick: an e-value for two binomial counts against a composite null hypothesis.
//!
//! For counts `x_g ~ Bin(n_g, p_g)` of the candidate and `x_b ~ Bin(n_b, p_b)` of live, and the null
//! hypothesis `H0: p_g <= ratio * p_b + slack`, the e-value of an alternative `(a_g, a_b)` outside H0 is the
//! likelihood ratio of the alternative and of its *projection* on H0: the point of H0 that minimises
//! `n_g KL(a_g || p_g) + n_b KL(a_b || p_b)`. Its expectation is at most 1 at every point of H0 (Turner, Ly
//! and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
//! stopping", arXiv:2106.02693; convex nulls: Turner and Grünwald, arXiv:2203.09785). The sum is convex in
//! `p_b` along the boundary `p_g = ratio * p_b + slack`, and its derivative changes sign once between `a_b`
//! and the `p_b` whose bound is `a_g`, so a bracketed Newton iteration finds it.

use serde::{Deserialize, Serialize};

use super::number::{count, real};

/// How many requests there were, and how many of them were bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// The bad ones: errors, or those that took too long.
    pub bad: u64,
}

impl Counts {
    /// The share of bad ones, or `None` without requests.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.requests > 0).then(|| real(self.bad) / real(self.requests))
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.bad = self.bad.saturating_add(more.bad);
    }
}

/// What both sides saw in the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Block {
    pub(super) candidate: Counts,
    pub(super) live: Counts,
}

impl Block {
    pub(super) const fn add(&mut self, more: Self) {
        self.candidate.add(more.candidate);
        self.live.add(more.live);
    }

    /// So many times as much.
    pub(super) fn times(self, factor: f64) -> Self {
        let times = |counts: Counts| Counts {
            requests: count(real(counts.requests) * factor).unwrap_or(counts.requests),
            bad: count(real(counts.bad) * factor).unwrap_or(counts.bad),
        };
        Self {
            candidate: times(self.candidate),
            live: times(self.live),
        }
    }

    /// With the candidate's place taken by live: for the question whether live itself is ill.
    pub(super) const fn of_live(self) -> Self {
        Self {
            candidate: self.live,
            live: self.live,
        }
    }
}

/// A limit for the candidate's rate that may depend on live's: `ratio * p_b + slack`. With a ratio of 0
/// it is absolute, and live does not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) ratio: f64,
    pub(super) slack: f64,
}

impl Bound {
    pub(super) const fn absolute(limit: f64) -> Self {
        Self {
            ratio: 0.0,
            slack: limit,
        }
    }

    pub(super) fn at(self, live: f64) -> f64 {
        self.ratio * live + self.slack
    }
}

/// Which side of the bound the null hypothesis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// The candidate is at most at the bound. Evidence against it is evidence of a regression.
    AtMost,
    /// The candidate is at least at the bound. Evidence against it is evidence that all is well.
    AtLeast,
}

/// Rates that are bet on. Both are inside (0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alternative {
    pub(super) candidate: f64,
    pub(super) live: f64,
}

/// The numbers of a block; not whole where they are expectations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    pub(super) candidate: Amount,
    pub(super) live: Amount,
}

/// The numbers of one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    pub(super) requests: f64,
    pub(super) bad: f64,
}

impl From<Counts> for Amount {
    fn from(counts: Counts) -> Self {
        Self {
            requests: real(counts.requests),
            bad: real(counts.bad),
        }
    }
}

/// The natural logarithm of the e-value of a block. 0, which is no evidence, when a side that is needed
/// has no requests, or the alternative lies within the null hypothesis.
pub(super) fn ln_e_value(block: Block, alternative: Alternative, null: Null, bound: Bound) -> f64 {
    let amounts = Amounts {
        candidate: block.candidate.into(),
        live: block.live.into(),
    };
    ln_e_value_of(amounts, alternative, null, bound)
}

/// The same for numbers that need not be whole.
pub(super) fn ln_e_value_of(amounts: Amounts, alternative: Alternative, null: Null, bound: Bound) -> f64 {
    let Amounts {
        mut candidate,
        mut live,
    } = amounts;
    // More than the alternative itself explains (an outage, a burst) is no evidence for the alternative. This
    // only ever lowers the e-value, since it rises with these counts.
    match null {
        Null::AtMost => {
            let most = explained(candidate.requests, alternative.candidate);
            candidate.bad = candidate.bad.min(most);
        }
        Null::AtLeast => live.bad = live.bad.min(explained(live.requests, alternative.live)),
    }
    let limit = bound.at(alternative.live);
    let outside = match null {
        Null::AtMost => alternative.candidate > limit,
        Null::AtLeast => alternative.candidate < limit,
    };
    if !outside || candidate.requests <= 0.0 {
        return 0.0;
    }
    if bound.ratio == 0.0 {
        return ln_likelihood_ratio(candidate, alternative.candidate, bound.slack);
    }
    if live.requests <= 0.0 {
        return 0.0;
    }
    let nearest = project(candidate.requests, live.requests, alternative, bound);
    ln_likelihood_ratio(candidate, alternative.candidate, bound.at(nearest))
        + ln_likelihood_ratio(live, alternative.live, nearest)
}

/// The most bad ones that a rate explains: three standard deviations above the mean, and one.
fn explained(requests: f64, rate: f64) -> f64 {
    let mean = requests * rate;
    mean + 3.0 * (mean * (1.0 - rate)).sqrt() + 1.0
}

/// `ln (p^x (1-p)^(n-x)) / (q^x (1-q)^(n-x))`.
fn ln_likelihood_ratio(amount: Amount, p: f64, q: f64) -> f64 {
    // What has not been seen adds nothing, not even where its logarithm is infinite.
    let term = |amount: f64, ratio: f64| if amount > 0.0 { amount * ratio.ln() } else { 0.0 };
    term(amount.bad, p / q) + term(amount.requests - amount.bad, (1.0 - p) / (1.0 - q))
}

/// The live rate of the point on the bound that is nearest to the alternative.
fn project(n_candidate: f64, n_live: f64, alternative: Alternative, bound: Bound) -> f64 {
    let Bound { ratio, slack } = bound;
    let (a_candidate, a_live) = (alternative.candidate, alternative.live);
    #[expect(clippy::float_cmp, reason = "exactly this case has a closed form")]
    if ratio == 1.0 && slack == 0.0 {
        return (n_candidate * a_candidate + n_live * a_live) / (n_candidate + n_live);
    }
    // Where the bound is the alternative's candidate rate, kept where both rates are inside (0, 1).
    let other = ((a_candidate - slack) / ratio).clamp(0.0, 1.0);
    let last = ((1.0 - slack) / ratio).clamp(0.0, 1.0);
    let (mut low, mut high) = (a_live.min(other).min(last), a_live.max(other).min(last));
    // The weighted mean is the answer for ratio 1 and slack 0, and near it otherwise.
    let mut p = (n_candidate * other + n_live * a_live) / (n_candidate + n_live);
    for _ in 0..80 {
        if !(p > low && p < high) {
            p = f64::midpoint(low, high);
        }
        let g = ratio * p + slack;
        // Divisions are what takes the time here.
        let (inverse_g, inverse_p) = ((g * (1.0 - g)).recip(), (p * (1.0 - p)).recip());
        let (pull_g, pull_p) = ((g - a_candidate) * inverse_g, (p - a_live) * inverse_p);
        let slope = n_candidate * ratio * pull_g + n_live * pull_p;
        if slope > 0.0 {
            high = p;
        } else {
            low = p;
        }
        let curvature_g = (pull_g * (2.0 * g - 1.0) + 1.0) * inverse_g;
        let curvature_p = (pull_p * (2.0 * p - 1.0) + 1.0) * inverse_p;
        let curvature = n_candidate * ratio * ratio * curvature_g + n_live * curvature_p;
        let next = p - slope / curvature;
        // The iteration doubles the digits that are right, so the step after this one would change nothing.
        if (next - p).abs() <= 1e-8 * p && next > low && next < high {
            return next;
        }
        if high - low <= 1e-16 {
            return p;
        }
        p = next;
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binomial(n: u64, p: f64) -> Vec<f64> {
        let mut probabilities = vec![0.0; usize::try_from(n).unwrap() + 1];
        probabilities[0] = 1.0;
        for trial in 1..=usize::try_from(n).unwrap() {
            for x in (0..=trial).rev() {
                let below = if x == 0 { 0.0 } else { probabilities[x - 1] };
                probabilities[x] = probabilities[x] * (1.0 - p) + below * p;
            }
        }
        probabilities
    }

    /// The expectation of an e-value at one point, by going through every outcome.
    fn expectation(n: (u64, u64), p: (f64, f64), alternative: Alternative, null: Null, bound: Bound) -> f64 {
        let mut sum = 0.0;
        for (bad_g, p_g) in (0..).zip(binomial(n.0, p.0)) {
            for (bad_b, p_b) in (0..).zip(binomial(n.1, p.1)) {
                let block = Block {
                    candidate: Counts {
                        requests: n.0,
                        bad: bad_g,
                    },
                    live: Counts {
                        requests: n.1,
                        bad: bad_b,
                    },
                };
                sum += p_g * p_b * ln_e_value(block, alternative, null, bound).exp();
            }
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// Section 2 of the method: at every point of the null the expectation is at most 1. Every outcome
        /// of every case is gone through; the largest expectation that was seen is 1 + 2e-15.
        #[test]
        fn the_expectation_is_at_most_one_at_every_point_of_the_null(
            n in (1u64..12, 1u64..30),
            a_live in 0.001..0.7f64,
            lift in 0.02..30.0f64,
            ratio in prop_oneof![Just(0.0), Just(1.0), 0.3..3.0f64],
            slack in prop_oneof![Just(0.0), 0.0..0.2f64],
            p_live in 0.0..1.0f64,
            inside in prop_oneof![Just(1.0), 0.0..1.0f64],
            at_least in any::<bool>(),
        ) {
            let bound = Bound { ratio, slack: if ratio == 0.0 { slack.max(0.01) } else { slack } };
            let candidate = (lift * bound.at(a_live)).min(0.9);
            let alternative = Alternative { candidate, live: a_live };
            let (null, p_candidate) = if at_least {
                (Null::AtLeast, 1.0 - inside * (1.0 - bound.at(p_live).min(1.0)))
            } else {
                (Null::AtMost, inside * bound.at(p_live).min(1.0))
            };
            let mean = expectation(n, (p_candidate, p_live), alternative, null, bound);
            // With "at least", a bound above 1 leaves no point in the null.
            prop_assume!(!(at_least && bound.at(p_live) > 1.0));
            prop_assert!(mean <= 1.0 + 1e-12, "{mean}");
        }

        /// The projection against a plain search over a fine grid.
        #[test]
        fn the_projection_is_the_nearest_point_of_the_bound(
            n in (1u64..100_000, 1u64..1_000_000),
            a_live in 1e-5..0.5f64,
            lift in prop_oneof![0.1..0.9f64, 1.1..30.0f64],
            ratio in 0.5..2.0f64,
            slack in 0.0..0.05f64,
        ) {
            let bound = Bound { ratio, slack };
            let alternative = Alternative { candidate: (lift * bound.at(a_live)).min(0.9), live: a_live };
            let kl = |a: f64, p: f64| a * (a / p).ln() + (1.0 - a) * ((1.0 - a) / (1.0 - p)).ln();
            let distance = |p: f64| real(n.0) * kl(alternative.candidate, bound.at(p)) + real(n.1) * kl(a_live, p);
            let found = project(real(n.0), real(n.1), alternative, bound);
            let best = distance(found);
            for step in 1..2000 {
                let p = f64::from(step) / 2000.0;
                if bound.at(p) < 1.0 {
                    prop_assert!(best <= distance(p) + 1e-9 * (1.0 + best.abs()), "{found} against {p}");
                }
            }
            for near in [0.999_999, 1.000_001] {
                prop_assert!(best <= distance(found * near) + 1e-9 * (1.0 + best.abs()));
            }
        }

        #[test]
        fn more_errors_of_the_candidate_are_more_evidence_against_it(
            n in (1u64..100_000, 1u64..1_000_000), bad in (0u64..100, 0u64..1000), ratio in 0.5..2.0f64,
            slack in 0.0..0.05f64, a_live in 1e-5..0.2f64, lift in 1.1..30.0f64,
        ) {
            let bound = Bound { ratio, slack };
            let alternative = Alternative { candidate: (lift * bound.at(a_live)).min(0.9), live: a_live };
            prop_assume!(alternative.candidate > bound.at(a_live));
            let block = |bad_g: u64| Block {
                candidate: Counts { requests: n.0, bad: bad_g.min(n.0) },
                live: Counts { requests: n.1, bad: bad.1.min(n.1) },
            };
            let value = |bad_g| ln_e_value(block(bad_g), alternative, Null::AtMost, bound);
            prop_assert!(value(bad.0 + 1) >= value(bad.0));
        }
    }

    #[test]
    fn a_side_without_requests_is_no_evidence() {
        let some = Counts {
            requests: 100,
            bad: 50,
        };
        let alternative = Alternative {
            candidate: 0.5,
            live: 0.01,
        };
        let relative = Bound {
            ratio: 1.0,
            slack: 0.0,
        };
        for (candidate, live) in [(some, Counts::default()), (Counts::default(), some)] {
            let value = ln_e_value(Block { candidate, live }, alternative, Null::AtMost, relative);
            assert!(value.abs() < f64::EPSILON, "{value}");
        }
        // An absolute limit does not need live.
        let alone = Block {
            candidate: some,
            live: Counts::default(),
        };
        assert!(ln_e_value(alone, alternative, Null::AtMost, Bound::absolute(0.05)) > 10.0);
    }
}
