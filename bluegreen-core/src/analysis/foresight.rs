//! What a bake will be able to see of each metric, at the traffic that live has now.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::block::{Amount, Bound, Null};
use super::history::{History, Tails, first_bound_from, nearest_bound};
use super::kind::{Kind, Levels};
use super::number::{count, real};
use super::planning::{Prospect, least, ticks_until};
use super::report::percent;
use super::sight::EXCEEDANCES;
use super::spec::{AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec};
use super::test::{self, ANY, Arrivals};
use super::tick::{Histogram, Side};
use crate::plan::humane;

/// With fewer answers no quantile is known; as many are imagined.
const ENOUGH_ANSWERS: f64 = 200.0;

/// Which change of the candidate is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// More bad requests. In shares, 0 to 1.
    Rise,
    /// All answers take longer. In multiples of the time.
    Slowdown,
    /// It happens less often. In multiples of live's.
    Drop,
    /// It happens more often. In multiples of live's.
    Increase,
}

/// Which change of one metric a bake will see, and which it will not: so much that a regression of that size is found
/// in nine of ten cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Foresight {
    /// The metric.
    pub metric: String,
    /// What is looked for.
    pub change: Change,
    /// What live has: for a rise its share of bad requests, otherwise 1.
    pub from: f64,
    /// The smallest change that is seen; `None` when none is.
    pub sees: Option<f64>,
    /// A smaller one, that would be a regression and is not seen.
    pub misses: Option<f64>,
    /// For how long the candidate is watched.
    #[serde(with = "humane")]
    pub bake: Duration,
}

impl fmt::Display for Foresight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, change, .. } = self;
        let from = percent(self.from);
        let (Some(sees), Some(misses)) = (self.sees, self.misses) else {
            let nothing = match change {
                Change::Rise => "no rise",
                Change::Slowdown => "no slowdown",
                Change::Drop => "no drop",
                Change::Increase => "no increase",
            };
            return write!(f, "{metric}: can see {nothing} at all");
        };
        match change {
            Change::Rise => write!(
                f,
                "{metric}: can see a rise of {from} -> {}, but not of {from} -> {}",
                percent(sees),
                percent(misses)
            ),
            Change::Slowdown => write!(
                f,
                "{metric}: can see answers that take {sees:.2} times as long, but not {misses:.2} times"
            ),
            Change::Drop => write!(
                f,
                "{metric}: can see a drop to {} of live's, but not to {}",
                percent(sees),
                percent(misses)
            ),
            Change::Increase => write!(
                f,
                "{metric}: can see {sees:.2} times as many as on live, but not {misses:.2} times"
            ),
        }
    }
}

/// The traffic of a tick, as it is expected.
#[derive(Clone, Copy)]
struct Expected<'a> {
    /// What live did.
    live: &'a Side,
    /// How many of those make a tick of both slots together.
    scale: f64,
    /// The candidate's share.
    share: f64,
}

impl AnalysisSpec {
    /// What a bake will be able to see of each metric, when live does `live` in a time while it has all traffic, and the
    /// candidate then gets a share of it, 0 to 1. A metric that `live` shows nothing of is left out.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, MetricSpec, Side};
    ///
    /// let spec = AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())]);
    /// let live = Side::default().count("requests", 10_000.0).count("errors", 10.0);
    /// let (counted_for, bake) = (Duration::from_secs(5), Duration::from_secs(600));
    /// let seen = spec.foresee(&live, counted_for, 0.05, bake);
    /// assert!(seen[0].to_string().starts_with("errors: can see a rise of 0.10 % -> 0.18 %"), "{}", seen[0]);
    /// ```
    #[must_use]
    pub fn foresee(&self, live: &Side, counted_for: Duration, share: f64, bake: Duration) -> Vec<Foresight> {
        let scale = self.tick.as_secs_f64() / counted_for.as_secs_f64();
        if !(scale.is_finite() && scale > 0.0 && (0.0..1.0).contains(&share)) {
            return Vec::new();
        }
        let expected = Expected { live, scale, share };
        let mut all = Vec::new();
        for metric in &self.metrics {
            let Some(kind) = Kind::of(metric) else { continue };
            for possible in possibilities(kind, expected) {
                let Possible { small, large, .. } = possible;
                let is_seen = |to: f64| self.sees(&(possible.tests)(to), bake);
                let sees = if small < large {
                    least(small, large, is_seen)
                } else {
                    least(small.recip(), large.recip(), |inverse| is_seen(inverse.recip())).map(f64::recip)
                };
                all.push(Foresight {
                    metric: metric.name.clone(),
                    change: possible.change,
                    from: possible.from,
                    sees,
                    misses: sees.map(|sees| (small * sees).sqrt()),
                    bake,
                });
            }
        }
        all
    }

