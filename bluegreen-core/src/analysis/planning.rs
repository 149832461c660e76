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
use super::report::{percent, whole_seconds};
use super::spec::AnalysisSpec;
use super::test::MULTIPLES;
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
    /// The least rise that the bake sees, in words.
    #[must_use]
    pub fn least(&self) -> String {
        let (from, bake) = (percent(self.from), whole_seconds(self.bake));
        let Some(smallest) = self.smallest else {
            return format!("at live's traffic now a bake of {bake} sees no rise at all");
        };
        // A round figure below it, to say what is not seen.
        let between = (self.from * smallest).sqrt();
        format!(
            "at live's traffic now a bake of {bake} can see a rise of {from} -> {}, but not of {from} -> {}",
            percent(smallest),
            percent(between)
        )
    }

    /// Whether the bake sees it in nine of ten cases.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.detection
            .is_some_and(|detection| detection.nine_of_ten <= self.bake)
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to, bake) = (percent(self.from), percent(self.to), whole_seconds(self.bake));
        let can = if self.is_visible() { "can" } else { "cannot" };
        write!(
            f,
            "a bake of {bake} {can} see a rise of bad requests from {from} to {to}"
        )?;
        match self.detection {
            Some(detection) => write!(
                f,
                " (half of the time it takes {}, nine times of ten {})",
                whole_seconds(detection.half),
                whole_seconds(detection.nine_of_ten)
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
        let (mut low, mut high) = (bound.at(live_rate).max(1e-9), 0.999);
        let seen = |to: f64| {
            self.detection(bound, traffic, to)
                .is_some_and(|detection| detection.nine_of_ten <= bake)
        };
        let smallest = seen(high).then(|| {
            for _ in 0..30 {
                let between = (low * high).sqrt();
                if seen(between) {
                    high = between;
                } else {
                    low = between;
                }
            }
            high
        });
        Some(Visibility {
            from: live_rate,
            to,
            bake,
            detection: self.detection(bound, traffic, to),
            smallest,
        })
    }

    fn detection(&self, bound: Bound, traffic: Traffic, to: f64) -> Option<Detection> {
        let levels = Levels::new(self);
        let tick_s = self.tick.as_secs_f64();
        let per_tick = traffic.requests_per_s * tick_s;
        let candidate = per_tick * traffic.candidate_share;
        let live = Amount {
            requests: per_tick - candidate,
            bad: (per_tick - candidate) * traffic.live_rate,
        };
        let live_rate = traffic.live_rate.max(1e-6);
        // One of the stakes has to grow to what is needed.
        let needed = (levels.fail * size(MULTIPLES.len()) / (1.0 - HELD_BACK)).ln();
        let mut best: Option<(f64, f64)> = None;
        for multiple in MULTIPLES {
            let alternative = Alternative {
                candidate: (multiple * bound.at(live_rate)).min(0.9),
                live: live_rate,
            };
            let (mut mean, mut square) = (0.0, 0.0);
            for (bad, probability) in poisson(candidate * to) {
                let candidate = Amount {
                    requests: candidate,
                    bad: bad.min(candidate),
                };
                let amounts = Amounts { candidate, live };
                let gain =
                    ln_e_value_of(amounts, alternative, Null::AtMost, bound).min(levels.failing.ln_cap);
                mean += probability * gain;
                square += probability * gain * gain;
            }
            if mean <= 1e-9 {
                continue;
            }
            let spread = (square - mean * mean).max(0.0).sqrt();
            let half = needed / mean;
            // mean * t - z * spread * sqrt(t) = needed
            let root = (Z_90 * spread + (Z_90 * spread).hypot(2.0 * (mean * needed).sqrt())) / (2.0 * mean);
            let nine_of_ten = root * root;
            if best.is_none_or(|(_, ticks)| nine_of_ten < ticks) {
                best = Some((half, nine_of_ten));
            }
        }
        let (half, nine_of_ten) = best?;
        let time = |ticks: f64| {
            let span = Duration::try_from_secs_f64(ticks.ceil() * tick_s).ok();
            span.map(|span| span.saturating_add(self.warm_up))
        };
        Some(Detection {
            half: time(half)?,
            nine_of_ten: time(nine_of_ten)?,
            candidate_requests: (nine_of_ten * candidate).ceil(),
        })
    }
}

/// The numbers that a Poisson distribution gives, with their probabilities; for a large mean some points of the
/// normal one.
fn poisson(mean: f64) -> Vec<(f64, f64)> {
    const POINTS: i32 = 100;
    if mean > 400.0 {
        let points = (-POINTS..=POINTS).map(|point| {
            let z = 6.0 * f64::from(point) / f64::from(POINTS);
            (mean + z * mean.sqrt(), (-0.5 * z * z).exp())
        });
        let points: Vec<_> = points.collect();
        let sum: f64 = points.iter().map(|(_, weight)| weight).sum();
        return points
            .into_iter()
            .map(|(bad, weight)| (bad, weight / sum))
            .collect();
    }
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
        for mean in [0.0, 0.01, 1.0, 37.5, 399.0, 401.0, 1e6] {
            let points = poisson(mean);
            let sum: f64 = points.iter().map(|(_, probability)| probability).sum();
            let first: f64 = points.iter().map(|(bad, probability)| bad * probability).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{mean}: {sum}");
            assert!((first - mean).abs() < 1e-6 * (1.0 + mean), "{mean}: {first}");
        }
    }
}
