//! The plans and operations from which the table is made: each shows rules that the others do not.

use std::time::Duration;

use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::{Begin, CannotBegin, FrozenPlan, Lifecycle, Overrides};
use bluegreen_core::plan::{
    ApprovalDefault, ApprovalPlan, BothUnhealthy, ExpandWhen, GateSpec, Hook, HookPoint, Migrations,
    PlanBuilder, Retention, Step, Target, WorkersOrder, WorkersPlan,
};
use bluegreen_core::{
    Event, Operation, Phase, Plan, Release, RetryPolicy, ServiceName, Signed, Slot, Split, Version,
};

use super::happenings::{self, AT, BAKE, Detail};

/// One beginning: a service as it was, and the operation that begins.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) begun: Lifecycle,
    pub(crate) detail: Detail,
}

/// A plan without anything that can be left out, but with a gate of each kind. A call is tried once, four times on the way back.
fn least() -> PlanBuilder {
    Plan::builder(ServiceName::new("shop").unwrap())
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors"))
        .public(GateSpec::code("front"))
        .soak(BAKE)
        .notify(false)
        .retry(tries(1))
}

fn tries(attempts: u32) -> RetryPolicy {
    RetryPolicy {
        attempts,
        ..RetryPolicy::default()
    }
}

fn step(share: &str) -> Step {
    Step::new(share.parse().unwrap(), BAKE)
}

fn begin(
    before: &Lifecycle,
    operation: Operation,
    version: &str,
    plan: Option<PlanBuilder>,
) -> Result<Lifecycle, CannotBegin> {
    let release = (operation == Operation::Deploy).then(|| Release::new(Version::new(version).unwrap()));
    before.begin(
        AT,
        Begin {
            operation,
            release,
            plan: plan.map(|plan| FrozenPlan::new(plan.build().unwrap()).unwrap()),
            by: Signed::new("ada", "a test"),
            overrides: Overrides::default(),
        },
    )
}

/// A service whose first deployment, by a plan, has ended well.
fn deployed(plan: PlanBuilder) -> Lifecycle {
    let begun = begin(&Lifecycle::default(), Operation::Deploy, "1", Some(plan)).unwrap();
    happenings::to_its_end(begun)
}

/// The same, and its standby is retired.
fn retired(plan: PlanBuilder) -> Lifecycle {
    let kept = Retention {
        keep: Duration::ZERO,
        ..Retention::default()
    };
    let deployed = deployed(plan.retention(kept));
    happenings::to_its_end(begin(&deployed, Operation::Retire, "1", None).unwrap())
}

fn with_steps() -> PlanBuilder {
    least()
        .step(step("10%"))
        .step(step("100%").approval(ApprovalPlan::default()))
        .smoke(GateSpec::code("cart"))
}

fn with_work() -> PlanBuilder {
    least()
        .step(step("100%"))
        .warm_up(CommandSpec::new(["true"]))
        .migrations(Migrations {
            expand: ExpandWhen::BeforePrepare,
            backfill: true,
        })
        .workers(WorkersPlan {
            order: WorkersOrder::QuiesceFirst,
            max_depth: Some(10),
        })
}

fn with_hooks() -> PlanBuilder {
    least()
        .step(step("100%"))
        .hook(Hook::code("first", HookPoint::before(Phase::Reconcile)))
        .hook(Hook::code("told", HookPoint::after(Phase::Shift)))
        .hook(Hook::code("last", HookPoint::before(Phase::Finish)))
        .hook(Hook::code("purge", HookPoint::after(Phase::ConfirmReturn)))
        .hook(Hook::code("tidy", HookPoint::after(Phase::Recover)))
}

fn turned_round() -> PlanBuilder {
    least()
        .step(step("100%").approval(ApprovalPlan {
            default: ApprovalDefault::Proceed,
            ..ApprovalPlan::default()
        }))
        .migrations(Migrations {
            expand: ExpandWhen::AfterPrepare,
            backfill: false,
        })
        .workers(WorkersPlan {
            order: WorkersOrder::StartFirst,
            max_depth: None,
        })
        .both_unhealthy(BothUnhealthy::Halt)
}

