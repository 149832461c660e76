//! What has been counted on both sides since the last time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What both slots did since the tick before.
///
/// Each call of a source makes a tick, also one that found nothing: a side that could not be read is `None`.
/// Nothing here has to be right. What is not a count (negative, NaN, infinite) makes the metrics that need it
/// skip the tick.
///
/// ```
/// use std::time::Duration;
/// use bluegreen_core::analysis::{Side, Tick};
///
/// let tick = Tick {
///     at: Duration::from_secs(5),
///     live: Some(Side::default().count("requests", 475.0).count("errors", 1.0)),
///     candidate: Some(Side::default().count("requests", 25.0).count("errors", 0.0)),
/// };
/// assert_eq!(tick.live.unwrap().counts["requests"], 475.0);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tick {
    /// When it was counted, since the analysis began. Ticks come in order; one that is older than the one
    /// before is skipped.
    pub at: Duration,
    /// What live did.
    pub live: Option<Side>,
    /// What the candidate did.
    pub candidate: Option<Side>,
}

/// What one slot did in a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// Counts by their names, such as `requests` and `errors`. A metric says which it needs. Numbers as the
    /// source gives them.
    pub counts: BTreeMap<String, f64>,
    /// How long answers took, by the names of histograms.
    pub latencies: BTreeMap<String, Histogram>,
}

impl Side {
    /// With a count.
    #[must_use]
    pub fn count(mut self, name: impl Into<String>, value: f64) -> Self {
        self.counts.insert(name.into(), value);
        self
    }

    /// With a histogram of latencies.
    #[must_use]
    pub fn latency(mut self, name: impl Into<String>, histogram: Histogram) -> Self {
        self.latencies.insert(name.into(), histogram);
        self
    }

    /// The same, so that it can be stored: JSON has no NaN.
    fn storable(mut self) -> Self {
        let histograms = self
            .latencies
            .values_mut()
            .flat_map(|histogram| &mut histogram.counts);
        for value in self.counts.values_mut().chain(histograms) {
            *value = add(*value, 0.0);
        }
        self
    }

    /// Puts what was counted later to what was counted before, as if it were one. What is known for only a
    /// part of the time is not known for the whole.
    pub(super) fn add(&mut self, later: &Self) {
        for (name, value) in &later.counts {
            self.counts
                .entry(name.clone())
                .and_modify(|sum| *sum = add(*sum, *value))
                .or_insert(UNKNOWN);
        }
        for (name, sum) in &mut self.counts {
            if !later.counts.contains_key(name) {
                *sum = UNKNOWN;
            }
        }
        self.latencies.retain(|name, histogram| {
            later
                .latencies
                .get(name)
                .is_some_and(|later| histogram.add(later))
        });
    }
}

/// Stands for a sum of which a part is not known; no count is negative.
const UNKNOWN: f64 = -1.0;

/// What is no count must not hide in a sum.
fn add(one: f64, other: f64) -> f64 {
    let sum = one + other;
    if one >= 0.0 && other >= 0.0 && sum.is_finite() {
        sum
    } else {
        UNKNOWN
    }
}

impl Tick {
    /// The same, so that it can be stored.
    pub(super) fn storable(self) -> Self {
        Self {
            at: self.at,
            live: self.live.map(Side::storable),
            candidate: self.candidate.map(Side::storable),
        }
    }

    /// Puts a later tick to this one, as if they had been one. A side that only one of them has is taken from
    /// that one: sources may count the sides in turn.
    pub(super) fn add(&mut self, later: &Self) {
        self.at = later.at;
        for (sum, later) in [
            (&mut self.live, &later.live),
            (&mut self.candidate, &later.candidate),
        ] {
            match (sum.as_mut(), later) {
                (Some(sum), Some(later)) => sum.add(later),
                (None, Some(later)) => *sum = Some(later.clone().storable()),
                (_, None) => {}
            }
        }
    }
}

/// How many answers took how long: counts between bounds.
///
/// Both slots are compared at the same bounds, so they should be close: [`Histogram::fine`] has one every
/// 5 %. With coarse ones (Prometheus' defaults double and more) a slowdown is seen only where it moves
/// requests over a bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    bounds: Arc<[f64]>,
    counts: Vec<f64>,
}

/// Bounds or counts that make no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHistogram {
    /// Not between 1 and 512 bounds.
    #[error("a histogram has 1 to {MOST_BOUNDS} bounds, and this one has {0}")]
    Bounds(usize),
    /// The bounds do not rise, or are not positive numbers.
    #[error("the bounds of a histogram are positive numbers of seconds, each above the one before")]
    Order,
    /// Not one count more than bounds.
    #[error(
        "a histogram has a count for each bound and one for what took longer: {expected}, and this one has {given}"
    )]
    Counts {
        /// What was asked for.
        expected: usize,
        /// What was given.
        given: usize,
    },
}

