//! What the analysis decides, and what somebody may decide in its place.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, MetricSpec, OnInconclusive};
use bluegreen_core::lifecycle::{ANALYSIS, Hold, Lifecycle};
use bluegreen_core::plan::Step;
use bluegreen_core::{Event, Outcome, Phase, Plan, ServiceName};

use super::{AT, driven, watched};

const BAKE: u64 = 10 * 60_000;
const SOAK: u64 = 5 * 60_000;
const PASS: Outcome = Outcome::Pass;
const OPEN: Outcome = Outcome::Inconclusive;

/// Two steps of ten minutes and a soak of five, with an analysis, at a phase of one of the steps.
fn at(step: usize, phase: Phase, change: impl FnOnce(&mut AnalysisSpec)) -> Lifecycle {
    let mut spec = AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())]);
    change(&mut spec);
    let steps = ["10%", "100%"].map(|weight| Step::new(weight.parse().unwrap(), Duration::from_millis(BAKE)));
    let plan = Plan::builder(ServiceName::new("shop").unwrap())
        .steps(steps)
        .soak(Duration::from_millis(SOAK))
        .analysis(spec);
    driven(plan, step, phase)
}

/// For so long the health was good, and the analysis said this at last.
fn analysed(watched_ms: u64, outcome: Outcome) -> Event {
    watched(watched_ms, &[("health/up", PASS), (ANALYSIS, outcome)])
}

fn approved(step: usize) -> Event {
    Event::Approved {
        by: "ada".to_owned(),
        step,
    }
}

/// The phase, the step counted from 1, and what became of it when it is held.
fn place(lifecycle: &Lifecycle) -> (Phase, usize, Option<Hold>) {
    let run = lifecycle.run().unwrap();
    (run.phase, run.step + 1, run.hold.clone())
}

fn by_ada() -> Hold {
    Hold::Approved("ada".to_owned())
}

#[test]
fn no_step_and_no_soak_passes_before_its_analysis_has() {
    for (step, phase, time) in [
        (1, Phase::Bake, BAKE),
        (2, Phase::Bake, BAKE),
        (2, Phase::Soak, SOAK),
    ] {
        let begun = at(step, phase, |_| ());
        let not_asked = begun.apply(AT, &watched(time, &[("health/up", PASS)]));
        assert_eq!(place(&not_asked), (phase, step, None));
        let waits_for = not_asked.run().unwrap().waiting_for.clone();
        assert_eq!(waits_for.as_deref(), Some("analysis (green): not asked yet"));
        let passed = not_asked.apply(AT, &analysed(0, PASS));
        assert_ne!(place(&passed).0, phase, "{phase} of step {step}");
    }
}

#[test]
fn a_step_that_its_analysis_cannot_judge_is_held_when_its_bake_is_over() {
    let begun = at(1, Phase::Bake, |_| ());
    let before = begun.apply(AT, &analysed(BAKE - 1, OPEN));
    assert_eq!(place(&before), (Phase::Bake, 1, None));
    let held = before.apply(AT, &analysed(1, OPEN));
    assert_eq!(place(&held), (Phase::Bake, 1, Some(Hold::Asked)));
    // It is found out after all, or nobody has to say anything any more.
    assert_eq!(
        place(&held.clone().apply(AT, &analysed(1, PASS))),
        (Phase::Ready, 2, None)
    );
    assert_eq!(
        place(&held.apply(AT, &analysed(1, Outcome::Fail))).0,
        Phase::Assess
    );
    // After the last step there is nobody to ask: it waits for the analysis, or for the end of its time.
    let soaked = at(2, Phase::Soak, |_| ()).apply(AT, &analysed(SOAK, OPEN));
    assert_eq!(place(&soaked), (Phase::Soak, 2, None));
}

#[test]
fn a_bake_that_is_extended_is_held_after_that() {
    let extended = |spec: &mut AnalysisSpec| {
        spec.on_inconclusive = OnInconclusive::Extend;
        spec.extend_by = Duration::from_mins(3);
    };
    let baked = at(1, Phase::Bake, extended).apply(AT, &analysed(BAKE + 179_999, OPEN));
    assert_eq!(place(&baked), (Phase::Bake, 1, None));
    assert_eq!(place(&baked.apply(AT, &analysed(1, OPEN))).2, Some(Hold::Asked));
}