    /// Whether a failure is shown in time in one of some ways.
    fn sees(&self, ways: &[Way], bake: Duration) -> bool {
        let levels = Levels::new(self);
        let in_time = |test: &Vec<Prospect>| {
            ticks_until(test, &levels)
                .and_then(|ticks| self.time_of(ticks.nine_of_ten))
                .is_some_and(|time| time <= bake)
        };
        ways.iter().any(|way| !way.is_empty() && way.iter().all(in_time))
    }
}

/// One way in which a metric fails: tests that all have to decide, each with its comparisons.
type Way = Vec<Vec<Prospect>>;

/// What may change of a metric, from the smallest change that is a regression to the largest that makes sense.
struct Possible<'a> {
    change: Change,
    from: f64,
    small: f64,
    large: f64,
    /// The ways in which it then fails.
    tests: Box<dyn Fn(f64) -> Vec<Way> + 'a>,
}

fn possibilities<'a>(kind: Kind<'a>, expected: Expected<'a>) -> Vec<Possible<'a>> {
    match kind {
        Kind::Errors(spec) => errors(kind, spec, expected).into_iter().collect(),
        Kind::Latency(spec) => latency(spec, expected).into_iter().collect(),
        Kind::Events(spec) => events(spec, expected),
    }
}

/// What live counted, if it is a count.
fn counted(expected: Expected<'_>, name: &str) -> Option<f64> {
    let value = expected.live.counts.get(name).copied();
    value.and_then(count).map(real)
}

/// A comparison with a limit of its own.
fn above(limit: f64, candidate: Amount) -> Prospect {
    let bound = Bound::absolute(limit);
    Prospect {
        candidate,
        live: Amount {
            requests: 0.0,
            bad: 0.0,
        },
        null: Null::AtMost,
        bound,
        bets: test::multiples(ANY, bound).collect(),
    }
}

fn errors<'a>(kind: Kind<'a>, spec: &'a ErrorsSpec, expected: Expected<'a>) -> Option<Possible<'a>> {
    let (requests, bad) = (counted(expected, &spec.of)?, counted(expected, &spec.bad)?);
    let per_tick = requests * expected.scale;
    if requests <= 0.0 || bad > requests {
        return None;
    }
    // As the analysis itself estimates it: a little of what is usual, for the seconds in which nothing happens.
    let from = (bad + 0.5) / (requests + 500.0);
    let relative = kind.relative();
    let [normal, _, critical] = kind.limits();
    let tests = move |to: f64| {
        let amount = |requests: f64, rate: f64| Amount {
            requests,
            bad: requests * rate,
        };
        let candidate = amount(per_tick * expected.share, to);
        let compared = relative.map(|bound| {
            let prospect = Prospect {
                candidate,
                live: amount(per_tick * (1.0 - expected.share), from),
                null: Null::AtMost,
                bound,
                bets: test::multiples(from, bound).collect(),
            };
            let floor = normal.map(|normal| vec![above(normal, candidate)]);
            [vec![prospect]].into_iter().chain(floor).collect()
        });
        let limited = critical.map(|limit| vec![vec![above(limit, candidate)]]);
        compared.into_iter().chain(limited).collect()
    };
    let small = match relative {
        Some(bound) => bound.at(from).max(normal.unwrap_or(0.0)),
        None => critical?,
    };
    Some(Possible {
        change: Change::Rise,
        from,
        small: small.clamp(1e-6, 0.9),
        large: 0.999,
        tests: Box::new(tests),
    })
}

