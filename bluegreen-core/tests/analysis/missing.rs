//! Nothing that a source can give makes a pass of no data, or a panic.

use bluegreen_core::analysis::{
    Action, Counters, Gap, Histogram, LatencySpec, MetricSpec, OnInconclusive, Side, Tick,
};
use proptest::prelude::*;

use crate::traffic::{begin, errors_spec, feed, seconds, side};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-1.0),
        Just(0.0),
        Just(f64::MAX),
        Just(1e15),
        0.0..1e6f64,
        any::<f64>(),
    ]
}

fn any_side() -> impl Strategy<Value = Option<Side>> {
    let counts = proptest::collection::btree_map(
        prop_oneof![Just("requests"), Just("errors"), Just("x")],
        value(),
        0..3,
    );
    let histogram = proptest::option::of((any::<bool>(), proptest::collection::vec(value(), 3)));
    proptest::option::of((counts, histogram).prop_map(|(counts, histogram)| {
        let mut side = Side::default();
        for (name, value) in counts {
            side = side.count(name, value);
        }
        if let Some((fine, counts)) = histogram {
            let coarse = Histogram::new([0.1, 1.0]).and_then(|coarse| coarse.with_counts(counts));
            side = side.latency(
                "latency",
                coarse.ok().filter(|_| !fine).unwrap_or_else(Histogram::fine),
            );
        }
        side
    }))
}

/// A candidate's side that says nothing.
fn silent_side() -> impl Strategy<Value = Option<Side>> {
    let not_a_count = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-5.0)];
    prop_oneof![
        Just(None),
        Just(Some(Side::default())),
        Just(side(0.0, 0.0)),
        Just(side(10.0, 11.0)),
        Just(Some(Side::default().count("requests", 50.0))),
        not_a_count.clone().prop_map(|value| side(value, 0.0)),
        not_a_count.prop_map(|value| side(50.0, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_candidate_without_data_never_passes(sides in proptest::collection::vec(silent_side(), 1..200)) {
        let mut spec = errors_spec(|_| {});
        // The most lenient that there is.
        (spec.early_pass, spec.on_inconclusive, spec.min_requests) = (true, OnInconclusive::BakeSuffices, 1);
        let mut analysis = begin(spec, seconds(30));
        for (tick, candidate) in (0..).zip(sides) {
            prop_assert_eq!(feed(&mut analysis, tick, 1, candidate, side(1000.0, 1.0)), Action::Hold);
        }
    }

    #[test]
    fn whatever_a_source_gives_there_is_an_answer_and_a_state_that_can_be_stored(
        ticks in proptest::collection::vec((0u64..3600, any_side(), any_side()), 1..60),
        cumulative in any::<bool>(),
    ) {
        let mut spec = errors_spec(|errors| {
            (errors.normal, errors.warning, errors.critical) = (Some(0.01), Some(0.02), Some(0.05));
        });
        spec.metrics.push(MetricSpec::latency("latency", LatencySpec::default()));
        let mut analysis = begin(spec.clone(), seconds(60));
        let mut counters = Counters::default();
        for (at, live, candidate) in ticks {
            let at = seconds(at);
            let tick = if cumulative { counters.read(at, live, candidate) } else { Tick { at, live, candidate } };
            let action = analysis.observe(&tick);
            prop_assert_eq!(action, analysis.action());
            let report = analysis.report();
            prop_assert!(!report.to_string().contains("NaN"), "{}", report);
            let stored = serde_json::to_string(analysis.state()).unwrap();
            let state = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(analysis.state(), &state, "{}", stored);
        }
    }
}

#[test]
fn the_report_says_why_ticks_were_skipped() {
    let good = || side(1000.0, 1.0);
    for (candidate, live, gap) in [
        (None, good(), Gap::NoCandidate),
        (good(), None, Gap::NoLive),
        (side(0.0, 0.0), good(), Gap::CandidateIdle),
        (good(), side(0.0, 0.0), Gap::LiveIdle),
        (side(f64::NAN, 0.0), good(), Gap::NoCount),
        (side(5.0, 6.0), good(), Gap::MoreBadThanAll),
    ] {
        let mut analysis = begin(errors_spec(|_| {}), seconds(60));
        feed(&mut analysis, 0, 3, candidate, live);
        let finding = analysis.report().findings.remove(0);
        assert_eq!(
            (finding.used, finding.skipped, finding.last_gap),
            (0, 3, Some(gap))
        );
        assert!(finding.to_string().contains(&gap.to_string()), "{finding}");
    }
}

#[test]
fn time_that_runs_backwards_is_skipped_and_counted() {
    let mut analysis = begin(errors_spec(|_| {}), seconds(60));
    feed(&mut analysis, 10, 5, side(50.0, 0.0), side(950.0, 1.0));
    let before = analysis.report().findings[0].candidate;
    feed(&mut analysis, 0, 5, side(50.0, 50.0), side(950.0, 1.0));
    let finding = analysis.report().findings.remove(0);
    assert_eq!(
        (finding.candidate, finding.skipped, finding.last_gap),
        (before, 5, Some(Gap::OutOfTime))
    );
}