pub(crate) fn all() -> Vec<Scenario> {
    let fresh = Lifecycle::default();
    let kept = Retention {
        keep: Duration::from_hours(1),
        ..Retention::default()
    };
    let given_up = Retention {
        keep: Duration::ZERO,
        ..Retention::default()
    };
    let one_step = || least().step(step("100%"));
    let mut scenarios = Vec::new();
    let mut add = |name, before: &Lifecycle, operation, plan: Option<PlanBuilder>| {
        let begun = begin(before, operation, "2", plan).unwrap();
        let detail = match scenarios.len() {
            0 => Detail::All,
            _ => Detail::Order,
        };
        scenarios.push(Scenario { name, begun, detail });
    };
    add(
        "deploy: the first deployment, one step, nothing that can be left out, two tries",
        &fresh,
        Operation::Deploy,
        Some(one_step().retry(tries(2))),
    );
    let mut deploy = |name, plan| add(name, &fresh, Operation::Deploy, Some(plan));
    deploy("deploy: two steps, the second with an approval", with_steps());
    deploy("deploy: migrations, warm-up, workers, backfill", with_work());
    deploy("deploy: hooks", with_hooks());
    deploy("deploy: people are told", one_step().notify(true));
    add(
        "deploy: migrations after the host, workers start first, silence is a yes, no slot healthy halts",
        &fresh,
        Operation::Deploy,
        Some(turned_round()),
    );
    add(
        "deploy: into the slot of a standby whose retention is over",
        &deployed(one_step().retention(given_up.clone())),
        Operation::Deploy,
        Some(one_step()),
    );
    add(
        "deploy: into the slot of a standby that is still kept",
        &deployed(one_step().retention(kept.clone())),
        Operation::Deploy,
        Some(one_step()),
    );
    add(
        "deploy: to a slot that may be live",
        &fresh,
        Operation::Deploy,
        Some(one_step().target(Target::Green)),
    );
    let workers = WorkersPlan::default();
    add(
        "rollback: after a deployment with workers",
        &deployed(one_step().workers(workers).retention(kept)),
        Operation::Rollback,
        None,
    );
    add(
        "retire: the standby, after its retention",
        &deployed(one_step().retention(given_up)),
        Operation::Retire,
        None,
    );
    add(
        "contract: after the standby is retired",
        &retired(one_step()),
        Operation::Contract,
        None,
    );
    add(
        "adopt: a service that was never deployed",
        &fresh,
        Operation::Adopt,
        Some(one_step()),
    );
    scenarios
}

/// What `begin` refuses, as lines of the table.
pub(crate) fn refused() -> Vec<(&'static str, String)> {
    let one_step = || least().step(step("100%"));
    let fresh = Lifecycle::default();
    let open = begin(&fresh, Operation::Deploy, "1", Some(one_step())).unwrap();
    let live = deployed(one_step());
    let alone = retired(one_step());
    let mut lines = Vec::new();
    for (name, before) in [
        ("nothing was ever deployed", &fresh),
        ("an operation is open", &open),
        ("a standby is kept", &live),
        ("the standby is retired", &alone),
    ] {
        for operation in [
            Operation::Deploy,
            Operation::Rollback,
            Operation::Retire,
            Operation::Contract,
            Operation::Adopt,
        ] {
            let answer = match begin(before, operation, "2", Some(one_step())) {
                Ok(_) => "begins".to_owned(),
                Err(error) => format!("refused: {error}"),
            };
            lines.push((name, format!("{operation}: {answer}")));
        }
    }
    lines
}

/// The routers' answers that agree with the record, for a lifecycle.
pub(crate) fn live_slot(lifecycle: &Lifecycle) -> Slot {
    lifecycle.slots().live().unwrap_or(Slot::Blue)
}

/// One router's answer.
pub(crate) fn routers(split: Split) -> Event {
    Event::Reconciled {
        routers: vec![("edge".to_owned(), split)],
    }
}
