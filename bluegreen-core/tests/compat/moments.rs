//! Operations that come through every moment, and that each of them has a record that is kept.

use std::collections::{BTreeMap, BTreeSet};

use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{
    ApprovalDefault, ExpandWhen, Hook, HookFailure, HookPoint, Migrations, Retention, Step, WorkersPlan,
};
use bluegreen_core::{
    Answer, DeployError, Deployer, DeployerBuilder, FaultKind, HookAction, HookContext, InFlight, Op, Phase,
    Plan, Report, Request, Slot, Split, Verdict,
};
use bluegreen_testkit::fakes::{Behaviour, CrashPoint, FakeApprover, NotifierCall};
use tokio::task::JoinSet;

use crate::kept::{self, Kept, lifecycle};
use crate::recorder::Recorder;
use crate::resume;
use crate::world::{World, approved, full_plan, lenient, secs, somebody, version};

/// A hook of the plan, in code.
#[derive(Debug, Clone, Copy)]
struct Nothing;

#[async_trait::async_trait]
impl HookAction for Nothing {
    async fn run(&self, _: &Op, _: &HookContext) -> Result<String, bluegreen_core::Fault> {
        Ok("nothing to do".to_owned())
    }
}

/// The points of the plan's hooks: each kind of place once.
fn points() -> [HookPoint; 9] {
    [
        HookPoint::before(Phase::Preflight),
        HookPoint::before(Phase::Prepare),
        HookPoint::after(Phase::Migrate),
        HookPoint::before(Phase::Shift),
        HookPoint::after(Phase::Confirm),
        HookPoint::after(Phase::Soak),
        HookPoint::after(Phase::Finish),
        HookPoint::after(Phase::ConfirmReturn),
        HookPoint::before(Phase::Recover),
    ]
}

/// A step whose approval nobody answers, so that it proceeds.
fn unanswered(weight: u8) -> Step {
    let mut step = approved(weight, ApprovalDefault::Proceed);
    step.bake = secs(10);
    if let Some(approval) = &mut step.approval {
        approval.expires = secs(5);
    }
    step
}

/// A plan that leaves no phase out but the warm-up.
fn everything(expand: ExpandWhen) -> Plan {
    let mut plan = full_plan()
        .steps([25, 100].map(unanswered))
        .soak(secs(10))
        .migrations(Migrations {
            expand,
            backfill: true,
        })
        .workers(WorkersPlan {
            max_depth: Some(10),
            ..WorkersPlan::default()
        })
        .retention(Retention {
            keep: secs(60),
            ..Retention::default()
        })
        .preflight(lenient());
    for (n, at) in points().into_iter().enumerate() {
        plan = plan.hook(Hook::code(format!("nothing-{n}"), at));
    }
    plan.build().unwrap()
}

/// The same with a warm-up. Its process needs real time, and virtual time runs ahead of it: it gets a week.
fn with_warm_up(mut plan: Plan) -> Plan {
    plan.warm_up.push(CommandSpec::new(["true"]));
    plan.deadlines.warm_up = secs(7 * 86_400);
    plan
}

/// A deployer with everything that the plan asks for. Its nonce makes its name.
pub(crate) fn deployer(world: &World, nonce: u64) -> Deployer {
    builder(world).nonce(nonce).build().unwrap()
}

fn builder(world: &World) -> DeployerBuilder {
    let named = (0..points().len()).map(|n| format!("nothing-{n}"));
    named.fold(world.builder(), |builder, name| builder.hook(name, Nothing))
}

pub(crate) async fn deploy(world: &World, release: &str) -> Result<Report, DeployError> {
    let plan = everything(ExpandWhen::BeforePrepare);
    deployer(world, 1)
        .deploy(&plan, version(release), somebody())
        .await
}

/// From now on all takes longer than a lease is left alone, so that what only reads or waits is stored in
/// the middle of it. There are requests in flight and jobs in the queue, hardly ever none, for as long as
/// what is returned is kept.
fn slow(world: &mut World) -> JoinSet<()> {
    world.routers = vec![world.router().clone().with_lag(secs(25))];
    world.host.set_ready_after(secs(25));
    let (clock, router, workers) = (world.log.clock(), world.router().clone(), world.workers.clone());
    let mut busy = JoinSet::new();
    busy.spawn(async move {
        loop {
            for (requests, jobs, time) in [
                (InFlight::AtLeast(3), 100, secs(20)),
                (InFlight::AtLeast(3), 0, secs(2)),
                (InFlight::AtLeast(3), 100, secs(20)),
                (InFlight::None, 100, secs(2)),
            ] {
                for slot in Slot::BOTH {
                    router.set_in_flight(slot, requests);
                }
                workers.set_depth(jobs);
                clock.sleep(time).await;
            }
        }
    });
    busy
}

