//! The pure lifecycle: what passes a phase and what does not, whoever drives it.

mod analysed;

use std::time::Duration;

use bluegreen_core::lifecycle::{
    ANALYSIS, Begin, CheckResult, Command, End, FrozenPlan, Health, Lifecycle, Overrides,
};
use bluegreen_core::plan::{GateSpec, PlanBuilder, Step};
use bluegreen_core::{
    Event, Operation, Outcome, Phase, Plan, Release, ServiceName, Signed, Slot, Split, Timestamp,
    Verification, Version,
};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn result(name: &str, outcome: Outcome) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        slot: Slot::Green,
        outcome,
        evidence: "told".to_owned(),
    }
}

fn watched(watched_ms: u64, results: &[(&str, Outcome)]) -> Event {
    Event::Watched {
        watched_ms,
        results: results
            .iter()
            .map(|(name, outcome)| result(name, *outcome))
            .collect(),
    }
}

fn verified(answer: Verification) -> Event {
    Event::Verified {
        routers: vec![("edge".to_owned(), answer)],
        settle_ms: 0,
    }
}

fn live() -> Event {
    verified(Verification::Live {
        evidence: "asked".to_owned(),
    })
}

fn done() -> Event {
    Event::Done {
        evidence: "done".to_owned(),
    }
}

/// A deployment to green of one step with a minute of bake, driven to a phase by what passes it.
fn at(phase: Phase) -> Lifecycle {
    at_step(&["100%"], 1, phase)
}

/// The same with more steps, driven to a phase of one of them.
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn at_step(weights: &[&str], step: usize, phase: Phase) -> Lifecycle {
    let steps = weights
        .iter()
        .map(|weight| Step::new(weight.parse().unwrap(), Duration::from_mins(1)));
    let plan = Plan::builder(ServiceName::new("shop").unwrap())
        .steps(steps)
        .guard(GateSpec::code("errors"));
    driven(plan, step, phase)
}

/// A deployment by this plan, driven to a phase of a step.
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn driven(plan: PlanBuilder, step: usize, phase: Phase) -> Lifecycle {
    let plan = plan.health(GateSpec::code("up")).notify(false).build().unwrap();
    let begin = Begin {
        operation: Operation::Deploy,
        release: Some(Release::new(Version::new("2").unwrap())),
        plan: Some(FrozenPlan::new(plan).unwrap()),
        by: Signed::new("ada", "a test"),
        overrides: Overrides::default(),
    };
    let mut lifecycle = Lifecycle::default().begin(AT, begin).unwrap();
    let good = Outcome::Pass;
    while lifecycle.run().map(|run| (run.phase, run.step + 1)) != Some((phase, step)) {
        let event = match lifecycle.command() {
            Command::Reconcile => Event::Reconciled {
                routers: vec![("edge".to_owned(), Split::all(Slot::Blue))],
            },
            Command::Preflight | Command::CheckReady => Event::Checked {
                results: vec![result("health/up", good)],
            },
            Command::Verify => watched(0, &[("health/up", good)]),
            Command::Confirm(_) => live(),
            Command::Watch => watched(
                60_000,
                &[("health/up", good), ("guard/errors", good), (ANALYSIS, good)],
            ),
            _ => done(),
        };
        lifecycle = lifecycle.apply(AT, &event);
    }
    lifecycle
}

#[test]
fn nothing_passes_a_phase_but_the_evidence_that_it_asks_for() {
    let (pass, open) = (Outcome::Pass, Outcome::Inconclusive);
    let unknown = || {
        verified(Verification::Unknown {
            why: "no answer".to_owned(),
        })
    };
    let not_yet = || {
        verified(Verification::NotYet {
            why: "old".to_owned(),
        })
    };
    let none = || Event::Verified {
        routers: Vec::new(),
        settle_ms: 0,
    };
    for (phase, event) in [
        // Being called done is no evidence.
        (Phase::Verify, done()),
        (Phase::Confirm, done()),
        (Phase::Bake, done()),
        (Phase::Ready, done()),
        // A gate that was not asked, or has no data, has not passed; nor has half the time.
        (Phase::Verify, watched(0, &[])),
        (Phase::Verify, watched(0, &[("health/up", open)])),
        (Phase::Bake, watched(60_000, &[("health/up", pass)])),
        (Phase::Bake, watched(60_000, &[("guard/errors", pass)])),
        (
            Phase::Bake,
            watched(3_600_000, &[("health/up", pass), ("guard/errors", open)]),
        ),
        (
            Phase::Bake,
            watched(59_999, &[("health/up", pass), ("guard/errors", pass)]),
        ),
        // Accepted is not live, and not knowing is not live either.
        (Phase::Confirm, not_yet()),
        (Phase::Confirm, unknown()),
        (Phase::Confirm, none()),
        // Answers to other questions mean nothing.
        (Phase::Bake, live()),
        (Phase::Shift, live()),
        (
            Phase::Shift,
            watched(60_000, &[("health/up", pass), ("guard/errors", pass)]),
        ),
        (
            Phase::Bake,
            Event::Approved {
                by: "ada".to_owned(),
                step: 1,
            },
        ),
        (Phase::Bake, Event::Waited),
    ] {
        let lifecycle = at(phase).apply(AT, &event);
        assert_eq!(
            lifecycle.run().map(|run| run.phase),
            Some(phase),
            "{event:?} passed {phase}"
        );
    }
}

