//! How long answers took, in buckets that grow.

use std::fmt;
use std::time::Duration;

/// Each doubling is divided into so many buckets: quantiles are at most 1/8 too high.
const PARTS: u64 = 8;

/// Enough for 2^42 microseconds, which is 50 days.
const BUCKETS: usize = 40 * 8;

/// How long answers took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p95, p99, max } = self;
        write!(f, "p50 {p50:.1?}, p95 {p95:.1?}, p99 {p99:.1?}, max {max:.1?}")
    }
}

#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            max: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, took: Duration) {
        let last = self.counts.len().saturating_sub(1);
        if let Some(count) = self.counts.get_mut(bucket(took).min(last)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(took);
    }

    pub(super) fn latency(&self) -> Latency {
        Latency {
            p50: self.quantile(500),
            p95: self.quantile(950),
            p99: self.quantile(990),
            max: self.max,
        }
    }

    /// The end of the bucket up to which so many of a thousand lie.
    fn quantile(&self, thousandths: u64) -> Duration {
        let wanted = self.total.saturating_mul(thousandths).div_ceil(1000);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return end(index).min(self.max);
            }
        }
        self.max
    }
}

/// Below 8 µs a bucket is 1 µs wide; above, an eighth of the power of two below it.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let index = if micros < PARTS {
        micros
    } else {
        let doublings = u64::from(micros.ilog2()) - 3;
        (doublings + 1) * PARTS + (micros >> doublings) - PARTS
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn end(index: usize) -> Duration {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    let micros = if index < PARTS {
        index
    } else {
        let doublings = index / PARTS - 1;
        ((index % PARTS + PARTS + 1) << doublings.min(48)) - 1
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_an_eighth_too_high() {
        for micros in [0, 1, 7, 8, 9, 15, 16, 17, 100, 1_000, 123_456, 3_000_000] {
            let mut histogram = Histogram::new();
            histogram.add(Duration::from_micros(micros));
            histogram.add(Duration::from_hours(1));
            let p50 = histogram.latency().p50.as_micros();
            let micros = u128::from(micros);
            assert!(
                p50 >= micros && p50 <= micros + micros / 8,
                "{micros} became {p50}"
            );
        }
    }

    #[test]
    fn quantiles_of_a_thousand() {
        let mut histogram = Histogram::new();
        for millis in 1..=1_000 {
            histogram.add(Duration::from_millis(millis));
        }
        let Latency { p50, p95, p99, max } = histogram.latency();
        for (found, exact) in [(p50, 500), (p95, 950), (p99, 990), (max, 1_000)] {
            assert!(
                found.as_millis() >= exact && found.as_millis() <= exact + exact / 8,
                "{found:?}"
            );
        }
    }
}
