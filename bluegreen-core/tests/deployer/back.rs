//! The ways back: automatic, by request, during a deployment and after it.

use bluegreen_core::lifecycle::{CannotBegin, End};
use bluegreen_core::plan::BothUnhealthy;
use bluegreen_core::{
    DeployError, FaultKind, InFlight, MigrationPhase, NoticeKind, Phase, Role, Slot, Split, Verdict,
};
use bluegreen_testkit::fakes::{Behaviour, MigratorCall, RouterCall, StoreCall, WorkersCall};

use crate::world::{World, full_plan, plan, secs, somebody};

/// Makes the guard fail once the candidate has more than a quarter of the traffic.
fn break_at_full_traffic(world: &World) {
    world.guard.judge(|context| {
        if context.split.share(Slot::Green).basis_points() > 2500 {
            Verdict::fail("errors above 5%")
        } else {
            Verdict::pass("few errors")
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_failing_guard_gives_all_traffic_back() {
    let world = World::new();
    break_at_full_traffic(&world);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();

    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
    assert_eq!(report.slots.blue.role, Role::Live);
    assert_eq!(report.slots.green.role, Role::Empty);
    assert!(report.rollback_ms.is_some());
    assert!(report.reason.unwrap().contains("errors above 5%"));
    let kinds = world.notifier.kinds();
    assert_eq!(
        kinds,
        [
            NoticeKind::Started,
            NoticeKind::RollingBack,
            NoticeKind::RolledBack
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_during_the_last_act_leads_back() {
    let world = World::new();
    let slow = Behaviour::Delay(secs(60));
    world
        .migrator
        .script(MigratorCall::Migrate, [Behaviour::Ok, slow]);
    let observer = world.observer.clone();
    world.guard.judge(move |_| {
        let entries = observer.entries();
        if entries.last().is_some_and(|entry| entry.phase == Phase::Backfill) {
            Verdict::fail("the backfill locks every table")
        } else {
            Verdict::pass("few errors")
        }
    });
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(world.migrator.ran(MigrationPhase::Backfill), 1);
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn going_back_moves_the_traffic_before_anything_else_is_done() {
    let world = World::new();
    break_at_full_traffic(&world);
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let lines = world.log.lines();
    let back = lines
        .iter()
        .rposition(|line| line.contains("shift") && line.contains("blue 100%"))
        .unwrap();
    let told = lines
        .iter()
        .rposition(|line| line.starts_with("notifier"))
        .unwrap();
    assert!(back < told, "people were told before the traffic was back");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_routers_that_refuses_brings_both_back() {
    let world = World::with_routers(2);
    world.routers[1].script(RouterCall::Shift, [Behaviour::Fault(FaultKind::Rejected)]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    for router in &world.routers {
        assert_eq!(router.live(), Split::all(Slot::Blue));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_routed_to_a_broken_slot_while_the_candidate_is_the_only_healthy_one() {
    let world = World::new();
    break_at_full_traffic(&world);
    let health = world.health.clone();
    let observer = world.observer.clone();
    let breaking = tokio::spawn(async move {
        observer
            .first(|entry| entry.phase == Phase::Bake && entry.step == Some(2))
            .await;
        health.always(Slot::Blue, Verdict::fail("blue has died"));
    });
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    breaking.await.unwrap();
    assert_eq!(report.end, None, "it needs an operator");
    assert_eq!(
        world.router().live(),
        Split::all(Slot::Green),
        "nobody was sent to the broken slot"
    );
    let reason = report.reason.unwrap();
    assert!(
        reason.contains("errors above 5%") && reason.contains("blue has died"),
        "{reason}"
    );
    assert!(world.notifier.kinds().contains(&NoticeKind::NeedsOperator));

    // The operator decides to go back all the same.
    let report = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
    assert!(
        report.unverified.unwrap().contains("blue has died"),
        "and is told that blue is not well"
    );
}

#[tokio::test(start_paused = true)]
async fn when_neither_slot_is_healthy_the_plan_decides() {
    for (rule, end) in [
        (BothUnhealthy::Return, Some(End::RolledBack)),
        (BothUnhealthy::Halt, None),
    ] {
        let world = World::new();
        let health = world.health.clone();
        let observer = world.observer.clone();
        let breaking = tokio::spawn(async move {
            observer.first(|entry| entry.phase == Phase::Bake).await;
            health.judge(|_| Verdict::fail("down"));
        });
        let plan = full_plan().both_unhealthy(rule).build().unwrap();
        let report = world.deploy(&plan, "2.0.0").await.unwrap();
        breaking.await.unwrap();
        assert_eq!(report.end, end, "{rule:?}: {:?}", report.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_after_the_end_goes_back_to_the_standby_with_its_workers() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let report = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    assert!(report.succeeded());
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
    assert_eq!(world.workers.claiming(), [Slot::Blue]);
    let status = world.deployer().status().await.unwrap();
    assert_eq!(
        status.lifecycle.stale_backfills().len(),
        1,
        "the old release writes again"
    );
    assert_eq!(status.lifecycle.slots().green.role, Role::Empty);

    let again = world.deployer().rollback(somebody()).await.unwrap_err();
    assert!(
        matches!(again, DeployError::CannotBegin(CannotBegin::NoStandby { .. })),
        "{again}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_legal_in_a_freeze() {
    let world = World::new();
    let freeze = crate::world::always();
    let plan = full_plan().freeze(freeze).build().unwrap();
    let request = bluegreen_core::Request::from(somebody()).ignore_window("a fix");
    let deployed = world
        .deployer()
        .deploy(&plan, crate::world::version("2.0.0"), request)
        .await
        .unwrap();
    assert_eq!(deployed.end, Some(End::Promoted), "{:?}", deployed.reason);
    assert_eq!(
        world.deployer().rollback(somebody()).await.unwrap().end,
        Some(End::RolledBack)
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_standby_is_retired_nothing_pretends_that_there_is_a_way_back() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let early = world.deployer().retire(somebody()).await.unwrap();
    assert_eq!(early.end, Some(End::Failed), "its retention is not over");
    assert!(world.host.release(Slot::Blue).is_some());

    world.pass(secs(3600)).await;
    let report = world.deployer().retire(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Retired), "{:?}", report.reason);
    assert!(world.host.release(Slot::Blue).is_none());
    assert!(world.deployer().rollback(somebody()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_slot_with_requests_in_flight_is_not_stopped() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world.pass(secs(3600)).await;
    world.router().set_in_flight(Slot::Blue, InFlight::AtLeast(3));
    let report = world.deployer().retire(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("3 or more in flight"));
    assert!(world.host.release(Slot::Blue).is_some(), "it was left running");
}

#[tokio::test(start_paused = true)]
async fn a_router_that_counts_and_does_not_answer_has_not_said_that_nothing_is_in_flight() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world.pass(secs(3600)).await;
    world.router().set_in_flight(Slot::Blue, InFlight::AtLeast(3));
    world.router().script(
        RouterCall::InFlight,
        std::iter::once(Behaviour::Ok).chain(vec![Behaviour::Fault(FaultKind::Rejected); 10_000]),
    );
    let report = world.deployer().retire(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(world.host.release(Slot::Blue).is_some(), "it was left running");
}

#[tokio::test(start_paused = true)]
async fn a_contract_never_runs_while_a_standby_may_get_traffic_again() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let refused = world.deployer().contract(somebody()).await.unwrap_err();
    assert!(
        matches!(refused, DeployError::CannotBegin(CannotBegin::StandbyKept { .. })),
        "{refused}"
    );
    assert_eq!(world.migrator.ran(MigrationPhase::Contract), 0);

    world.pass(secs(3600)).await;
    world.deployer().retire(somebody()).await.unwrap();
    let report = world.deployer().contract(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Contracted));
    assert_eq!(world.migrator.ran(MigrationPhase::Contract), 1);
}

#[tokio::test(start_paused = true)]
async fn a_router_out_of_reach_on_the_way_back_ends_with_an_operator_who_is_told_all() {
    let world = World::new();
    break_at_full_traffic(&world);
    let observer = world.observer.clone();
    let router = world.router().clone();
    let breaking = tokio::spawn(async move {
        observer
            .first(|entry| entry.phase == Phase::Bake && entry.step == Some(2))
            .await;
        router.script(
            RouterCall::Shift,
            vec![Behaviour::Fault(FaultKind::Unavailable { retry_after: None }); 500],
        );
    });
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    breaking.await.unwrap();
    assert_eq!(report.end, None);
    assert!(report.reason.unwrap().contains("could not be given back to blue"));
}

#[tokio::test(start_paused = true)]
async fn workers_that_cannot_be_brought_back_need_an_operator_after_the_traffic_is_back() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world
        .workers
        .script(WorkersCall::Start, [Behaviour::Fault(FaultKind::Rejected)]);
    let report = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(report.end, None);
    assert_eq!(
        world.router().live(),
        Split::all(Slot::Blue),
        "the traffic came first"
    );

    let resolved = world.deployer().resolve(Slot::Blue, somebody()).await.unwrap();
    assert_eq!(resolved.end, Some(End::Resolved));
    assert_eq!(resolved.slots.blue.role, Role::Live);
}

#[tokio::test(start_paused = true)]
async fn what_is_resolved_is_live_on_every_router_and_nothing_sent_before_can_change_it() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world
        .workers
        .script(WorkersCall::Start, [Behaviour::Fault(FaultKind::Rejected)]);
    world.deployer().rollback(somebody()).await.unwrap();
    // It accepts what it is told, and routes by it a minute later.
    let router = world.router().clone().with_lag(secs(60));
    router.set_by_hand(Split::all(Slot::Green));
    router.set_by_hand(Split::all(Slot::Blue));
    let refused = world
        .deployer()
        .resolve(Slot::Blue, somebody())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, DeployError::Contradicted(why) if why.contains("not live yet")),
        "{refused}"
    );
    world.pass(secs(60)).await;
    let before = router.newest_token();
    let resolved = world.deployer().resolve(Slot::Blue, somebody()).await.unwrap();
    assert_eq!(resolved.end, Some(End::Resolved));
    assert!(router.newest_token() > before, "older requests are shut out");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_ended_meanwhile_is_not_resolved() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world
        .workers
        .script(WorkersCall::Start, [Behaviour::Fault(FaultKind::Rejected)]);
    world.deployer().rollback(somebody()).await.unwrap();
    world.router().set_by_hand(Split::all(Slot::Green));
    // The one who resolves has read that it is halted, and is slow to take the lease.
    world
        .store
        .script(StoreCall::Load, [Behaviour::Ok, Behaviour::Delay(secs(4))]);
    let slow = world.deployer();
    let resolving = tokio::spawn(async move { slow.resolve(Slot::Green, somebody()).await });
    world.pass(secs(1)).await;
    let back = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(back.end, Some(End::RolledBack));
    let refused = resolving.await.unwrap().unwrap_err();
    assert!(matches!(refused, DeployError::NothingToDo(_)), "{refused}");
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_router_changed_by_hand_in_the_middle_is_noticed_and_leads_back() {
    let world = World::new();
    let observer = world.observer.clone();
    let router = world.router().clone();
    let meddling = tokio::spawn(async move {
        observer
            .first(|entry| entry.phase == Phase::Bake && entry.step == Some(1))
            .await;
        router.set_by_hand(Split::with(Slot::Green, crate::world::percent(60)));
    });
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    meddling.await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("somebody changed it"));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}
