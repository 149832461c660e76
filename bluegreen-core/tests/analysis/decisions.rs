//! What follows from what is found.

use std::time::Duration;

use bluegreen_core::analysis::{Action, OnInconclusive, OnMissing, Standing, Why};

use crate::traffic::{begin, errors_spec, feed, seconds, side};

const BAKE: Duration = Duration::from_mins(10);

#[test]
fn a_regression_is_rolled_back_and_one_bad_tick_is_not() {
    let mut analysis = begin(errors_spec(|_| {}), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 20, side(50.0, 0.0), side(950.0, 1.0)),
        Action::Hold
    );
    // An outage of a tick.
    assert_eq!(
        feed(&mut analysis, 20, 1, side(50.0, 50.0), side(950.0, 1.0)),
        Action::Hold
    );
    assert_eq!(
        feed(&mut analysis, 21, 20, side(50.0, 0.0), side(950.0, 1.0)),
        Action::Hold
    );
    // A minute of errors is more.
    assert_eq!(
        feed(&mut analysis, 41, 12, side(50.0, 5.0), side(950.0, 1.0)),
        Action::Rollback
    );
    // And cannot be unsaid.
    assert_eq!(
        feed(&mut analysis, 53, 500, side(50.0, 0.0), side(950.0, 1.0)),
        Action::Rollback
    );
    let report = analysis.report();
    assert!(matches!(report.findings[0].standing, Standing::Failed { .. }));
    let text = report.to_string();
    assert!(
        text.contains("rollback: errors has failed") && text.contains("worse than live"),
        "{text}"
    );
}

#[test]
fn a_good_candidate_goes_on_when_its_bake_is_over() {
    let mut analysis = begin(errors_spec(|_| {}), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 119, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Hold
    );
    assert_eq!(analysis.report().why, Why::Baking { shown: true });
    assert_eq!(
        feed(&mut analysis, 119, 1, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Continue
    );
}

#[test]
fn a_step_may_end_early_only_where_the_plan_says_so() {
    let mut spec = errors_spec(|_| {});
    spec.early_pass = true;
    let mut analysis = begin(spec, BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 40, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Continue
    );
}

#[test]
fn too_little_traffic_is_inconclusive_and_the_plan_says_what_follows() {
    for (policy, expected) in [
        (OnInconclusive::Hold, Action::Hold),
        (OnInconclusive::Rollback, Action::Rollback),
        (OnInconclusive::Extend, Action::Hold),
        (OnInconclusive::BakeSuffices, Action::Continue),
    ] {
        let mut spec = errors_spec(|_| {});
        spec.on_inconclusive = policy;
        let mut analysis = begin(spec, BAKE);
        assert_eq!(
            feed(&mut analysis, 0, 119, side(1.0, 0.0), side(20.0, 0.0)),
            Action::Hold,
            "{policy:?}"
        );
        assert_eq!(
            feed(&mut analysis, 119, 1, side(1.0, 0.0), side(20.0, 0.0)),
            expected,
            "{policy:?}"
        );
    }
}

#[test]
fn an_extended_bake_ends_and_goes_on_when_enough_was_seen() {
    let mut spec = errors_spec(|_| {});
    spec.on_inconclusive = OnInconclusive::Extend;
    spec.extend_by = BAKE;
    let mut analysis = begin(spec.clone(), BAKE);
    feed(&mut analysis, 0, 130, side(1.0, 0.0), side(20.0, 0.0));
    assert!(matches!(analysis.report().why, Why::Extended { .. }));
    feed(&mut analysis, 130, 110, side(1.0, 0.0), side(20.0, 0.0));
    assert!(matches!(analysis.report().why, Why::Inconclusive { .. }));
    let mut analysis = begin(spec, BAKE);
    feed(&mut analysis, 0, 130, side(1.0, 0.0), side(20.0, 0.0));
    assert_eq!(
        feed(&mut analysis, 130, 30, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Continue
    );
}

#[test]
fn a_warning_holds_until_it_is_over() {
    let spec = errors_spec(|errors| {
        errors.warning = Some(0.01);
        errors.critical = Some(0.2);
    });
    let mut analysis = begin(spec, BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 130, side(500.0, 25.0), side(500.0, 25.0)),
        Action::Hold
    );
    assert!(matches!(analysis.report().why, Why::Warned { .. }));
    assert_eq!(
        feed(&mut analysis, 130, 100, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Continue
    );
}

#[test]
fn what_is_critical_is_rolled_back_unless_live_is_critical_too() {
    let spec = || {
        errors_spec(|errors| {
            errors.relative = false;
            errors.critical = Some(0.05);
        })
    };
    let mut analysis = begin(spec(), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 40, side(500.0, 100.0), side(500.0, 1.0)),
        Action::Rollback
    );
    let mut analysis = begin(spec(), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 40, side(500.0, 100.0), side(500.0, 100.0)),
        Action::Hold
    );
    assert!(matches!(analysis.report().why, Why::BothIll { .. }));
    // Live is needed for nothing else.
    let mut analysis = begin(spec(), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 40, side(500.0, 100.0), None),
        Action::Rollback
    );
    let mut analysis = begin(spec(), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 130, side(500.0, 1.0), None),
        Action::Continue
    );
}