#[test]
fn once_the_split_may_have_moved_every_failure_leads_back() {
    let failed = || Event::Failed {
        reason: "it broke".to_owned(),
    };
    for phase in [Phase::Shift, Phase::Confirm, Phase::Bake, Phase::Soak] {
        for event in [
            failed(),
            Event::Expired,
            watched(0, &[("guard/errors", Outcome::Fail)]),
        ] {
            let lifecycle = at(phase).apply(AT, &event);
            assert_eq!(
                lifecycle.run().map(|run| run.phase),
                Some(Phase::Assess),
                "{event:?} in {phase}"
            );
        }
    }
    for phase in [
        Phase::Reconcile,
        Phase::Stage,
        Phase::Prepare,
        Phase::Verify,
        Phase::Ready,
    ] {
        let lifecycle = at(phase).apply(AT, &failed());
        assert_eq!(
            lifecycle.run().map(|run| run.phase),
            Some(Phase::Ended),
            "{phase} before any traffic"
        );
    }
}

#[test]
fn what_may_still_act_is_waited_for_before_anything_else_also_on_the_way_back() {
    let unknown = Event::Unknown {
        reason: "no answer".to_owned(),
        settle_ms: 45_000,
    };
    let lifecycle = at(Phase::Shift).apply(AT, &unknown);
    assert_eq!(lifecycle.command(), Command::Wait(Duration::from_secs(45)));
    let back = lifecycle.apply(AT, &watched(0, &[("guard/errors", Outcome::Fail)]));
    assert_eq!(back.run().map(|run| run.phase), Some(Phase::Assess));
    assert_eq!(
        back.command(),
        Command::Wait(Duration::from_secs(45)),
        "the rollback waits for this and no other"
    );
    assert_eq!(back.apply(AT, &Event::Waited).command(), Command::Assess);
}

#[test]
fn a_slot_that_lost_its_traffic_is_drained_before_it_is_used_again() {
    let failed = Event::Failed {
        reason: "the routers did not take it".to_owned(),
    };
    let mut lifecycle = at(Phase::Soak).apply(AT, &watched(0, &[("guard/errors", Outcome::Fail)]));
    let back = Event::Assessed {
        origin: Health::Healthy,
        target: Health::Healthy,
        evidence: "asked".to_owned(),
    };
    for event in [back, done(), live(), watched(0, &[("health/up", Outcome::Pass)])] {
        lifecycle = lifecycle.apply(AT, &event);
    }
    assert_eq!(lifecycle.run().unwrap().end, Some(End::RolledBack));
    // Requests that the candidate had begun may still be in flight there.
    let again = Begin {
        operation: Operation::Deploy,
        release: Some(Release::new(Version::new("3").unwrap())),
        plan: None,
        by: Signed::new("ada", "a test"),
        overrides: Overrides::default(),
    };
    let reconciled = Event::Reconciled {
        routers: vec![("edge".to_owned(), Split::all(Slot::Blue))],
    };
    let checked = Event::Checked {
        results: vec![result("routers", Outcome::Pass)],
    };
    let mut next = lifecycle.begin(AT, again).unwrap();
    next = next.apply(AT, &reconciled).apply(AT, &checked);
    assert_eq!(next.command(), Command::Drain(Slot::Green));
    // Until then it stays so, whatever becomes of this deployment.
    assert!(next.clone().apply(AT, &failed).slots().green.undrained);
    next = next.apply(AT, &done());
    assert_eq!(next.command(), Command::Retire(Slot::Green));
    assert!(!next.slots().green.undrained);
}