/// A limit for what is stored.
const MOST_BOUNDS: usize = 512;

impl Histogram {
    /// An empty one with upper bounds in seconds, rising. An answer that took exactly as long as a bound is
    /// below it (as with Prometheus' `le`).
    ///
    /// # Errors
    /// When there are no bounds or more than 512, or they do not rise.
    pub fn new(bounds: impl Into<Arc<[f64]>>) -> Result<Self, InvalidHistogram> {
        let bounds = bounds.into();
        if bounds.is_empty() || bounds.len() > MOST_BOUNDS {
            return Err(InvalidHistogram::Bounds(bounds.len()));
        }
        let rising = bounds
            .iter()
            .zip(bounds.iter().skip(1))
            .all(|(one, next)| one < next);
        let positive = bounds.iter().all(|bound| bound.is_finite() && *bound > 0.0);
        if !rising || !positive {
            return Err(InvalidHistogram::Order);
        }
        let counts = vec![0.0; bounds.len() + 1];
        Ok(Self { bounds, counts })
    }

    /// An empty one from 5 ms to 20 s, with a bound every 5 %.
    #[must_use]
    pub fn fine() -> Self {
        let rising = std::iter::successors(Some(0.005_f64), |bound| Some(bound * 1.05));
        let bounds: Arc<[f64]> = rising.take_while(|bound| *bound < 21.0).collect();
        let counts = vec![0.0; bounds.len() + 1];
        Self { bounds, counts }
    }

    /// With counts: one for each bound (not cumulative), and one for what took longer than the last.
    ///
    /// # Errors
    /// When there are not as many.
    pub fn with_counts(mut self, counts: Vec<f64>) -> Result<Self, InvalidHistogram> {
        if counts.len() != self.counts.len() {
            let (expected, given) = (self.counts.len(), counts.len());
            return Err(InvalidHistogram::Counts { expected, given });
        }
        self.counts = counts;
        Ok(self)
    }

    /// Counts one answer.
    pub fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1.0;
        }
    }

    /// The upper bounds, in seconds.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The counts: one for each bound, and one for what took longer than the last.
    #[must_use]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Whether the other one is made the same way; only then does it add.
    fn add(&mut self, other: &Self) -> bool {
        let alike = self.bounds == other.bounds && self.counts.len() == other.counts.len();
        if alike {
            for (count, more) in self.counts.iter_mut().zip(&other.counts) {
                *count = add(*count, *more);
            }
        }
        alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(requests: f64) -> Side {
        Side::default().count("requests", requests)
    }

    #[test]
    fn what_is_known_for_a_part_only_is_not_known() {
        let mut sum = side(5.0).count("errors", 1.0);
        sum.add(&side(6.0));
        assert!((sum.counts["requests"] - 11.0).abs() < f64::EPSILON);
        assert!(sum.counts["errors"] < 0.0);
        let mut sum = side(5.0);
        sum.add(&side(6.0).count("errors", 1.0));
        assert!(sum.counts["errors"] < 0.0);
        for bad in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            let mut sum = side(5.0);
            sum.add(&side(bad));
            assert!(sum.counts["requests"] < 0.0, "{bad}");
            assert!(side(bad).storable().counts["requests"] < 0.0, "{bad}");
        }
    }

    #[test]
    fn histograms_with_other_bounds_do_not_add() {
        let one = Histogram::new([0.1, 0.2]).unwrap();
        let mut sum = Side::default().latency("latency", one.clone());
        sum.add(&Side::default().latency("latency", one));
        assert_eq!(sum.latencies.len(), 1);
        sum.add(&Side::default().latency("latency", Histogram::fine()));
        assert!(sum.latencies.is_empty());
    }

    #[test]
    fn a_histogram_counts_up_to_and_with_its_bounds() {
        let mut histogram = Histogram::new([0.1, 0.2]).unwrap();
        for millis in [1, 100, 101, 200, 201, 9_000] {
            histogram.record(Duration::from_millis(millis));
        }
        assert_eq!(histogram.counts(), [2.0, 2.0, 2.0]);
        for bounds in [
            vec![],
            vec![0.2, 0.1],
            vec![0.0],
            vec![f64::NAN],
            vec![0.1, 0.1],
            vec![0.1; 600],
        ] {
            assert!(Histogram::new(bounds.clone()).is_err(), "{bounds:?}");
        }
        assert!(histogram.with_counts(vec![1.0]).is_err());
        let fine = Histogram::fine();
        assert!(fine.bounds().len() == 171 && fine.bounds().last().unwrap() > &20.0);
    }
}
