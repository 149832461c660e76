//! The pure lifecycle: what passes a phase and what does not, whoever drives it.

use std::time::Duration;

use bluegreen_core::lifecycle::{Begin, CheckResult, Command, FrozenPlan, Lifecycle, Overrides};
use bluegreen_core::plan::{GateSpec, Step};
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
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn at(phase: Phase) -> Lifecycle {
    let plan = Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new("100%".parse().unwrap(), Duration::from_mins(1)))
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors"))
        .notify(false)
        .build()
        .unwrap();
    let begin = Begin {
        operation: Operation::Deploy,
        release: Some(Release::new(Version::new("2").unwrap())),
        plan: Some(FrozenPlan::new(plan).unwrap()),
        by: Signed::new("ada", "a test"),
        overrides: Overrides::default(),
    };
    let mut lifecycle = Lifecycle::default().begin(AT, begin).unwrap();
    let good = Outcome::Pass;
    while lifecycle.run().unwrap().phase != phase {
        let event = match lifecycle.command() {
            Command::Reconcile => Event::Reconciled {
                routers: vec![("edge".to_owned(), Split::all(Slot::Blue))],
            },
            Command::Preflight | Command::CheckReady => Event::Checked {
                results: vec![result("health/up", good)],
            },
            Command::Verify => watched(0, &[("health/up", good)]),
            Command::Confirm(_) => live(),
            Command::Watch => watched(60_000, &[("health/up", good), ("guard/errors", good)]),
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
fn what_may_still_act_at_the_end_is_waited_for_before_anything_else_begins() {
    let lost = Event::Unknown {
        reason: "lost".to_owned(),
        settle_ms: 50_000,
    };
    let mut state = at(Phase::Prepare);
    while state.run().unwrap().end.is_none() {
        state = state.apply(AT, &lost);
    }
    assert_eq!(state.command(), Command::Wait(Duration::from_secs(50)));
    assert!(state.open().is_some());
    assert!(state.apply(AT, &Event::Waited).open().is_none());
}
