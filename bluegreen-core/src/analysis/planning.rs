//! What a bake can see, before it begins.
//!
//! The evidence of a tick is known when the rates are: its mean and its spread are calculated with the cap,
//! over every number of errors that the candidate may have. The time until the evidence decides follows from
//! them. Without the cap this is the well-known number of requests `(ln(1/alpha) + ln K) / I`, with the
//! Kullback-Leibler information `I` of a request.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::block::{Alternative, Amount, Amounts, Bound, Null, ln_e_value_of};
use super::kind::{Kind, Levels};
use super::mixture::HELD_BACK;
use super::number::size;
use super::report::{percent, seconds};
use super::spec::AnalysisSpec;
use super::test;
use crate::plan::humane;

/// The 90 % quantile of the normal distribution.
const Z_90: f64 = 1.281_551_565_544_600_4;

/// What is known of the traffic beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Requests a second, of both slots together.
    pub requests_per_s: f64,
    /// The candidate's share of them, 0 to 1.
    pub candidate_share: f64,
    /// Live's share of bad requests, 0 to 1.
    pub live_rate: f64,
}

/// After how long a regression is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Detection {
    /// In half of the cases.
    #[serde(with = "humane")]
    pub half: Duration,
    /// In nine of ten.
    #[serde(with = "humane")]
    pub nine_of_ten: Duration,
    /// The candidate's requests in the time in which nine of ten are seen.
    pub candidate_requests: f64,
}

/// Whether a bake can see a regression, and which it can see.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Visibility {
    /// Live's share of bad requests.
    pub from: f64,
    /// The candidate's, as asked for.
    pub to: f64,
    /// For how long the candidate is watched.
    #[serde(with = "humane")]
    pub bake: Duration,
    /// After how long it is seen; `None` when never.
    pub detection: Option<Detection>,
    /// The lowest share of the candidate that is seen within the bake in nine of ten cases.
    pub smallest: Option<f64>,
}

impl Visibility {
    /// Whether the bake sees it in nine of ten cases.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.detection
            .is_some_and(|detection| detection.nine_of_ten <= self.bake)
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to, bake) = (percent(self.from), percent(self.to), seconds(self.bake));
        let can = if self.is_visible() { "can" } else { "cannot" };
        write!(
            f,
            "a bake of {bake} {can} see a rise of bad requests from {from} to {to}"
        )?;
        match self.detection {
            Some(detection) => write!(
                f,
                " (half of the time it takes {}, nine times of ten {})",
                seconds(detection.half),
                seconds(detection.nine_of_ten)
            )?,
            None => f.write_str(" (no time would do: a single tick is too short or the rise too small)")?,
        }
        match self.smallest {
            Some(smallest) => write!(f, "; the least that it sees is a rise to {}", percent(smallest)),
            None => f.write_str("; it sees no rise at all"),
        }
    }
}

impl AnalysisSpec {
    /// Whether a bake sees a rise of the candidate's share of bad requests to `to`. `None` when there is no
    /// metric of this name that compares errors with live, or the traffic makes no sense.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, MetricSpec, Traffic};
    ///
    /// let spec = AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())]);
    /// let traffic = Traffic { requests_per_s: 100.0, candidate_share: 0.05, live_rate: 0.001 };
    /// let hour = Duration::from_secs(3600);
    /// assert!(spec.visibility("errors", traffic, 0.01, hour).unwrap().is_visible());
    /// assert!(!spec.visibility("errors", traffic, 0.0015, hour).unwrap().is_visible());
    /// ```
    #[must_use]
    pub fn visibility(&self, metric: &str, traffic: Traffic, to: f64, bake: Duration) -> Option<Visibility> {
        let Traffic {
            requests_per_s,
            candidate_share,
            live_rate,
        } = traffic;
        let sensible = requests_per_s > 0.0
            && requests_per_s < 1e9
            && (0.0..1.0).contains(&candidate_share)
            && (0.0..0.9).contains(&live_rate)
            && (0.0..=1.0).contains(&to);
        let metric = self.metrics.iter().find(|spec| spec.name == metric)?;
        let bound = Kind::of(metric)?
            .relative()
            .filter(|_| metric.errors.is_some() && sensible)?;
        let seen = |to: f64| {
            self.detection(bound, traffic, to)
                .is_some_and(|detection| detection.nine_of_ten <= bake)
        };
        let smallest = least(bound.at(live_rate).max(1e-9), 0.999, seen);
        Some(Visibility {
            from: live_rate,
            to,
            bake,
            detection: self.detection(bound, traffic, to),
            smallest,
        })
    }

    fn detection(&self, bound: Bound, traffic: Traffic, to: f64) -> Option<Detection> {
        let per_tick = traffic.requests_per_s * self.tick.as_secs_f64();
        let candidate = per_tick * traffic.candidate_share;
        let live = per_tick - candidate;
        let prospect = Prospect {
            candidate: Amount {
                requests: candidate,
                bad: candidate * to,
            },
            live: Amount {
                requests: live,
                bad: live * traffic.live_rate,
            },
            null: Null::AtMost,
            bound,
            bets: test::multiples(traffic.live_rate.max(1e-6), bound).collect(),
        };
        let ticks = ticks_until(&[prospect], &Levels::new(self))?;
        Some(Detection {
            half: self.time_of(ticks.half)?,
            nine_of_ten: self.time_of(ticks.nine_of_ten)?,
            candidate_requests: (ticks.nine_of_ten * candidate).ceil(),
        })
    }