#[test]
fn who_waves_a_step_on_decides_for_what_cannot_be_told_and_for_nothing_else() {
    let held = at(1, Phase::Bake, |_| ()).apply(AT, &analysed(BAKE, OPEN));
    assert!(held.run().unwrap().can_be_waved_on());
    assert_eq!(
        place(&held.clone().apply(AT, &approved(2))).2,
        Some(Hold::Asked),
        "another step"
    );
    let waved_on = held.apply(AT, &approved(1));
    assert_eq!(place(&waved_on), (Phase::Bake, 1, Some(by_ada())));
    assert!(!waved_on.run().unwrap().can_be_waved_on(), "once is enough");
    for (results, phase) in [
        (vec![("health/up", PASS), (ANALYSIS, OPEN)], Phase::Ready),
        (
            vec![("health/up", PASS), (ANALYSIS, Outcome::Fail)],
            Phase::Assess,
        ),
        (vec![("health/up", OPEN), (ANALYSIS, OPEN)], Phase::Bake),
        (vec![("health/up", PASS)], Phase::Bake),
    ] {
        let next = waved_on.clone().apply(AT, &watched(0, &results));
        assert_eq!(place(&next).0, phase, "{results:?}");
    }
}

#[test]
fn a_step_may_be_waved_on_before_its_bake_is_over_and_bakes_all_the_same() {
    let waved_on = at(1, Phase::Bake, |_| ()).apply(AT, &approved(1));
    let before = waved_on.apply(AT, &analysed(BAKE - 1, OPEN));
    assert_eq!(place(&before), (Phase::Bake, 1, Some(by_ada())));
    let over = before.apply(AT, &analysed(1, OPEN));
    assert_eq!(
        place(&over),
        (Phase::Ready, 2, None),
        "the next step has an analysis of its own"
    );
}

#[test]
fn only_a_step_with_an_analysis_can_be_waved_on() {
    for (step, phase, can) in [
        (1, Phase::Verify, false),
        (1, Phase::Bake, true),
        (2, Phase::Ready, false),
        (2, Phase::Soak, false),
    ] {
        let begun = at(step, phase, |_| ());
        let run = begun.run().unwrap();
        assert_eq!(run.can_be_waved_on(), can, "{phase}");
        assert_eq!(
            run.is_analysed(),
            matches!(phase, Phase::Bake | Phase::Soak),
            "{phase}"
        );
        let hold = can.then(by_ada);
        assert_eq!(place(&begun.apply(AT, &approved(step))), (phase, step, hold));
    }
    assert!(!super::at(Phase::Bake).run().unwrap().can_be_waved_on());
}

#[test]
fn a_step_ends_early_where_the_plan_says_so_and_something_is_left_to_compare_with() {
    for (step, phase, early, ends) in [
        (1, Phase::Bake, true, true),
        (1, Phase::Bake, false, false),
        // With all traffic on the candidate nothing is compared any more.
        (2, Phase::Bake, true, false),
        (2, Phase::Soak, true, false),
    ] {
        let begun = at(step, phase, |spec| spec.early_pass = early);
        let told = begun.apply(AT, &analysed(1, PASS));
        assert_eq!(place(&told).0 != phase, ends, "{phase} of step {step}, {early}");
    }
}

#[test]
fn a_held_step_waits_as_long_as_the_longer_of_both_times_says() {
    let limit = |phase, hold, extend| {
        let begun = at(1, phase, |spec| {
            spec.hold = Duration::from_mins(hold);
            spec.extend_by = Duration::from_mins(3);
            if extend {
                spec.on_inconclusive = OnInconclusive::Extend;
            }
        });
        begun.run().unwrap().time_limit().unwrap().as_secs() / 60
    };
    // The plan's own deadline is a quarter of an hour.
    assert_eq!(limit(Phase::Bake, 60, false), 10 + 60);
    assert_eq!(limit(Phase::Bake, 1, false), 10 + 15);
    assert_eq!(limit(Phase::Bake, 60, true), 10 + 3 + 60);
    let soak = at(2, Phase::Soak, |spec| {
        spec.on_inconclusive = OnInconclusive::Extend;
    });
    assert_eq!(
        soak.run().unwrap().time_limit(),
        Some(Duration::from_mins(5 + 15))
    );
}
