//! How long live's answers took lately.

use serde::{Deserialize, Serialize};

use super::block::Counts;
use super::number::{count, real};
use super::tick::Histogram;

/// After so much time what is known counts for half.
const HALVED_EVERY_S: f64 = 300.0;

/// With fewer answers no quantile is taken.
const FEWEST: f64 = 100.0;

/// Live's latencies of the past, in which old ones fade.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    bounds: Vec<f64>,
    counts: Vec<f64>,
    seconds: f64,
}

/// A threshold that is a bound of the histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Threshold {
    /// The place of the bound.
    pub(super) index: usize,
    /// In seconds.
    pub(super) bound: f64,
    /// Which share of live's answers took longer, in the past.
    pub(super) exceedance: f64,
}

impl History {
    /// Takes in what live did in a time. Other bounds begin anew.
    pub(super) fn add(&mut self, histogram: &Histogram, seconds: f64) {
        if self.bounds != histogram.bounds() || self.counts.len() != histogram.counts().len() {
            *self = Self {
                bounds: histogram.bounds().to_vec(),
                counts: vec![0.0; histogram.counts().len()],
                seconds: 0.0,
            };
        }
        for (sum, more) in self.counts.iter_mut().zip(histogram.counts()) {
            if *more != 0.0 {
                *sum += count(*more).map_or(0.0, real);
            }
        }
        self.seconds += seconds;
        if self.seconds >= HALVED_EVERY_S {
            self.seconds = 0.0;
            for sum in &mut self.counts {
                // Sixteenths, so that the state stays short.
                *sum = (*sum * 8.0).round() / 16.0;
            }
        }
    }

    /// For each exceedance, from large to small, the lowest bound that at most such a share of the answers took
    /// longer than, and some did. Nothing while too little is known.
    pub(super) fn thresholds<const N: usize>(
        &self,
        exceedances: [f64; N],
        like: &Histogram,
    ) -> Option<[Threshold; N]> {
        let total: f64 = self.counts.iter().sum();
        // What comes from a store may be anything.
        if self.bounds != like.bounds() || !(total >= FEWEST && total.is_finite()) {
            return None;
        }
        let mut above = total;
        let mut last = None;
        let mut places = self.bounds.iter().zip(&self.counts).enumerate();
        let found = exceedances.map(|exceedance| {
            while last.is_none() || above > exceedance * total {
                let Some((index, (bound, count))) = places.next() else {
                    break;
                };
                above -= count;
                if above <= 0.0 {
                    break;
                }
                last = Some(Threshold {
                    index,
                    bound: *bound,
                    exceedance: ((above + 0.5) / (total + 1.0)).clamp(1e-6, 1.0 - 1e-6),
                });
            }
            last
        });
        let first = found.first().copied().flatten()?;
        Some(found.map(|threshold| threshold.unwrap_or(first)))
    }
}

/// How many answers took longer than each bound.
pub(super) struct Tails {
    all: u64,
    above: Vec<u64>,
}

impl Tails {
    /// `None` when a count is no count.
    pub(super) fn of(histogram: &Histogram) -> Option<Self> {
        let mut all: u64 = 0;
        let mut above = vec![0; histogram.counts().len()];
        for (value, above) in histogram.counts().iter().zip(&mut above).rev() {
            *above = all;
            // Most buckets of a fine histogram are empty.
            if *value != 0.0 {
                all = all.saturating_add(count(*value)?);
            }
        }
        Some(Self { all, above })
    }

    /// How many answers there were.
    pub(super) const fn all(&self) -> u64 {
        self.all
    }

    /// All of them, and those that took longer than the bound at a place as the bad ones.
    pub(super) fn beyond(&self, index: usize) -> Counts {
        Counts {
            requests: self.all,
            bad: self.above.get(index).copied().unwrap_or(0),
        }
    }
}

/// The place of the first bound that is not below so many seconds. `None` beyond the last.
pub(super) fn first_bound_from(histogram: &Histogram, seconds: f64) -> Option<usize> {
    // The bounds of a fine histogram are products; 1.05 times one of them is meant to be the next.
    let least = seconds * (1.0 - 1e-9);
    let index = histogram.bounds().partition_point(|bound| *bound < least);
    (index < histogram.bounds().len()).then_some(index)
}

/// The place of the bound that is nearest to so many seconds, by ratio. `None` when it would be the one after
/// the last.
pub(super) fn nearest_bound(histogram: &Histogram, seconds: f64) -> Option<usize> {
    let bounds = histogram.bounds();
    let place = bounds.partition_point(|bound| *bound < seconds);
    let above = bounds.get(place).copied();
    let Some(below_place) = place.checked_sub(1) else {
        return above.map(|_| place);
    };
    let below = bounds.get(below_place).copied()?;
    // Beyond the last bound, one as far from it as it is from the one before.
    let imagined = || Some(below * below / bounds.get(below_place.checked_sub(1)?)?);
    let nearer_below = seconds * seconds <= below * above.or_else(imagined)?;
    if nearer_below {
        Some(below_place)
    } else {
        above.map(|_| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[f64]) -> Histogram {
        Histogram::new([0.1, 0.2, 0.4])
            .unwrap()
            .with_counts(counts.to_vec())
            .unwrap()
    }

    #[test]
    fn a_threshold_is_a_bound_that_few_answers_exceed() {
        let mut history = History::default();
        let like = histogram(&[500.0, 400.0, 60.0, 40.0]);
        assert_eq!(history.thresholds([0.5], &like), None, "nothing is known yet");
        history.add(&like, 5.0);
        let found = history.thresholds([0.5, 0.25, 0.1, 0.05, 0.01], &like).unwrap();
        for (threshold, (index, actual)) in
            found
                .iter()
                .zip([(0, 0.5), (1, 0.1), (1, 0.1), (2, 0.04), (2, 0.04)])
        {
            assert_eq!(threshold.index, index, "{found:?}");
            assert!((threshold.exceedance - actual).abs() < 0.001, "{found:?}");
        }
        assert_eq!(
            history.thresholds([0.5], &Histogram::fine()),
            None,
            "other bounds"
        );
    }

    #[test]
    fn the_past_fades() {
        let mut history = History::default();
        for _ in 0..10_000 {
            history.add(&histogram(&[10.0, 0.0, 0.0, 0.0]), 5.0);
        }
        let total: f64 = history.counts.iter().sum();
        assert!((500.0..=1300.0).contains(&total), "{total}");
        let text = serde_json::to_string(&history).unwrap();
        assert!(text.len() < 120, "{text}");
    }

    #[test]
    fn a_product_of_bounds_meets_the_next_bound() {
        let fine = Histogram::fine();
        for (index, bound) in fine.bounds().iter().enumerate().take(170) {
            assert_eq!(first_bound_from(&fine, bound * 1.05), Some(index + 1));
            assert_eq!(nearest_bound(&fine, bound * 1.05), Some(index + 1));
        }
        let coarse = histogram(&[0.0; 4]);
        for (seconds, place) in [
            (0.01, Some(0)),
            (0.105, Some(0)),
            (0.15, Some(1)),
            (0.42, Some(2)),
            (0.55, Some(2)),
            (0.6, None),
        ] {
            assert_eq!(nearest_bound(&coarse, seconds), place, "{seconds}");
        }
        assert_eq!(first_bound_from(&fine, 1e9), None);
    }
}