fn latency<'a>(spec: &'a LatencySpec, expected: Expected<'a>) -> Option<Possible<'a>> {
    let histogram = expected.live.latencies.get(&spec.histogram)?;
    let tails = Tails::of(histogram)?;
    let all = real(tails.all());
    if all <= 0.0 {
        return None;
    }
    let more = (ENOUGH_ANSWERS / all).max(1.0);
    let known = histogram.counts().iter().map(|count| count * more);
    let mut history = History::default();
    history.add(&histogram.clone().with_counts(known.collect()).ok()?, 0.0);
    let thresholds = spec
        .relative
        .then(|| history.thresholds(EXCEEDANCES, histogram))
        .flatten();
    let per_tick = all * expected.scale;
    let tests = move |slowdown: f64| {
        let slower = |bound: f64| {
            let requests = per_tick * expected.share;
            let share = share_above(histogram, &tails, bound / slowdown);
            Amount {
                requests,
                bad: requests * share,
            }
        };
        let bound = Bound {
            ratio: 1.0,
            slack: spec.slack,
        };
        let compared = thresholds.map(|thresholds| {
            let each = thresholds.iter().filter_map(|threshold| {
                let index = nearest_bound(histogram, threshold.bound * spec.ratio)?;
                let requests = per_tick * (1.0 - expected.share);
                Some(Prospect {
                    candidate: slower(*histogram.bounds().get(index)?),
                    live: Amount {
                        requests,
                        bad: requests * threshold.exceedance,
                    },
                    null: Null::AtMost,
                    bound,
                    bets: test::odds(threshold.exceedance, bound).collect(),
                })
            });
            vec![each.collect()]
        });
        let limited = spec.critical.and_then(|limit| {
            let index = first_bound_from(histogram, limit.below.as_secs_f64())?;
            let candidate = slower(*histogram.bounds().get(index)?);
            Some(vec![vec![above(1.0 - limit.quantile, candidate)]])
        });
        compared.into_iter().chain(limited).collect()
    };
    Some(Possible {
        change: Change::Slowdown,
        from: 1.0,
        small: if spec.relative { spec.ratio } else { 1.0 },
        large: 1000.0,
        tests: Box::new(tests),
    })
}

/// Which share of the answers took longer than a time, where it may lie between two bounds.
fn share_above(histogram: &Histogram, tails: &Tails, seconds: f64) -> f64 {
    let bounds = histogram.bounds();
    let above = |index: usize| tails.beyond(index).rate().unwrap_or(0.0);
    let place = bounds.partition_point(|bound| *bound < seconds);
    let Some(high) = bounds.get(place) else {
        // Nothing is known beyond the last bound.
        return bounds.len().checked_sub(1).map_or(0.0, above);
    };
    let (low, share_low) = place
        .checked_sub(1)
        .and_then(|below| Some((*bounds.get(below)?, above(below))))
        .unwrap_or((0.0, 1.0));
    let share_high = above(place);
    // Latencies are spread evenly over their logarithms; in the first bucket there is none.
    let part = if low > 0.0 {
        (seconds / low).ln() / (high / low).ln()
    } else {
        seconds / high
    };
    share_low + (share_high - share_low) * part.clamp(0.0, 1.0)
}

fn events<'a>(spec: &'a EventsSpec, expected: Expected<'a>) -> Vec<Possible<'a>> {
    let happened = counted(expected, &spec.count).filter(|happened| *happened > 0.0);
    let requests = counted(expected, &spec.of).filter(|requests| *requests > 0.0);
    let (Some(happened), Some(_)) = (happened, requests) else {
        return Vec::new();
    };
    let per_tick = happened * expected.scale;
    let arrivals = Arrivals::expected(expected.share);
    // Of all that happens, the candidate's are the bad ones.
    let amount = move |multiple: f64| {
        let candidate = per_tick * expected.share * multiple;
        Amount {
            requests: candidate + per_tick * (1.0 - expected.share),
            bad: candidate,
        }
    };
    let prospect = move |null, limit: f64, bets: Vec<_>, multiple: f64| {
        vec![vec![vec![Prospect {
            candidate: amount(multiple),
            live: Amount {
                requests: 0.0,
                bad: 0.0,
            },
            null,
            bound: Bound::absolute(arrivals.probability(limit)),
            bets,
        }]]]
    };
    let drop = spec.at_least.map(|limit| Possible {
        change: Change::Drop,
        from: 1.0,
        small: limit,
        large: 0.001,
        tests: Box::new(move |multiple| {
            prospect(
                Null::AtLeast,
                limit,
                arrivals.more_seldom(limit).collect(),
                multiple,
            )
        }),
    });
    let increase = spec.at_most.map(|limit| Possible {
        change: Change::Increase,
        from: 1.0,
        small: limit,
        large: 1000.0,
        tests: Box::new(move |multiple| {
            prospect(
                Null::AtMost,
                limit,
                arrivals.more_often(limit).collect(),
                multiple,
            )
        }),
    });
    drop.into_iter().chain(increase).collect()
}
