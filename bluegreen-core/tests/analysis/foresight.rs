//! What is told beforehand, beside what then happens.

use std::time::Duration;

use bluegreen_core::analysis::{
    Action, AnalysisSpec, Change, EventsSpec, Foresight, Histogram, LatencySpec, Limit, MetricSpec, Side,
    Tick,
};

use crate::kinds::{latency_spec, measured};
use crate::traffic::{Rng, begin, errors_spec, seconds, side};

const BAKE: Duration = Duration::from_mins(10);
const RUNS: u64 = 30;

/// In how many of the runs a bake finds a candidate that is as `sides` make it: live's side, and the candidate's.
fn found(spec: &AnalysisSpec, sides: impl Fn(&mut Rng) -> (Side, Side)) -> u64 {
    let found = (0..RUNS).filter(|run| {
        let mut rng = Rng(run * 7_919 + 11);
        let mut analysis = begin(spec.clone(), BAKE);
        (1..=120).any(|tick| {
            let (live, candidate) = sides(&mut rng);
            analysis.observe(&Tick {
                at: seconds(5 * tick),
                live: Some(live),
                candidate: Some(candidate),
            }) == Action::Rollback
        })
    });
    u64::try_from(found.count()).unwrap()
}

/// What is seen is found in nearly all runs, and what is not in few.
fn holds(spec: &AnalysisSpec, foresight: &Foresight, sides: impl Fn(&mut Rng, f64) -> (Side, Side)) {
    let (sees, misses) = (foresight.sees.unwrap(), foresight.misses.unwrap());
    let of_seen = found(spec, |rng| sides(rng, sees));
    let of_missed = found(spec, |rng| sides(rng, misses));
    assert!(
        of_seen >= 22 && of_missed <= 12,
        "{foresight}: found {of_seen} and {of_missed} of {RUNS}"
    );
}

fn one(spec: &AnalysisSpec, live: &Side, share: f64) -> Foresight {
    let mut all = spec.foresee(live, seconds(5), share, BAKE);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_rise_of_errors_is_found_as_foretold() {
    for change in [
        |_: &mut bluegreen_core::analysis::ErrorsSpec| {},
        // Only above what is normal, and in any case above what is critical.
        |errors: &mut bluegreen_core::analysis::ErrorsSpec| {
            (errors.normal, errors.critical) = (Some(0.01), Some(0.05));
        },
        |errors: &mut bluegreen_core::analysis::ErrorsSpec| {
            (errors.relative, errors.critical) = (false, Some(0.05));
        },
    ] {
        let spec = errors_spec(change);
        let foresight = one(&spec, &side(5000.0, 10.0).unwrap(), 0.1);
        assert_eq!(foresight.change, Change::Rise);
        assert!((foresight.from - 0.0019).abs() < 0.0002, "{foresight}");
        holds(&spec, &foresight, |rng, to| {
            let live = side(4500.0, rng.poisson(4500.0 * 0.0019)).unwrap();
            (live, side(500.0, rng.poisson(500.0 * to).min(500.0)).unwrap())
        });
    }
}

#[test]
fn a_slowdown_is_found_as_foretold() {
    let live = measured(&mut Rng(1), Histogram::fine(), 300, 0.1);
    for spec in [
        latency_spec(|_| {}),
        latency_spec(|latency| latency.ratio = 1.5),
        // p95 of an exponential distribution is three means.
        latency_spec(|latency| {
            latency.relative = false;
            latency.critical = Some(Limit {
                quantile: 0.95,
                below: Duration::from_millis(500),
            });
        }),
    ] {
        let foresight = one(&spec, &live, 0.1);
        assert_eq!(foresight.change, Change::Slowdown);
        assert!(
            foresight
                .to_string()
                .starts_with("latency: can see answers that take "),
            "{foresight}"
        );
        holds(&spec, &foresight, |rng, slowdown| {
            let live = measured(rng, Histogram::fine(), 270, 0.1);
            (live, measured(rng, Histogram::fine(), 30, 0.1 * slowdown))
        });
    }
}

#[test]
fn a_drop_and_an_increase_of_events_are_found_as_foretold() {
    let happens = |requests: f64, events: f64| {
        Side::default()
            .count("requests", requests)
            .count("logins", events)
    };
    for (events, change) in [
        (EventsSpec::at_least("logins", 0.8), Change::Drop),
        (EventsSpec::at_most("logins", 1.25), Change::Increase),
    ] {
        let mut spec = AnalysisSpec::new([MetricSpec::events("logins", events)]);
        spec.warm_up = Duration::ZERO;
        let foresight = one(&spec, &happens(1000.0, 100.0), 0.2);
        assert_eq!(foresight.change, change);
        holds(&spec, &foresight, |rng, multiple| {
            let live = happens(800.0, rng.poisson(80.0));
            (live, happens(200.0, rng.poisson(20.0 * multiple)))
        });
    }
}

#[test]
fn more_traffic_and_more_time_see_more() {
    let spec = errors_spec(|_| {});
    let sees = |requests: f64, bake: Duration| {
        let live = side(requests, requests / 1000.0).unwrap();
        let foresight = spec.foresee(&live, seconds(5), 0.05, bake).remove(0);
        foresight.sees.map(|sees| sees / foresight.from)
    };
    let usual = sees(500.0, BAKE).unwrap();
    assert!(sees(5000.0, BAKE).unwrap() < usual);
    assert!(sees(500.0, 4 * BAKE).unwrap() < usual);
    // One request of the candidate in four seconds, and half a minute: nothing is seen.
    assert_eq!(sees(25.0, seconds(30)), None);
    let live = side(25.0, 0.0).unwrap();
    let nothing = spec.foresee(&live, seconds(5), 0.05, seconds(30)).remove(0);
    assert_eq!(nothing.to_string(), "errors: can see no rise at all");
}

#[test]
fn what_live_shows_nothing_of_is_left_out() {
    let mut spec = errors_spec(|_| {});
    spec.metrics
        .push(MetricSpec::latency("latency", LatencySpec::default()));
    spec.metrics
        .push(MetricSpec::events("logins", EventsSpec::at_least("logins", 0.8)));
    let idle = Side::default().count("requests", 0.0).count("errors", 0.0);
    let idle = idle.count("logins", 0.0).latency("latency", Histogram::fine());
    let odd = Side::default().count("requests", f64::NAN).count("errors", 5.0);
    let impossible = side(5.0, 6.0).unwrap();
    for live in [Side::default(), idle, odd, impossible] {
        assert_eq!(spec.foresee(&live, seconds(5), 0.1, BAKE), [], "{live:?}");
    }
    let good = side(1000.0, 1.0).unwrap();
    for (counted_for, share) in [(Duration::ZERO, 0.1), (seconds(5), 1.0), (seconds(5), f64::NAN)] {
        assert_eq!(spec.foresee(&good, counted_for, share, BAKE), []);
    }
}
