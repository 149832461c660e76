//! Hooks and warm-up commands: where they run, and what their failure means.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::command::CommandSpec;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, Hook, HookFailure, HookPoint, Step};
use bluegreen_core::{Fault, HookAction, HookContext, Op, Phase, Plan, Slot, Split, Verdict};

use crate::world::{World, full_plan, percent, somebody, version};

/// Notes where it ran, and fails where it is told to.
#[derive(Debug, Clone, Default)]
struct Noting {
    ran: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

#[async_trait]
impl HookAction for Noting {
    async fn run(&self, _: &Op, context: &HookContext) -> Result<String, Fault> {
        self.ran.lock().unwrap().push(context.at.to_string());
        if self.fails {
            Err(Fault::rejected("flags", "run", "the flag service is down"))
        } else {
            Ok("noted".into())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_run_at_their_points_in_each_step_and_on_the_way_back() {
    let world = World::new();
    let noting = Noting::default();
    world.guard.judge(|context| {
        if context.split.only() == Some(Slot::Green) {
            Verdict::fail("bad")
        } else {
            Verdict::pass("good")
        }
    });
    let points = [
        HookPoint::before(Phase::Prepare),
        HookPoint::after(Phase::Confirm),
        HookPoint::after(Phase::ConfirmReturn),
        HookPoint::before(Phase::Recover),
    ];
    let mut plan = full_plan();
    let mut builder = world.builder();
    for (n, at) in points.into_iter().enumerate() {
        plan = plan.hook(Hook::code(format!("note-{n}"), at));
        builder = builder.hook(format!("note-{n}"), noting.clone());
    }
    let report = builder
        .build()
        .unwrap()
        .deploy(&plan.build().unwrap(), version("2"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{:?}", report.reason);
    assert_eq!(
        *noting.ran.lock().unwrap(),
        [
            "before prepare",
            "after confirm",
            "after confirm",
            "after confirm_return",
            "before recover"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_fails_its_phase_or_only_warns_as_the_plan_says() {
    for (on_failure, at, end) in [
        (HookFailure::Fail, HookPoint::before(Phase::Prepare), End::Failed),
        (
            HookFailure::Fail,
            HookPoint::after(Phase::Confirm),
            End::RolledBack,
        ),
        (
            HookFailure::Fail,
            HookPoint::after(Phase::Finish),
            End::RolledBack,
        ),
        (HookFailure::Warn, HookPoint::after(Phase::Confirm), End::Promoted),
        (HookFailure::Warn, HookPoint::after(Phase::Finish), End::Promoted),
    ] {
        let world = World::new();
        let failing = Noting {
            fails: true,
            ..Noting::default()
        };
        let plan = full_plan()
            .hook(Hook::code("flags", at).on_failure(on_failure))
            .build()
            .unwrap();
        let deployer = world.builder().hook("flags", failing).build().unwrap();
        let report = deployer.deploy(&plan, version("2"), somebody()).await.unwrap();
        assert_eq!(report.end, Some(end), "{on_failure:?} {at}: {:?}", report.reason);
        let live = if end == End::Promoted {
            Slot::Green
        } else {
            Slot::Blue
        };
        assert_eq!(world.router().live(), Split::all(live), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_without_command_or_code_is_found_before_anything_is_touched() {
    let world = World::new();
    let plan = full_plan()
        .hook(Hook::code("flags", HookPoint::after(Phase::Soak)))
        .build()
        .unwrap();
    let report = world.deploy(&plan, "2").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(
        report
            .reason
            .unwrap()
            .contains("hook flags has no command and no code")
    );
}

/// Real processes need real time: virtual time would run ahead of them.
#[tokio::test]
async fn warm_up_commands_run_before_the_candidate_is_verified_and_a_failing_one_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("warm");
    let touch = CommandSpec::new(["touch", mark.to_str().unwrap()]);
    for (last, end) in [
        (touch.clone(), End::Promoted),
        (CommandSpec::new(["false"]), End::Failed),
    ] {
        let world = World::new();
        let seen = mark.clone();
        world.smoke.judge(move |_| {
            if seen.exists() {
                Verdict::pass("warm")
            } else {
                Verdict::fail("cold")
            }
        });
        let plan = full_plan()
            .steps([Step::new(percent(100), Duration::ZERO)])
            .soak(Duration::ZERO)
            .warm_up(touch.clone())
            .warm_up(last)
            .build()
            .unwrap();
        let report = world.deploy(&plan, "2").await.unwrap();
        assert_eq!(report.end, Some(end), "{:?}", report.reason);
        std::fs::remove_file(&mark).unwrap();
    }
}

#[tokio::test]
async fn smoke_tests_are_asked_after_the_warm_up_too() {
    let world = World::new();
    world.smoke.always(Slot::Green, Verdict::fail("login is broken"));
    let smoke = GateSpec::code("login").thresholds(1, 1, 1);
    let plan = Plan::builder(world.deployer().service().clone())
        .smoke(smoke)
        .warm_up(CommandSpec::new(["true"]))
        .build()
        .unwrap();
    let report = world.deploy(&plan, "2").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(
        world
            .router()
            .history()
            .iter()
            .all(|(_, split)| *split == Split::all(Slot::Blue))
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_ends_after_the_hooks_at_its_end() {
    for (at, fails, end) in [
        (HookPoint::after(Phase::Finish), false, End::Promoted),
        (HookPoint::after(Phase::Recover), true, End::Failed),
    ] {
        let world = World::new();
        if fails {
            world.smoke.always(Slot::Green, Verdict::fail("login is broken"));
        }
        let plan = full_plan().hook(Hook::code("tell", at)).build().unwrap();
        let deployer = world.builder().hook("tell", Noting::default()).build().unwrap();
        let report = deployer.deploy(&plan, version("2"), somebody()).await.unwrap();
        assert_eq!(report.end, Some(end), "{at}: {:?}", report.reason);
    }
}
