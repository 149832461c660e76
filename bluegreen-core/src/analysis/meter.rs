//! From what sources tell of a slot to what it did since the last time.

use std::collections::BTreeMap;

use super::counters::advance;
use super::tick::{Histogram, Side};
use crate::{Readings, Sample, Timestamp};

/// Makes what one slot did in a time of what its sources tell: counters and histograms, each instance on its
/// own, since one that begins anew would not show in a sum.
///
/// | what is met | it is |
/// |---|---|
/// | the first sample of an instance; the first after one that was missing | where counting begins: no count yet |
/// | a counter that fell | not known for this tick, for the slot as a whole |
/// | an instance that is gone | it counts no more |
/// | a count that some instances give and others do not | not known |
/// | a sample no newer than the one before | no data |
/// | gauges | not looked at: one number a tick has nothing to count |
///
/// ```
/// use bluegreen_core::analysis::Meter;
/// use bluegreen_core::{Sample, Timestamp};
///
/// let page = |second: i64, requests: f64| {
///     let mut sample = Sample::new(Timestamp::from_millis(1000 * second));
///     sample.instance("").counters.insert("requests".to_owned(), requests);
///     sample
/// };
/// let mut meter = Meter::default();
/// assert_eq!(meter.read([Some(page(0, 1000.0))]), None);
/// let side = meter.read([Some(page(5, 1040.0))]).unwrap();
/// assert_eq!(side.counts["requests"], 40.0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Meter {
    sources: Vec<Source>,
}

#[derive(Debug, Clone, Default)]
struct Source {
    at: Option<Timestamp>,
    /// What each instance has counted, by its name.
    instances: BTreeMap<String, Option<Side>>,
}

impl Meter {
    /// Takes in what each source tells now, always in the same order; `None` where one could not be read. What
    /// the slot did since the last time, as far as that is known.
    pub fn read(&mut self, samples: impl IntoIterator<Item = Option<Sample>>) -> Option<Side> {
        let mut sum: Option<Side> = None;
        for (index, sample) in samples.into_iter().enumerate() {
            if self.sources.len() <= index {
                self.sources.push(Source::default());
            }
            let Some(source) = self.sources.get_mut(index) else {
                continue;
            };
            let Some(side) = source.read(sample) else { continue };
            // Each source has names of its own.
            let sum = sum.get_or_insert_default();
            sum.counts.extend(side.counts);
            sum.latencies.extend(side.latencies);
        }
        sum
    }
}

impl Source {
    fn read(&mut self, sample: Option<Sample>) -> Option<Side> {
        let Some(sample) = sample.filter(|sample| !sample.is_empty()) else {
            // It may be begun anew, twice, until it is heard again.
            *self = Self::default();
            return None;
        };
        if self.at.is_some_and(|at| sample.at <= at) {
            return None;
        }
        self.at = Some(sample.at);
        self.instances
            .retain(|name, _| sample.instances.contains_key(name));
        let mut sum: Option<Side> = None;
        for (name, readings) in &sample.instances {
            let before = self.instances.entry(name.clone()).or_default();
            let Some(side) = advance(before, Some(counted(readings))) else {
                continue;
            };
            match &mut sum {
                Some(sum) => sum.add(&side),
                None => sum = Some(side),
            }
        }
        sum
    }
}