#[test]
fn an_operation_does_not_end_while_something_of_it_may_still_act() {
    let unknown = Event::Unknown {
        reason: "no answer".to_owned(),
        settle_ms: 45_000,
    };
    let abort = Event::AbortRequested {
        by: Signed::new("ada", "a test"),
    };
    let lifecycle = at(Phase::Prepare).apply(AT, &abort).apply(AT, &unknown);
    assert_eq!(lifecycle.command(), Command::Wait(Duration::from_secs(45)));
    assert!(lifecycle.open().is_some());
    let ended = lifecycle.apply(AT, &Event::Waited);
    assert_eq!(ended.run().and_then(|run| run.end), Some(End::Aborted));
    assert!(ended.open().is_none());
}

#[test]
fn nobody_is_routed_to_a_slot_that_was_not_asked_however_late_a_deployer_resumes() {
    let claimed = Event::Claimed {
        holder: "another".to_owned(),
        epoch: 2,
        takeover: true,
        settle_ms: 45_000,
    };
    let assess = at(Phase::Soak).apply(AT, &watched(0, &[("guard/errors", Outcome::Fail)]));
    let hour = AT.plus(Duration::from_hours(1));
    let taken_over = assess.apply(hour, &claimed);
    let run = taken_over.run().unwrap();
    assert_eq!(taken_over.command(), Command::Wait(Duration::from_secs(45)));
    assert_eq!(
        run.time_limit(),
        None,
        "what settles takes the time that it takes"
    );
    let later = hour.plus(Duration::from_secs(45));
    let settled = taken_over.apply(later, &Event::Waited);
    let run = settled.run().unwrap();
    assert_eq!((settled.command(), run.since), (Command::Assess, later));
    assert!(run.time_limit().is_some());
}

#[test]
fn a_way_back_that_is_resumed_after_its_time_is_tried_before_an_operator_is_needed() {
    let assess = at(Phase::Soak).apply(AT, &watched(0, &[("guard/errors", Outcome::Fail)]));
    let healthy = Event::Assessed {
        origin: Health::Healthy,
        target: Health::Unhealthy,
        evidence: "asked".to_owned(),
    };
    let returning = assess.apply(AT, &healthy);
    assert_eq!(returning.command(), Command::Shift(Split::all(Slot::Blue)));
    for settle_ms in [0, 45_000] {
        let claimed = Event::Claimed {
            holder: "another".to_owned(),
            epoch: 2,
            takeover: true,
            settle_ms,
        };
        let hour = AT.plus(Duration::from_hours(1));
        let mut resumed = returning.clone().apply(hour, &claimed);
        let settled = hour.plus(Duration::from_millis(settle_ms));
        if resumed.run().unwrap().pause.is_some() {
            resumed = resumed.apply(settled, &Event::Waited);
        }
        let run = resumed.run().unwrap();
        assert_eq!(
            (resumed.command(), run.since),
            (Command::Shift(Split::all(Slot::Blue)), settled)
        );
    }
}

#[test]
fn guards_go_on_while_the_next_step_is_made_ready() {
    for (step, watched) in [(1, false), (2, true)] {
        let ready = at_step(&["25%", "100%"], step, Phase::Ready);
        let gates = ready.run().unwrap().gates();
        assert_eq!(
            gates.iter().any(|gate| gate.is_named("guard/errors")),
            watched,
            "step {step}"
        );
    }
}

#[test]
fn the_way_back_that_an_operator_asks_for_waits_only_for_what_settles() {
    let only_the_candidate = Event::Assessed {
        origin: Health::Unhealthy,
        target: Health::Healthy,
        evidence: "asked".to_owned(),
    };
    for settle_ms in [0, 45_000] {
        let claimed = Event::Claimed {
            holder: "another".to_owned(),
            epoch: 2,
            takeover: true,
            settle_ms,
        };
        let halted = at(Phase::Soak)
            .apply(AT, &watched(0, &[("guard/errors", Outcome::Fail)]))
            .apply(AT, &only_the_candidate)
            .apply(AT, &claimed);
        let asked = Event::ReturnRequested {
            by: Signed::new("ada", "it is not the slot"),
        };
        let returning = halted.apply(AT, &asked);
        let run = returning.run().unwrap();
        assert_eq!(run.phase, Phase::Return);
        let waits = run.pause.map(|pause| (pause.ms, pause.settle_ms));
        assert_eq!(waits, (settle_ms > 0).then_some((settle_ms, settle_ms)));
    }
}
