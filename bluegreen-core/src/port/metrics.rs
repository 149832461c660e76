//! Where numbers about a slot come from.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::{Fault, Op, Slot, Timestamp};

/// A source of numbers about a slot: a scrape, Prometheus, CloudWatch, a command.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Metrics: fmt::Debug + Send + Sync {
    /// The value of a metric for a slot now, or `None` where there is no data. No data is not zero, and
    /// NaN is no data.
    ///
    /// # Errors
    /// [`Rejected`](crate::FaultKind::Rejected) when the source knows no metric of this name: that is
    /// a mistake in the plan, and is told before anything is touched.
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault>;

    /// All that the source can tell of a slot, as it stands at one moment: counters and histograms since
    /// their processes began, for who counts what has come from one sample to the next.
    ///
    /// What has no data is left out of the sample. A sample with nothing in it is no data at all.
    ///
    /// # Errors
    /// [`Rejected`](crate::FaultKind::Rejected) from a source that only gives single numbers, which is what
    /// this does unless it is implemented, and for mistakes in what the source is to look for;
    /// [`Unavailable`](crate::FaultKind::Unavailable) when a part of the slot cannot be read now: the rest
    /// alone would say too little.
    async fn sample(&self, op: &Op, slot: Slot) -> Result<Sample, Fault> {
        let _ = op;
        Err(Fault::rejected(
            "metrics",
            "sample",
            "this source gives single numbers, and no counters that could be compared",
        )
        .on(slot.as_str()))
    }
}

/// What a source tells of a slot at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// When it was measured. A sample no newer than the one before tells nothing new.
    pub at: Timestamp,
    /// What each instance of the slot tells, by the instance's name. Each counts on its own and is begun
    /// anew on its own, which a sum would hide. A source that cannot tell them apart has one, without
    /// a name.
    pub instances: BTreeMap<String, Readings>,
}

impl Sample {
    /// With nothing in it yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            at,
            instances: BTreeMap::new(),
        }
    }

    /// What one instance tells; empty where that is not known yet.
    pub fn instance(&mut self, name: impl Into<String>) -> &mut Readings {
        self.instances.entry(name.into()).or_default()
    }

    /// Whether there is no data in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.values().all(Readings::is_empty)
    }
}

/// What one instance tells, each by the name under which plans know it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Readings {
    /// Counts of what has happened since the process began. Finite and not negative.
    pub counters: BTreeMap<String, f64>,
    /// What is now, and may rise and fall. Never NaN.
    pub gauges: BTreeMap<String, f64>,
    /// How much has taken how long since the process began.
    pub histograms: BTreeMap<String, Buckets>,
}

impl Readings {
    /// Whether there is no data in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.gauges.is_empty() && self.histograms.is_empty()
    }
}

/// A histogram as Prometheus has it: how many observations there were up to each bound, and in all.
///
/// ```
/// use bluegreen_core::Buckets;
///
/// let buckets = Buckets::new([(0.5, 90.0), (0.1, 50.0), (f64::INFINITY, 100.0)])?;
/// assert_eq!(buckets.bounds(), [0.1, 0.5]);
/// assert_eq!(buckets.cumulative(), [50.0, 90.0, 100.0]);
/// assert_eq!(buckets.each(), [50.0, 40.0, 10.0]);
/// # Ok::<(), bluegreen_core::InvalidBuckets>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    bounds: Vec<f64>,
    cumulative: Vec<f64>,
}

/// Numbers that make no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBuckets {
    /// There is no bucket for everything, or none beside it.
    #[error("a histogram has buckets with a bound, and one for all that has none, \"+Inf\"")]
    Incomplete,
    /// A bound is there twice, or is no number.
    #[error("each bound of a histogram is a number, and is there once")]
    Bounds,
    /// A bucket holds less than one inside it, or its count is no count.
    #[error("the counts of a histogram are numbers that rise with the bounds")]
    Counts,
}

impl Buckets {
    /// The histogram of upper bounds (inclusive, Prometheus' `le`) with how many observations were up to
    /// each; one of the bounds is infinite. In any order.
    ///
    /// # Errors
    /// When the bounds or the counts make no histogram.
    pub fn new(buckets: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, InvalidBuckets> {
        let mut buckets: Vec<(f64, f64)> = buckets.into_iter().collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (mut bounds, cumulative): (Vec<f64>, Vec<f64>) = buckets.into_iter().unzip();
        match bounds.pop() {
            Some(f64::INFINITY) if !bounds.is_empty() => {}
            _ => return Err(InvalidBuckets::Incomplete),
        }
        let rising = |numbers: &[f64], fits: fn(&f64, &f64) -> bool| {
            let mut pairs = numbers.iter().zip(numbers.iter().skip(1));
            numbers.iter().all(|number| number.is_finite()) && pairs.all(|(one, next)| fits(one, next))
        };
        if !rising(&bounds, f64::lt) {
            return Err(InvalidBuckets::Bounds);
        }
        if !rising(&cumulative, f64::le) || cumulative.first().is_none_or(|first| *first < 0.0) {
            return Err(InvalidBuckets::Counts);
        }
        Ok(Self { bounds, cumulative })
    }

    /// The finite upper bounds, rising.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// How many observations there were up to each bound, and in all: one more than bounds.
    #[must_use]
    pub fn cumulative(&self) -> &[f64] {
        &self.cumulative
    }

    /// How many observations there were between each bound and the one before, and above the last: one
    /// more than bounds.
    #[must_use]
    pub fn each(&self) -> Vec<f64> {
        let inside = std::iter::once(&0.0).chain(&self.cumulative);
        let pairs = self.cumulative.iter().zip(inside);
        pairs.map(|(up_to, inside)| up_to - inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_histogram_is_refused() {
        const ALL: f64 = f64::INFINITY;
        for (buckets, expected) in [
            (&[][..], InvalidBuckets::Incomplete),
            (&[(ALL, 1.0)], InvalidBuckets::Incomplete),
            (&[(0.1, 1.0), (0.5, 2.0)], InvalidBuckets::Incomplete),
            (&[(0.1, 1.0), (f64::NAN, 2.0)], InvalidBuckets::Incomplete),
            (&[(0.1, 1.0), (0.1, 1.0), (ALL, 2.0)], InvalidBuckets::Bounds),
            (&[(-ALL, 1.0), (0.1, 1.0), (ALL, 2.0)], InvalidBuckets::Bounds),
            (&[(0.1, 3.0), (ALL, 2.0)], InvalidBuckets::Counts),
            (&[(0.1, -1.0), (ALL, 2.0)], InvalidBuckets::Counts),
            (&[(0.1, f64::NAN), (ALL, 2.0)], InvalidBuckets::Counts),
            (&[(0.1, 1.0), (ALL, ALL)], InvalidBuckets::Counts),
        ] {
            assert_eq!(Buckets::new(buckets.to_vec()), Err(expected), "{buckets:?}");
        }
    }
}