    /// How long so many ticks are, with the warm-up before them.
    pub(super) fn time_of(&self, ticks: f64) -> Option<Duration> {
        let span = Duration::try_from_secs_f64(ticks.ceil() * self.tick.as_secs_f64()).ok();
        span.map(|span| span.saturating_add(self.warm_up))
    }
}

/// What ticks are expected to be for one comparison of a test, if the candidate were so bad.
pub(super) struct Prospect {
    pub(super) candidate: Amount,
    pub(super) live: Amount,
    pub(super) null: Null,
    pub(super) bound: Bound,
    /// What the test bets on.
    pub(super) bets: Vec<Alternative>,
}

/// So many ticks of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ticks {
    /// Until half of the tests have decided.
    pub(super) half: f64,
    /// Until nine of ten have.
    pub(super) nine_of_ten: f64,
}

/// How long a test needs that makes all of these comparisons. `None` when it never decides.
pub(super) fn ticks_until(prospects: &[Prospect], levels: &Levels) -> Option<Ticks> {
    let stakes: usize = prospects.iter().map(|prospect| prospect.bets.len()).sum();
    // One of the stakes has to grow to what is needed.
    let needed = (levels.fail * size(stakes) / (1.0 - HELD_BACK)).ln();
    let mut best: Option<Ticks> = None;
    for prospect in prospects {
        let Prospect { candidate, live, .. } = *prospect;
        let numbers = outcomes(candidate);
        for bet in &prospect.bets {
            let (mut mean, mut square) = (0.0, 0.0);
            for (bad, probability) in &numbers {
                let candidate = Amount {
                    requests: candidate.requests,
                    bad: *bad,
                };
                let gain = ln_e_value_of(Amounts { candidate, live }, *bet, prospect.null, prospect.bound);
                let gain = gain.min(levels.failing.ln_cap);
                mean += probability * gain;
                square += probability * gain * gain;
            }
            if mean.is_nan() || mean <= 1e-9 {
                continue;
            }
            let spread = (square - mean * mean).max(0.0).sqrt();
            // mean * t - z * spread * sqrt(t) = needed
            let root = (Z_90 * spread + (Z_90 * spread).hypot(2.0 * (mean * needed).sqrt())) / (2.0 * mean);
            let ticks = Ticks {
                half: needed / mean,
                nine_of_ten: root * root,
            };
            if best.is_none_or(|best| ticks.nine_of_ten < best.nine_of_ten) {
                best = Some(ticks);
            }
        }
    }
    best
}

/// The least number between two for which something holds, when it holds for all larger ones. `low` is above 0.
pub(super) fn least(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !holds(high) {
        return None;
    }
    for _ in 0..30 {
        let between = (low * high).sqrt();
        if holds(between) {
            high = between;
        } else {
            low = between;
        }
    }
    Some(high)
}

/// How many bad ones there may be where so many are expected, each with its probability. Where most of the requests
/// are good they come like those of a Poisson distribution; a share that is large varies as a binomial one.
fn outcomes(expected: Amount) -> Vec<(f64, f64)> {
    let Amount { requests, bad: mean } = expected;
    let share = if requests > 0.0 { mean / requests } else { 0.0 };
    let points = if share <= 0.2 && mean <= 400.0 {
        poisson(mean)
    } else {
        normal(mean, (mean * (1.0 - share).max(0.0)).sqrt())
    };
    let within = |(bad, probability): (f64, f64)| (bad.clamp(0.0, requests), probability);
    points.into_iter().map(within).collect()
}

/// Points of the normal distribution, with their weights.
fn normal(mean: f64, spread: f64) -> Vec<(f64, f64)> {
    const POINTS: i32 = 60;
    let points = (-POINTS..=POINTS).map(|point| {
        let z = 6.0 * f64::from(point) / f64::from(POINTS);
        (mean + z * spread, (-0.5 * z * z).exp())
    });
    let points: Vec<_> = points.collect();
    let sum: f64 = points.iter().map(|(_, weight)| weight).sum();
    let weighted = points.into_iter().map(|(bad, weight)| (bad, weight / sum));
    weighted.collect()
}

/// The numbers that a Poisson distribution gives, with their probabilities. For means up to some hundreds.
fn poisson(mean: f64) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut probability = (-mean).exp();
    let mut bad = 0.0;
    while bad <= mean + 10.0 * mean.sqrt() + 10.0 {
        points.push((bad, probability));
        bad += 1.0;
        probability *= mean / bad;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_have_the_mean() {
        for (mean, requests) in [
            (0.0, 10.0),
            (0.01, 10.0),
            (1.0, 100.0),
            (37.5, 1e5),
            (399.0, 1e5),
            (401.0, 1e5),
            (1e6, 1e9),
            (500.0, 1000.0),
            (900.0, 1000.0),
        ] {
            let points = outcomes(Amount { requests, bad: mean });
            let sum: f64 = points.iter().map(|(_, probability)| probability).sum();
            let first: f64 = points.iter().map(|(bad, probability)| bad * probability).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{mean}: {sum}");
            assert!((first - mean).abs() < 1e-6 * (1.0 + mean), "{mean}: {first}");
        }
    }

    #[test]
    fn the_least_that_holds_is_found() {
        assert!((least(1.0, 100.0, |value| value >= 7.0).unwrap() - 7.0).abs() < 1e-6);
        assert_eq!(least(1.0, 100.0, |_| false), None);
    }
}
