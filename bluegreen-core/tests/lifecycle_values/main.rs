//! What is read from a lifecycle: where it is, how long that may take, what it says to people, what it refuses.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::items_after_statements,
    reason = "a panic is how a test fails"
)]

mod ends;
mod limits;
mod names;
mod phases;
mod told;

use std::time::Duration;

use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::{
    Begin, CannotBegin, CheckResult, Command, DeploymentId, End, FrozenPlan, Health, Lifecycle, Overrides,
    Run,
};
use bluegreen_core::plan::{
    ApprovalPlan, Deadlines, GateSpec, Hook, HookPoint, Migrations, PlanBuilder, Preflight, Retention, Step,
    WorkersPlan, humane,
};
use bluegreen_core::{
    Event, NoticeKind, Operation, Outcome, Phase, Plan, Release, RetryPolicy, ServiceName, Signed, Slot,
    Split, Timestamp, Verification, Version,
};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A plan with everything that takes time, each deadline another.
fn plan() -> PlanBuilder {
    let minutes = Duration::from_mins;
    let step = |weight: &str, bake| Step::new(weight.parse().unwrap(), minutes(bake));
    Plan::builder(ServiceName::new("shop").unwrap())
        .steps([
            step("25%", 2),
            step("100%", 3).approval(ApprovalPlan {
                expires: minutes(50),
                ..ApprovalPlan::default()
            }),
        ])
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors"))
        .warm_up(CommandSpec::new(["true"]))
        .migrations(Migrations {
            backfill: true,
            ..Migrations::default()
        })
        .workers(WorkersPlan {
            max_depth: Some(10),
            ..WorkersPlan::default()
        })
        .soak(minutes(4))
        .deadlines(Deadlines {
            reconcile: minutes(11),
            preflight: minutes(12),
            stage: minutes(13),
            migrate: minutes(14),
            prepare: minutes(15),
            warm_up: minutes(16),
            verify: minutes(17),
            shift: minutes(18),
            confirm: minutes(19),
            hold: minutes(100),
            workers: minutes(20),
            assess: minutes(21),
            rollback: minutes(22),
            drain: minutes(23),
            retire: minutes(24),
            hooks: minutes(25),
        })
        .notify(false)
}

fn ask(operation: Operation, plan: Option<PlanBuilder>) -> Begin {
    Begin {
        operation,
        release: (operation == Operation::Deploy).then(|| Release::new(Version::new("2").unwrap())),
        plan: plan.map(|plan| FrozenPlan::new(plan.build().unwrap()).unwrap()),
        by: Signed::new("ada", "a test"),
        overrides: Overrides::default(),
    }
}

fn begin(plan: PlanBuilder) -> Lifecycle {
    Lifecycle::default()
        .begin(AT, ask(Operation::Deploy, Some(plan)))
        .unwrap()
}

fn run(lifecycle: &Lifecycle) -> &Run {
    lifecycle.run().unwrap()
}

fn results(run: &Run, outcome: Outcome) -> Vec<CheckResult> {
    let asked = run.gates().into_iter().map(|gate| (gate.to_string(), gate.slot));
    asked
        .chain([("built in".to_owned(), run.target)])
        .map(|(name, slot)| CheckResult {
            name,
            slot,
            outcome,
            evidence: "as told".to_owned(),
        })
        .collect()
}

fn watched(run: &Run, outcome: Outcome) -> Event {
    Event::Watched {
        watched_ms: 600_000,
        results: results(run, outcome),
    }
}

fn failed() -> Event {
    Event::Failed {
        reason: "it broke".to_owned(),
    }
}

fn assessed(origin: Health, target: Health) -> Event {
    Event::Assessed {
        origin,
        target,
        evidence: "asked".to_owned(),
    }
}

fn verified(routers: &[(&str, Verification)]) -> Event {
    Event::Verified {
        routers: routers
            .iter()
            .map(|(name, answer)| ((*name).to_owned(), answer.clone()))
            .collect(),
        settle_ms: 0,
    }
}

/// What passes the state.
fn success(lifecycle: &Lifecycle) -> Event {
    let run = run(lifecycle);
    let live = Verification::Live {
        evidence: "asked".to_owned(),
    };
    match lifecycle.command() {
        Command::Wait(_) => Event::Waited,
        Command::RunHooks(at) => Event::HooksRun {
            at,
            failures: Vec::new(),
            fatal: false,
        },
        Command::Notify(notice) => Event::Notified {
            notice,
            failure: None,
        },
        Command::Reconcile => Event::Reconciled {
            routers: vec![(
                "edge".to_owned(),
                Split::all(lifecycle.slots().live().unwrap_or(Slot::Blue)),
            )],
        },
        Command::Preflight | Command::CheckReady => Event::Checked {
            results: results(run, Outcome::Pass),
        },
        Command::Verify | Command::Watch => watched(run, Outcome::Pass),
        Command::AwaitApproval => Event::Approved {
            by: "ada".to_owned(),
            step: run.step + 1,
        },
        Command::Confirm(_) => verified(&[("edge", live)]),
        Command::Assess => assessed(Health::Healthy, Health::Unhealthy),
        _ => Event::Done {
            evidence: "done".to_owned(),
        },
    }
}

/// Each state on the way to the end, by what succeeds.
fn to_the_end(begun: Lifecycle) -> Vec<Lifecycle> {
    let mut states = vec![begun];
    for _ in 0..100 {
        let last = states.last().unwrap();
        if last.open().is_none() {
            return states;
        }
        let event = success(last);
        states.push(last.clone().apply(AT, &event));
    }
    panic!("it does not end: {:?}", states.last());
}

fn at(begun: Lifecycle, phase: Phase) -> Lifecycle {
    to_the_end(begun)
        .into_iter()
        .find(|state| run(state).phase == phase)
        .unwrap_or_else(|| panic!("{phase} does not come"))
}

/// Phase, time limit, the time for which it is watched, green's share.
fn times(states: &[Lifecycle]) -> Vec<String> {
    states
        .iter()
        .map(|state| {
            let run = run(state);
            let limit = run.time_limit().map_or("-".to_owned(), humane::format);
            let watched = humane::format(run.watch_time());
            format!(
                "{} {limit} {watched} {}",
                run.phase,
                run.split().share(Slot::Green)
            )
        })
        .collect()
}