/// Forward, with everything, into the slot of a standby; then back by hand.
async fn forward_and_back_by_hand(is_slow: bool) -> Vec<Kept> {
    let mut world = World::new();
    let _busy = is_slow.then(|| slow(&mut world));
    let report = deploy(&world, "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    world.pass(secs(120)).await;
    let recorder = Recorder::of(&mut world);
    let deployer = deployer(&world, 1);
    let plan = with_warm_up(everything(ExpandWhen::BeforePrepare));
    let report = deployer
        .deploy(&plan, version("3.0.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    let report = deployer.rollback(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{:?}", report.reason);
    recorder.take()
}

/// Migrations inside the candidate; then the old slot is retired, and what is not needed taken away.
async fn retired_and_contracted(is_slow: bool) -> Vec<Kept> {
    let mut world = World::new();
    let _busy = is_slow.then(|| slow(&mut world));
    let recorder = Recorder::of(&mut world);
    let plan = everything(ExpandWhen::AfterPrepare);
    let deployer = deployer(&world, 1);
    deployer
        .deploy(&plan, version("2.0.0"), somebody())
        .await
        .unwrap();
    world.pass(secs(120)).await;
    let report = deployer.retire(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Retired), "{:?}", report.reason);
    let report = deployer.contract(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Contracted), "{:?}", report.reason);
    recorder.take()
}

/// A guard fails under all traffic.
async fn taken_back(is_slow: bool) -> Vec<Kept> {
    let mut world = World::new();
    let _busy = is_slow.then(|| slow(&mut world));
    let recorder = Recorder::of(&mut world);
    fail_in_the_soak(&world);
    let report = deploy(&world, "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{:?}", report.reason);
    recorder.take()
}

fn fail_in_the_soak(world: &World) {
    let observer = world.observer.clone();
    world.guard.judge(move |_| {
        let entries = observer.entries();
        if entries.last().is_some_and(|entry| entry.phase == Phase::Soak) {
            Verdict::fail("it leaks")
        } else {
            Verdict::pass("as it should be")
        }
    });
}

/// Only the candidate is healthy; an operator takes it back, or tells how it ended.
async fn halted() -> Vec<Kept> {
    let mut kept = Vec::new();
    for resolves in [false, true] {
        let mut world = World::new();
        let recorder = Recorder::of(&mut world);
        world.health.always(Slot::Blue, Verdict::fail("down"));
        fail_in_the_soak(&world);
        let report = deploy(&world, "2.0.0").await.unwrap();
        assert_eq!(report.end, None, "{:?}", report.reason);
        let deployer = deployer(&world, 1);
        if resolves {
            deployer.resolve(Slot::Green, somebody()).await.unwrap();
        } else {
            deployer.rollback(somebody()).await.unwrap();
        }
        kept.extend(recorder.take());
    }
    kept
}

/// Somebody moved the traffic by hand.
async fn adopted() -> Vec<Kept> {
    let mut world = World::new();
    let recorder = Recorder::of(&mut world);
    world.router().set_by_hand(Split::all(Slot::Green));
    let plan = everything(ExpandWhen::BeforePrepare);
    let report = deployer(&world, 1).adopt(&plan, somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Adopted), "{:?}", report.reason);
    recorder.take()
}