/// What an instance has counted since its process began.
fn counted(readings: &Readings) -> Side {
    let latencies = readings.histograms.iter().filter_map(|(name, buckets)| {
        let histogram = Histogram::new(buckets.bounds()).ok()?;
        Some((name.clone(), histogram.with_counts(buckets.each()).ok()?))
    });
    Side {
        counts: readings.counters.clone(),
        latencies: latencies.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Buckets;
    use proptest::prelude::*;

    #[expect(clippy::unnecessary_wraps, reason = "it is what a source answers")]
    fn sample(second: i64, instances: &[(&str, f64, f64)]) -> Option<Sample> {
        let mut sample = Sample::new(Timestamp::from_millis(1000 * second));
        for (name, requests, errors) in instances {
            let counters = &mut sample.instance(*name).counters;
            counters.insert("requests".to_owned(), *requests);
            if errors.is_finite() {
                counters.insert("errors".to_owned(), *errors);
            }
        }
        Some(sample)
    }

    /// The requests and errors of a tick; negative and NaN are both "not known".
    fn counts(side: Option<Side>) -> Option<[Option<f64>; 2]> {
        let side = side?;
        let of = |name: &str| side.counts.get(name).copied().filter(|count| *count >= 0.0);
        Some([of("requests"), of("errors")])
    }

    #[test]
    fn each_instance_counts_on_its_own() {
        let (two, nan) = (Some(2.0), f64::NAN);
        let mut meter = Meter::default();
        for (what, sample, expected) in [
            (
                "the first says where it begins",
                sample(0, &[("a", 10.0, 1.0)]),
                None,
            ),
            (
                "one instance",
                sample(5, &[("a", 14.0, 3.0)]),
                Some([Some(4.0), two]),
            ),
            (
                "another comes",
                sample(10, &[("a", 16.0, 5.0), ("b", 900.0, 9.0)]),
                Some([two, two]),
            ),
            (
                "both count",
                sample(15, &[("a", 17.0, 6.0), ("b", 901.0, 10.0)]),
                Some([two, two]),
            ),
            (
                "one begins anew",
                sample(20, &[("a", 3.0, 0.0), ("b", 902.0, 11.0)]),
                Some([None, None]),
            ),
            (
                "and goes on",
                sample(25, &[("a", 4.0, 1.0), ("b", 903.0, 12.0)]),
                Some([two, two]),
            ),
            ("one is gone", sample(30, &[("b", 905.0, 14.0)]), Some([two, two])),
            ("no newer", sample(30, &[("b", 950.0, 14.0)]), None),
            ("away", None, None),
            ("back", sample(40, &[("b", 990.0, 14.0)]), None),
            (
                "counting again",
                sample(45, &[("b", 992.0, 16.0)]),
                Some([two, two]),
            ),
            (
                "a count is away",
                sample(50, &[("b", 994.0, nan)]),
                Some([two, None]),
            ),
            ("empty", Some(Sample::new(Timestamp::from_millis(60_000))), None),
        ] {
            assert_eq!(counts(meter.read([sample])), expected, "{what}");
        }
    }

    #[test]
    fn what_one_instance_lacks_is_not_known_of_the_slot() {
        let mut meter = Meter::default();
        let at = |second, requests| sample(second, &[("a", requests, 1.0), ("b", requests, f64::NAN)]);
        meter.read([at(0, 1.0)]);
        assert_eq!(counts(meter.read([at(5, 2.0)])), Some([Some(2.0), None]));
    }

    #[test]
    fn a_source_that_is_away_takes_only_its_own_counts_along() {
        let other = |second: i32, logins: f64| {
            let mut sample = Sample::new(Timestamp::from_millis(1000 * i64::from(second)));
            sample.instance("").counters.insert("logins".to_owned(), logins);
            Some(sample)
        };
        let mut meter = Meter::default();
        meter.read([sample(0, &[("", 1.0, 0.0)]), other(0, 5.0)]);
        let side = meter.read([None, other(5, 8.0)]).unwrap();
        assert_eq!(side.counts, BTreeMap::from([("logins".to_owned(), 3.0)]));
    }

    #[test]
    fn histograms_are_counted_between_their_bounds() {
        let page = |second: i64, counts: [f64; 2]| {
            let mut sample = Sample::new(Timestamp::from_millis(1000 * second));
            let buckets = Buckets::new([(0.1, counts[0]), (f64::INFINITY, counts[1])]).unwrap();
            sample
                .instance("")
                .histograms
                .insert("latency".to_owned(), buckets);
            Some(sample)
        };
        let mut meter = Meter::default();
        meter.read([page(0, [10.0, 20.0])]);
        let side = meter.read([page(5, [13.0, 30.0])]).unwrap();
        assert_eq!(side.latencies["latency"].counts(), [3.0, 7.0]);
        // Bounds that make no histogram of times (a bucket up to 0): left out, and so not known.
        let mut meter = Meter::default();
        let odd = |second: i32| {
            let mut sample = Sample::new(Timestamp::from_millis(1000 * i64::from(second)));
            let buckets = Buckets::new([(0.0, 1.0), (f64::INFINITY, 2.0)]).unwrap();
            sample
                .instance("")
                .histograms
                .insert("latency".to_owned(), buckets);
            Some(sample)
        };
        meter.read([odd(0)]);
        assert!(meter.read([odd(5)]).unwrap().latencies.is_empty());
    }

    proptest! {
        /// Whatever a source says, a tick is made of what was counted on the way: never more than the highest
        /// reading, and never of one sample alone.
        #[test]
        fn whatever_is_read_nothing_is_counted_that_was_not_there(
            readings in proptest::collection::vec((0i64..20, proptest::option::of(proptest::num::f64::ANY)), 1..20)
        ) {
            let mut meter = Meter::default();
            let mut highest = 0.0_f64;
            for (index, (second, reading)) in readings.into_iter().enumerate() {
                let page = reading.and_then(|reading| sample(second, &[("", reading, f64::NAN)]));
                highest = highest.max(reading.filter(|reading| reading.is_finite()).unwrap_or(0.0));
                let side = meter.read([page]);
                prop_assert!(index > 0 || side.is_none());
                if let Some([Some(requests), _]) = counts(side) {
                    prop_assert!(requests <= highest);
                }
            }
        }
    }
}