#[test]
fn being_worse_than_live_counts_only_above_what_is_normal() {
    for (normal, expected) in [
        (None, Action::Rollback),
        (Some(0.01), Action::Hold),
        (Some(0.0005), Action::Rollback),
    ] {
        let mut analysis = begin(errors_spec(|errors| errors.normal = normal), BAKE);
        // 0.4 % against 0.01 %.
        let action = feed(&mut analysis, 0, 100, side(1000.0, 4.0), side(10_000.0, 1.0));
        assert_eq!(action, expected, "{normal:?}");
    }
}

#[test]
fn an_advisory_metric_is_only_reported_and_alone_it_decides_nothing() {
    let mut spec = errors_spec(|_| {});
    let advisory = spec.metrics[0].clone().advisory();
    spec.metrics = vec![advisory];
    let mut analysis = begin(spec, BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 200, side(500.0, 100.0), side(500.0, 0.0)),
        Action::Hold
    );
    let report = analysis.report();
    assert_eq!(report.why, Why::NothingBlocks);
    assert!(matches!(report.findings[0].standing, Standing::Failed { .. }));
}

#[test]
fn no_data_for_too_long_is_what_the_plan_says_and_never_a_pass() {
    for (policy, expected) in [
        (OnMissing::Hold, Action::Hold),
        (OnMissing::Rollback, Action::Rollback),
    ] {
        let mut spec = errors_spec(|_| {});
        spec.on_missing = policy;
        let mut analysis = begin(spec, BAKE);
        feed(&mut analysis, 0, 150, side(500.0, 0.0), side(500.0, 0.0));
        assert_eq!(analysis.action(), Action::Continue);
        assert_eq!(
            feed(&mut analysis, 150, 11, None, side(500.0, 0.0)),
            Action::Continue
        );
        assert_eq!(
            feed(&mut analysis, 161, 1, None, side(500.0, 0.0)),
            expected,
            "{policy:?}"
        );
        // It comes back.
        assert_eq!(
            feed(&mut analysis, 162, 1, side(500.0, 0.0), side(500.0, 0.0)),
            Action::Continue
        );
    }
}

#[test]
fn a_step_keeps_the_evidence_against_the_candidate_and_none_for_it() {
    let mut analysis = begin(errors_spec(|_| {}), BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 120, side(500.0, 0.0), side(500.0, 0.0)),
        Action::Continue
    );
    analysis.begin_step(BAKE);
    assert_eq!(analysis.action(), Action::Hold);
    feed(&mut analysis, 120, 4, side(500.0, 50.0), side(500.0, 0.0));
    let before = analysis.report().findings[0].evidence.clone();
    analysis.begin_step(BAKE);
    let after = analysis.report().findings[0].evidence.clone();
    assert_eq!(before[0], after[0]);
    assert!(before[0].now > 3.0, "{before:?}");
}

#[test]
fn a_candidate_that_warms_up_is_not_judged_and_live_is_watched() {
    let mut spec = errors_spec(|_| {});
    spec.warm_up = seconds(60);
    let mut analysis = begin(spec, BAKE);
    assert_eq!(
        feed(&mut analysis, 0, 12, side(50.0, 50.0), side(950.0, 9.0)),
        Action::Hold
    );
    let finding = analysis.report().findings.remove(0);
    assert_eq!(
        (finding.used, finding.skipped, finding.candidate.requests),
        (0, 0, 0)
    );
    // A new instance warms up again.
    feed(&mut analysis, 12, 1, side(50.0, 0.0), side(950.0, 9.0));
    analysis.warm_up(seconds(65));
    feed(&mut analysis, 13, 12, side(50.0, 50.0), side(950.0, 9.0));
    assert_eq!(analysis.report().findings[0].used, 1);
    assert_eq!(
        feed(&mut analysis, 25, 12, side(50.0, 50.0), side(950.0, 9.0)),
        Action::Rollback
    );
}

#[test]
fn the_bake_counts_only_time_with_data() {
    let mut analysis = begin(errors_spec(|_| {}), BAKE);
    for round in 0..12 {
        feed(&mut analysis, 20 * round, 10, side(500.0, 0.0), side(500.0, 0.0));
        feed(&mut analysis, 20 * round + 10, 10, None, None);
    }
    assert_eq!(analysis.report().observed, seconds(600));
    // A gap in time is not time with data either: of an hour a minute counts.
    let mut analysis = begin(errors_spec(|_| {}), BAKE);
    feed(&mut analysis, 0, 1, side(500.0, 0.0), side(500.0, 0.0));
    feed(&mut analysis, 720, 1, side(500.0, 0.0), side(500.0, 0.0));
    assert_eq!(analysis.report().observed, seconds(65));
}
