//! A release that is good, and what is looked at before.

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{Action, ApprovalDefault, GateSpec, Preflight, Target, WorkersOrder, WorkersPlan};
use bluegreen_core::{
    Event, Granularity, NoticeKind, Outcome, Phase, Role, RouterCapabilities, Slot, Split, Verdict,
};

use crate::world::{World, approved, full_plan, percent, plan, secs, somebody, version};

fn names(report: &bluegreen_core::Report) -> Vec<String> {
    let name = |time: &bluegreen_core::deployer::PhaseTime| match time.step {
        Some(step) => format!("{} {step}", time.phase),
        None => time.phase.to_string(),
    };
    report.phases.iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_release_goes_from_blue_to_green_in_the_order_of_its_plan() {
    let world = World::new();
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();

    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    assert_eq!(world.router().live(), Split::all(Slot::Green));
    assert_eq!(
        names(&report).join(", "),
        "reconcile, preflight, stage, migrate, prepare, await_ready, verify, ready 1, shift 1, confirm 1, bake 1, \
         ready 2, shift 2, confirm 2, bake 2, quiesce, start_workers, soak, backfill"
    );
    assert_eq!(
        world.workers.overlaps(),
        [],
        "workers of both slots claimed at once"
    );
    assert_eq!(world.workers.claiming(), [Slot::Green]);
    assert_eq!(report.slots.green.role, Role::Live);
    assert_eq!(
        report.slots.blue.role,
        Role::Standby,
        "the old release is kept for a rollback"
    );
    assert_eq!(
        world.notifier.kinds(),
        [NoticeKind::Started, NoticeKind::Succeeded]
    );
}

#[tokio::test(start_paused = true)]
async fn a_bake_is_never_shorter_than_planned() {
    let world = World::new();
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    for time in report
        .phases
        .iter()
        .filter(|time| matches!(time.phase, Phase::Bake | Phase::Soak))
    {
        assert!(time.ms >= 60_000, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_candidate_gets_no_traffic_before_its_gates_have_passed() {
    let world = World::new();
    world
        .smoke
        .answer(Slot::Green, vec![Verdict::fail("login is broken"); 3]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();

    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("login is broken"));
    assert!(
        world
            .router()
            .history()
            .iter()
            .all(|(_, split)| *split == Split::all(Slot::Blue))
    );
}

#[tokio::test(start_paused = true)]
async fn all_preflight_failures_are_shown_together_and_nothing_is_touched() {
    let world = World::new();
    world.health.always(Slot::Blue, Verdict::fail("blue is down"));
    let plan = full_plan()
        .preflight(Preflight {
            checks: vec![GateSpec::code("front").period(secs(1))],
            ..Preflight::default()
        })
        .freeze(
            crate::world::always()
                .actions([Action::Deploy])
                .reason("the yearly sale"),
        )
        .build()
        .unwrap();
    world.public.always(Slot::Blue, Verdict::fail("tickets are open"));
    let report = world.deploy(&plan, "2.0.0").await.unwrap();

    assert_eq!(report.end, Some(End::Failed));
    let reason = report.reason.unwrap();
    for part in ["blue is down", "the yearly sale", "tickets are open"] {
        assert!(reason.contains(part), "{part} is missing in: {reason}");
    }
    for touched in ["stage", "shift", "migrate", "deploy", "quiesce", "start"] {
        assert!(
            !world.log.calls().iter().any(|call| call.operation == touched),
            "{touched} was called"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_tells_what_a_deployment_would_find_and_writes_nothing() {
    let world = World::new();
    let checks = world
        .deployer()
        .check(&plan(), &version("2.0.0"), somebody())
        .await
        .unwrap();
    assert!(
        checks.iter().all(|check| check.outcome == Outcome::Pass),
        "{checks:#?}"
    );
    assert!(checks.iter().any(|check| check.name == "window"));
    assert_eq!(world.store.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_override_of_the_window_is_recorded_with_who_and_why() {
    let world = World::new();
    let plan = full_plan()
        .freeze(crate::world::always().actions([Action::Deploy]))
        .build()
        .unwrap();
    let request = bluegreen_core::Request::from(somebody()).ignore_window("the fix for the outage");
    let report = world
        .deployer()
        .deploy(&plan, version("2.0.0"), request)
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted));
    let by = report.overrides.window.unwrap();
    assert_eq!(
        (by.by.as_str(), by.reason.as_str()),
        ("ada", "the fix for the outage")
    );
}

#[tokio::test(start_paused = true)]
async fn skipping_smoke_tests_is_explicit_and_recorded() {
    let world = World::new();
    world
        .smoke
        .always(Slot::Green, Verdict::fail("the test account is locked"));
    let request = bluegreen_core::Request::from(somebody()).skip_smoke("known, ticket 12");
    let report = world
        .deployer()
        .deploy(&plan(), version("2.0.0"), request)
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted));
    assert_eq!(report.overrides.skip_smoke.unwrap().reason, "known, ticket 12");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_live_is_refused() {
    let world = World::new();
    let plan = full_plan().target(Target::Blue).build().unwrap();
    let report = world.deploy(&plan, "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("the target blue is live"));
}

#[tokio::test(start_paused = true)]
async fn a_split_that_a_router_cannot_hold_is_refused_before_anything_is_touched() {
    let mut world = World::new();
    let coarse = RouterCapabilities::exact().granularity(Granularity::AllOrNothing);
    world.routers = vec![world.router().clone().with_capabilities(coarse)];
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(
        report.reason.as_deref().unwrap().contains("cannot hold 25%"),
        "{report:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_candidate_with_too_few_instances_gets_no_traffic() {
    let world = World::new();
    world.host.set_instances(Slot::Blue, 4);
    world.host.set_instances(Slot::Green, 3);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("3 instances, live has 4"));
    assert!(!world.log.calls().iter().any(|call| call.operation == "shift"));
}

#[tokio::test(start_paused = true)]
async fn the_new_workers_start_first_where_the_plan_says_so() {
    let world = World::new();
    let workers = WorkersPlan {
        order: WorkersOrder::StartFirst,
        max_depth: Some(0),
    };
    world.workers.set_depth(0);
    let report = world
        .deploy(&full_plan().workers(workers).build().unwrap(), "2.0.0")
        .await
        .unwrap();
    let names = names(&report).join(", ");
    assert!(names.contains("start_workers, quiesce, queue_depth"), "{names}");
}

#[tokio::test(start_paused = true)]
async fn queues_that_do_not_empty_in_time_lead_back() {
    let world = World::new();
    let workers = WorkersPlan {
        max_depth: Some(10),
        ..WorkersPlan::default()
    };
    world.workers.set_depth(11);
    let report = world
        .deploy(&full_plan().workers(workers).build().unwrap(), "2.0.0")
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(world.workers.claiming(), [Slot::Blue], "the workers are back");
}

#[tokio::test(start_paused = true)]
async fn a_step_waits_for_its_approval_and_the_guards_watch_meanwhile() {
    let world = World::new();
    let plan = full_plan().steps([
        approved(25, ApprovalDefault::Abort),
        approved(100, ApprovalDefault::Abort),
    ]);
    let plan = plan.build().unwrap();
    let deployer = world.deployer();
    let deploying = {
        let (deployer, plan) = (deployer.clone(), plan.clone());
        tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await })
    };
    for step in 1..=2 {
        world
            .observer
            .first(|entry| entry.phase == Phase::Approval && entry.step == Some(step))
            .await;
        world.pass(secs(100)).await;
        deployer.approve("grace").await.unwrap();
    }
    let report = deploying.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::Promoted));
    assert_eq!(
        report.approvals,
        [(1, "grace".to_owned()), (2, "grace".to_owned())]
    );
    let asked_while_waiting = world
        .log
        .calls()
        .iter()
        .filter(|call| call.name == "errors")
        .count();
    assert!(
        asked_while_waiting > 15,
        "{asked_while_waiting} checks of the guard"
    );
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_while_an_approval_is_waited_for_leads_back() {
    let world = World::new();
    let plan = full_plan()
        .steps([
            bluegreen_core::plan::Step::new(percent(25), secs(30)),
            approved(100, ApprovalDefault::Proceed),
        ])
        .build()
        .unwrap();
    let observer = world.observer.clone();
    let guard = world.guard.clone();
    let breaking = tokio::spawn(async move {
        observer.first(|entry| entry.phase == Phase::Approval).await;
        guard.always(Slot::Green, Verdict::fail("5% errors"));
    });
    let report = world.deploy(&plan, "2.0.0").await.unwrap();
    breaking.await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("5% errors"));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_fell_ill_while_its_approval_was_waited_for_gets_no_traffic() {
    let world = World::new();
    let plan = full_plan()
        .steps([approved(100, ApprovalDefault::Abort)])
        .build()
        .unwrap();
    let (observer, health, deployer) = (world.observer.clone(), world.health.clone(), world.deployer());
    let approving = tokio::spawn(async move {
        observer.first(|entry| entry.phase == Phase::Approval).await;
        health.always(Slot::Green, Verdict::fail("out of memory"));
        deployer.approve("grace").await.unwrap();
    });
    let report = world.deploy(&plan, "2.0.0").await.unwrap();
    approving.await.unwrap();
    assert_eq!(report.end, Some(End::Failed), "{report:#?}");
    assert!(report.reason.unwrap().contains("out of memory"));
    assert!(!world.log.calls().iter().any(|call| call.operation == "shift"));
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_nobody_gives_takes_its_default() {
    for (default, end) in [
        (ApprovalDefault::Abort, End::Failed),
        (ApprovalDefault::Proceed, End::Promoted),
    ] {
        let world = World::new();
        let plan = full_plan().steps([approved(100, default)]).build().unwrap();
        let report = world.deploy(&plan, "2.0.0").await.unwrap();
        assert_eq!(report.end, Some(end), "{default:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_data_is_not_a_pass_and_time_does_not_make_it_one() {
    let world = World::new();
    world
        .guard
        .always(Slot::Green, Verdict::inconclusive("no requests"));
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("no requests"));
}

#[tokio::test(start_paused = true)]
async fn a_hotfix_during_retention_has_to_give_the_way_back_up_by_name() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let refused = world.deploy(&plan(), "2.0.1").await.unwrap();
    assert_eq!(refused.end, Some(End::Failed));
    assert!(refused.reason.unwrap().contains("kept for a rollback"));
    assert_eq!(
        refused.slots.blue.role,
        Role::Standby,
        "the refused hotfix has not cost the way back"
    );

    let request = bluegreen_core::Request::from(somebody()).give_up_standby("1.0.0 is not wanted back");
    let report = world
        .deployer()
        .deploy(&plan(), version("2.0.1"), request)
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted));
    assert!(
        names(&report)
            .join(", ")
            .contains("preflight, drain, retire, stage")
    );
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn the_same_plan_and_events_give_the_same_bytes() {
    let mut records = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let deployer = world.builder().nonce(7).build().unwrap();
        deployer
            .deploy(&plan(), version("2.0.0"), somebody())
            .await
            .unwrap();
        let record = bluegreen_core::Store::load(&world.memory, "shop/record")
            .await
            .unwrap()
            .unwrap();
        records.push(record.body);
    }
    assert_eq!(records[0], records[1]);
}

#[tokio::test(start_paused = true)]
async fn every_mutating_call_carries_a_token_that_was_stored_before() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let mut stored = bluegreen_core::Token::default();
    for call in world.log.calls() {
        if call.operation == "store" {
            stored.seq += 1;
        } else if let Some(token) = call
            .token
            .filter(|_| ["shift", "stage", "deploy", "migrate"].contains(&call.operation))
        {
            assert!(token.seq <= stored.seq, "{call} ran before its state was stored");
        }
    }
    let tokens: Vec<_> = world
        .log
        .calls()
        .iter()
        .filter(|call| call.operation == "shift")
        .filter_map(|c| c.token)
        .collect();
    assert!(tokens.is_sorted(), "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn the_journal_and_the_history_tell_what_happened() {
    let world = World::new();
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    let deployer = world.deployer();
    let entries = deployer.journal(report.deployment.number()).await.unwrap();
    assert!(matches!(entries.first().unwrap().event, Event::Started { .. }));
    assert_eq!(entries.last().unwrap().phase, Phase::Ended);
    let history = deployer.history(None, 10).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].deployment, report.deployment);
}
