//! From counters that only rise to what was counted in between.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tick::{Histogram, Side, Tick};

/// Makes ticks of counters, such as those of `/metrics` pages: each tick is what has come since the one
/// before.
///
/// A counter that has fallen was reset (a process began anew): what it lost is not known, so the count is NaN
/// for this tick and right again for the next. The first reading of a side, and the first after one that is
/// missing, says where counting begins and is no count yet.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    live: Option<Side>,
    candidate: Option<Side>,
}

impl Counters {
    /// Takes in the counters of both sides, as they stand `at` a time since the analysis began.
    pub fn read(&mut self, at: Duration, live: Option<Side>, candidate: Option<Side>) -> Tick {
        Tick {
            at,
            live: advance(&mut self.live, live),
            candidate: advance(&mut self.candidate, candidate),
        }
    }
}

pub(super) fn advance(before: &mut Option<Side>, now: Option<Side>) -> Option<Side> {
    // A side that was away for a while may have been reset twice.
    let earlier = std::mem::replace(before, now)?;
    let now = before.as_ref()?;
    Some(Side {
        counts: risen(&earlier.counts, &now.counts, |from, to| rise(*from, *to)),
        latencies: risen(&earlier.latencies, &now.latencies, histogram)
            .into_iter()
            .filter_map(|(name, histogram)| Some((name, histogram?)))
            .collect(),
    })
}

fn risen<V, R>(
    from: &BTreeMap<String, V>,
    to: &BTreeMap<String, V>,
    rise: impl Fn(&V, &V) -> R,
) -> BTreeMap<String, R> {
    to.iter()
        .filter_map(|(name, to)| Some((name.clone(), rise(from.get(name)?, to))))
        .collect()
}

fn rise(from: f64, to: f64) -> f64 {
    if from >= 0.0 && to >= from && to.is_finite() {
        to - from
    } else {
        f64::NAN
    }
}

fn histogram(from: &Histogram, to: &Histogram) -> Option<Histogram> {
    let alike = from.bounds() == to.bounds() && from.counts().len() == to.counts().len();
    let counts = from
        .counts()
        .iter()
        .zip(to.counts())
        .map(|(from, to)| rise(*from, *to));
    alike
        .then(|| to.clone().with_counts(counts.collect()).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(tick: &Tick) -> Option<f64> {
        tick.candidate.as_ref().map(|side| side.counts["requests"])
    }

    #[test]
    fn counters_that_fall_or_are_away_are_not_known_for_a_tick() {
        let mut counters = Counters::default();
        let mut read = |value: Option<f64>| {
            let side = value.map(|value| Side::default().count("requests", value));
            requests(&counters.read(Duration::ZERO, None, side))
        };
        assert_eq!(read(Some(100.0)), None);
        assert_eq!(read(Some(104.0)), Some(4.0));
        assert!(read(Some(3.0)).unwrap().is_nan());
        assert_eq!(read(Some(5.0)), Some(2.0));
        assert_eq!(read(None), None);
        assert_eq!(read(Some(50.0)), None);
        assert!(read(Some(f64::NAN)).unwrap().is_nan());
        assert!(read(Some(51.0)).unwrap().is_nan());
        assert_eq!(read(Some(53.0)), Some(2.0));
    }

    #[test]
    fn histograms_are_counters_too() {
        let cumulative = |count: f64| {
            let histogram = Histogram::new([0.1])
                .unwrap()
                .with_counts(vec![count, 2.0 * count])
                .unwrap();
            Some(Side::default().latency("latency", histogram))
        };
        let mut counters = Counters::default();
        counters.read(Duration::ZERO, cumulative(5.0), None);
        let tick = counters.read(Duration::ZERO, cumulative(8.0), None);
        assert_eq!(tick.live.unwrap().latencies["latency"].counts(), [3.0, 6.0]);
    }
}
