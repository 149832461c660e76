//! Latencies and events.

use std::time::Duration;

use bluegreen_core::analysis::{
    Action, Analysis, AnalysisSpec, EventsSpec, Gap, Histogram, LatencySpec, Limit, MetricSpec, Side,
    Standing, Tick,
};

use crate::traffic::{Rng, begin, seconds};

pub(crate) fn latency_spec(change: impl FnOnce(&mut LatencySpec)) -> AnalysisSpec {
    let mut latency = LatencySpec::default();
    change(&mut latency);
    let mut spec = AnalysisSpec::new([MetricSpec::latency("latency", latency)]);
    spec.warm_up = Duration::ZERO;
    spec
}

/// Exponential latencies of this mean.
pub(crate) fn measured(rng: &mut Rng, mut histogram: Histogram, requests: u32, mean_s: f64) -> Side {
    for _ in 0..requests {
        histogram.record(Duration::from_secs_f64(-mean_s * rng.uniform().max(1e-12).ln()));
    }
    Side::default().latency("latency", histogram)
}

/// Feeds so many ticks of live at 100 ms and the candidate at a mean.
fn compare(analysis: &mut Analysis, ticks: u64, mean_s: f64, grid: &Histogram) -> Action {
    let mut rng = Rng(3);
    for tick in 1..=ticks {
        let live = measured(&mut rng, grid.clone(), 500, 0.1);
        let candidate = measured(&mut rng, grid.clone(), 100, mean_s);
        analysis.observe(&Tick {
            at: seconds(5 * tick),
            live: Some(live),
            candidate: Some(candidate),
        });
    }
    analysis.action()
}

#[test]
fn a_slower_candidate_is_found_and_one_that_is_alike_passes() {
    for (mean_s, expected) in [
        (0.1, Action::Continue),
        (0.13, Action::Rollback),
        (0.3, Action::Rollback),
    ] {
        let mut analysis = begin(latency_spec(|_| {}), seconds(600));
        assert_eq!(
            compare(&mut analysis, 121, mean_s, &Histogram::fine()),
            expected,
            "{mean_s}: {}",
            analysis.report()
        );
    }
}

#[test]
fn the_ratio_says_what_is_slower() {
    for (ratio, expected) in [
        (
            1.05,
            Standing::Failed {
                claim: bluegreen_core::analysis::Claim::WorseThanLive,
            },
        ),
        (2.0, Standing::Passed),
    ] {
        let mut analysis = begin(latency_spec(|latency| latency.ratio = ratio), seconds(600));
        compare(&mut analysis, 121, 0.15, &Histogram::fine());
        assert_eq!(analysis.report().findings[0].standing, expected, "{ratio}");
    }
}

#[test]
fn coarse_bounds_are_compared_at_the_same_bounds() {
    let grid = Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5]).unwrap();
    for (mean_s, expected) in [(0.1, Action::Continue), (0.15, Action::Rollback)] {
        let spec = latency_spec(|latency| latency.ratio = 1.0);
        let mut analysis = begin(spec, seconds(600));
        assert_eq!(
            compare(&mut analysis, 121, mean_s, &grid),
            expected,
            "{mean_s}: {}",
            analysis.report()
        );
    }
}

#[test]
fn a_limit_needs_no_live() {
    for (mean_s, expected) in [(0.1, Action::Continue), (0.6, Action::Rollback)] {
        // p95 of an exponential distribution is 3 means.
        let spec = latency_spec(|latency| {
            latency.relative = false;
            latency.critical = Some(Limit {
                quantile: 0.95,
                below: seconds(1),
            });
        });
        let mut analysis = begin(spec, seconds(600));
        let mut rng = Rng(3);
        for tick in 1..=121 {
            let candidate = measured(&mut rng, Histogram::fine(), 100, mean_s);
            analysis.observe(&Tick {
                at: seconds(5 * tick),
                live: None,
                candidate: Some(candidate),
            });
        }
        assert_eq!(analysis.action(), expected, "{mean_s}: {}", analysis.report());
    }
}

#[test]
fn histograms_that_differ_are_not_compared() {
    let mut analysis = begin(latency_spec(|_| {}), seconds(60));
    let mut rng = Rng(3);
    for tick in 1..=20 {
        let live = measured(&mut rng, Histogram::fine(), 500, 0.1);
        let candidate = measured(&mut rng, Histogram::new([0.1, 1.0]).unwrap(), 100, 0.1);
        analysis.observe(&Tick {
            at: seconds(5 * tick),
            live: Some(live),
            candidate: Some(candidate),
        });
    }
    let finding = analysis.report().findings.remove(0);
    assert_eq!((finding.used, finding.last_gap), (0, Some(Gap::OtherBounds)));
    assert_eq!(analysis.action(), Action::Hold);
}

/// Both have logins in proportion to their requests, the candidate `times` as many.
fn logins(spec: EventsSpec, times: f64) -> Analysis {
    let mut spec = AnalysisSpec::new([MetricSpec::events("logins", spec)]);
    spec.warm_up = Duration::ZERO;
    let mut analysis = begin(spec, seconds(1800));
    let mut rng = Rng(11);
    for tick in 1..=360_u32 {
        // Traffic that comes and goes, and a split that is not the nominal one.
        let requests = 200.0 + 150.0 * (f64::from(tick) / 30.0).sin();
        let mut side = |requests: f64, rate: f64| {
            Some(
                Side::default()
                    .count("requests", requests.round())
                    .count("logins", rng.poisson(requests * rate)),
            )
        };
        let candidate = side(requests * 0.17, 0.1 * times);
        let live = side(requests * 0.83, 0.1);
        analysis.observe(&Tick {
            at: seconds(5 * u64::from(tick)),
            live,
            candidate,
        });
    }
    analysis
}

#[test]
fn events_that_become_rare_or_frequent_are_found() {
    for (spec, times, expected) in [
        (EventsSpec::at_least("logins", 0.8), 1.0, Action::Continue),
        (EventsSpec::at_least("logins", 0.8), 1.5, Action::Continue),
        (EventsSpec::at_least("logins", 0.8), 0.4, Action::Rollback),
        (EventsSpec::at_least("logins", 0.8), 0.0, Action::Rollback),
        (EventsSpec::at_most("logins", 1.5), 1.0, Action::Continue),
        (EventsSpec::at_most("logins", 1.5), 3.0, Action::Rollback),
    ] {
        let analysis = logins(spec.clone(), times);
        assert_eq!(
            analysis.action(),
            expected,
            "{times}, {spec:?}: {}",
            analysis.report()
        );
    }
}