/// The smoke tests fail: nothing has moved.
async fn failed_before_any_traffic() -> Vec<Kept> {
    let mut world = World::new();
    let recorder = Recorder::of(&mut world);
    world.smoke.always(Slot::Green, Verdict::fail("no login"));
    let report = deploy(&world, "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed), "{:?}", report.reason);
    recorder.take()
}

/// A deployer dies, once in front of each of its calls, and the next waits until nothing of it can act.
async fn taken_over_and_aborted() -> Vec<Kept> {
    let calls = {
        let world = World::new();
        deploy(&world, "2.0.0").await.unwrap();
        world.log.len()
    };
    let mut kept = Vec::new();
    for nth in (1..=calls).step_by(4) {
        let mut world = World::new();
        world.host = world.host.clone().with_settle(secs(20));
        let recorder = Recorder::of(&mut world);
        world.log.crash_at(nth, CrashPoint::Before);
        let dying = deployer(&world, 1);
        let plan = everything(ExpandWhen::BeforePrepare);
        let by: Request = somebody().into();
        let running = tokio::spawn(async move { dying.deploy(&plan, version("2.0.0"), by).await });
        world.log.crashed().await;
        running.abort();
        let _ = running.await;
        world.log.revive();
        let _ = deployer(&world, 1).abort(somebody()).await;
        let next = deployer(&world, 2);
        next.resume().await.unwrap();
        kept.extend(recorder.take());
    }
    kept
}

/// Whatever can be said is said: of the release, of what was decided against the plan, of who approved, of
/// a hook and a notice that failed, of a way back that is not as it should be. Of some of its moments.
async fn eloquent() -> Vec<Kept> {
    let mut world = World::new();
    let recorder = Recorder::of(&mut world);
    fail_in_the_soak(&world);
    world.public.always(Slot::Blue, Verdict::fail("504"));
    let rejected = Behaviour::Fault(FaultKind::Rejected);
    world.notifier.script(NotifierCall::Notify, [rejected]);
    let approver = FakeApprover::new("chat", &world.log);
    approver.answer_after(
        0,
        Answer::Approved {
            by: "grace".to_owned(),
        },
    );
    let mut plan = everything(ExpandWhen::BeforePrepare);
    let at = HookPoint::after(Phase::Migrate);
    plan.hooks
        .push(Hook::command("purge", at, CommandSpec::new(["false"])).on_failure(HookFailure::Warn));
    plan.deadlines.hooks = secs(7 * 86_400);
    let request = Request::from(somebody())
        .skip_smoke("they ran elsewhere")
        .ignore_window("a hotfix")
        .again("its files were broken")
        .give_up_standby("it is broken too");
    let release = version("2.0.0")
        .artifact("registry/shop:2.0.0")
        .label("commit", "c0ffee");
    let deployer = builder(&world).approver(approver).nonce(1).build().unwrap();
    let report = deployer.deploy(&plan, release, request).await.unwrap();
    assert!(report.unverified.is_some(), "{:?}", report.reason);
    let said = recorder.take().into_iter().filter_map(|kept| {
        let few = ["deploy-bake-2", "deploy-recover", "deploy-ended"];
        let name = format!("eloquent-{}", kept.name);
        few.iter()
            .any(|few| kept.name.starts_with(few))
            .then_some(Kept { name, ..kept })
    });
    said.collect()
}

/// Every moment that these operations come through, with its first record.
async fn every_moment() -> BTreeMap<String, Kept> {
    let mut all = BTreeMap::new();
    for kept in [
        forward_and_back_by_hand(false).await,
        forward_and_back_by_hand(true).await,
        retired_and_contracted(false).await,
        retired_and_contracted(true).await,
        taken_back(false).await,
        taken_back(true).await,
        halted().await,
        adopted().await,
        failed_before_any_traffic().await,
        taken_over_and_aborted().await,
        eloquent().await,
    ] {
        for kept in kept {
            all.entry(kept.name.clone()).or_insert(kept);
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn every_moment_has_its_record() {
    let writes = std::env::var_os("BLUEGREEN_WRITE_RECORDS").is_some();
    let mut names = BTreeSet::new();
    if kept::folder().is_dir() {
        names.extend(kept::all().await.into_iter().map(|kept| kept.name));
    }
    let mut missing = Vec::new();
    for (name, mut kept) in every_moment().await {
        // At which calls a deployer dies is a sample: what it comes through is kept and not asked for.
        let is_sample = name.ends_with("-aborted") || name.contains("-paused");
        if names.contains(&name) || (is_sample && !writes) {
            continue;
        }
        if writes {
            kept.known.end = resume::end_of(&kept).await;
            kept::keep(&kept).await;
        }
        missing.push(name);
    }
    assert!(
        missing.is_empty(),
        "no record is kept of these moments ({}): {missing:#?}",
        if writes {
            "they were written now"
        } else {
            "tests/compat/main.rs says how to write them"
        }
    );
}

#[tokio::test]
async fn the_records_that_are_kept_come_through_every_phase_and_every_operation() {
    let mut phases = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for kept in kept::all().await {
        let lifecycle = lifecycle(&kept.body);
        let run = lifecycle.run().unwrap();
        phases.insert(run.phase);
        operations.insert(run.operation.to_string());
    }
    let left_out: Vec<_> = Phase::ALL
        .iter()
        .filter(|phase| !phases.contains(phase))
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(operations.len(), 5, "{operations:?}");
}
