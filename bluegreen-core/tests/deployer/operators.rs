//! What people ask for from other processes, and what they are told.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{ApprovalDefault, Step};
use bluegreen_core::{
    DeployError, Deployer, Event, FaultKind, NoticeKind, Phase, Report, Request, Role, Slot, Split, Verdict,
};
use bluegreen_testkit::fakes::{Behaviour, NotifierCall, StoreCall};

use crate::world::{World, approved, full_plan, lenient, percent, plan, secs, somebody, version};

#[tokio::test(start_paused = true)]
async fn the_second_of_two_deployers_is_told_who_holds_it_since_when_and_where_it_is() {
    let world = World::new();
    let first = world.builder().holder("ci job 17").build().unwrap();
    let running = tokio::spawn(async move { first.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;

    let refused = world.deploy(&plan(), "2.0.0").await.unwrap_err();
    let DeployError::Held {
        holder,
        at: Some((_, phase)),
        ..
    } = &refused
    else {
        panic!("{refused}")
    };
    assert!(holder.contains("ci job 17"));
    assert!(phase.belongs_to_a_step(), "{refused}");
    assert_eq!(running.await.unwrap().unwrap().end, Some(End::Promoted));
}

#[tokio::test(start_paused = true)]
async fn an_abort_from_another_process_leads_back() {
    let world = World::new();
    let first = world.deployer();
    let running = tokio::spawn(async move { first.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    world.deployer().abort(somebody()).await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("aborted by ada"));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn an_abort_at_any_moment_never_ends_in_promotion() {
    // At each stored entry of a whole deployment in turn.
    let entries = {
        let world = World::new();
        world.deploy(&plan(), "2.0.0").await.unwrap();
        world.observer.entries().len()
    };
    for nth in 1..entries {
        let world = Arc::new(World::new());
        let mut seen = world.observer.subscribe();
        let other = world.deployer();
        let aborting = tokio::spawn(async move {
            for _ in 0..nth {
                seen.recv().await;
            }
            other.abort(somebody()).await
        });
        let report = world.deploy(&plan(), "2.0.0").await.unwrap();
        let stored = aborting.await.unwrap();
        match (stored, report.end) {
            // Or it came after the end, and says so.
            (Ok(()), Some(End::RolledBack | End::Aborted))
            | (Err(DeployError::NothingToDo(_)), Some(End::Promoted)) => {}
            (stored, end) => panic!("abort after entry {nth}: {stored:?}, {end:?}"),
        }
        let live = if report.end == Some(End::Promoted) {
            Slot::Green
        } else {
            Slot::Blue
        };
        assert_eq!(world.router().live(), Split::all(live), "abort after entry {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_during_a_deployment_waits_for_whoever_is_at_work_and_reports() {
    let world = World::new();
    let first = world.deployer();
    let running = tokio::spawn(async move { first.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    let report = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(running.await.unwrap().unwrap().end, Some(End::RolledBack));
}

#[tokio::test(start_paused = true)]
async fn traffic_that_was_moved_by_hand_between_deployments_stops_the_next_until_it_is_adopted() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    world.router().set_by_hand(Split::all(Slot::Blue));
    let report = world.deploy(&plan(), "2.0.1").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    let reason = report.reason.unwrap();
    assert!(
        reason.contains("blue is live") && reason.contains("the record says green"),
        "{reason}"
    );

    let adopted = world.deployer().adopt(&plan(), somebody()).await.unwrap();
    assert_eq!(adopted.end, Some(End::Adopted));
    assert_eq!(adopted.slots.blue.role, Role::Live);
    assert_eq!(
        world.deploy(&plan(), "2.0.1").await.unwrap().end,
        Some(End::Promoted)
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_for_now_is_answered_with_what_is() {
    let world = World::new();
    let deployer = world.deployer();
    assert!(matches!(
        deployer.approve("ada").await,
        Err(DeployError::NothingToDo(_))
    ));
    assert!(matches!(
        deployer.abort(somebody()).await,
        Err(DeployError::NothingToDo(_))
    ));
    assert!(matches!(
        deployer.rollback(somebody()).await,
        Err(DeployError::NothingToDo(_))
    ));
    assert!(matches!(
        deployer.resolve(Slot::Blue, somebody()).await,
        Err(DeployError::NothingToDo(_))
    ));
    assert!(deployer.resume().await.unwrap().is_none());
    assert!(deployer.status().await.unwrap().lifecycle.run().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_resolves_must_not_contradict_the_routers() {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let refused = world
        .deployer()
        .resolve(Slot::Blue, somebody())
        .await
        .unwrap_err();
    assert!(matches!(refused, DeployError::Contradicted(_)), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_another_service_is_refused() {
    let world = World::new();
    let plan = bluegreen_core::Plan::builder(bluegreen_core::ServiceName::new("blog").unwrap())
        .build()
        .unwrap();
    assert!(matches!(
        world.deploy(&plan, "1").await,
        Err(DeployError::OtherService { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn another_release_is_not_begun_while_one_is_open() {
    let world = World::new();
    world
        .log
        .crash_at(60, bluegreen_testkit::fakes::CrashPoint::Before);
    let first = world.deployer();
    let running = tokio::spawn(async move { first.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.log.crashed().await;
    running.abort();
    world.log.revive();
    world.pass(secs(60)).await;
    let refused = world
        .deploy(&full_plan().build().unwrap(), "3.0.0")
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, DeployError::OtherRelease { open, .. } if open == "2.0.0"),
        "{refused}"
    );
    assert_eq!(
        world.deploy(&plan(), "2.0.0").await.unwrap().end,
        Some(End::Promoted)
    );
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_is_stored_while_any_record_is_being_written_is_carried_out_to_its_end() {
    // A store that takes a second for each write; whoever aborts is faster.
    let slow = || {
        let world = World::new();
        world.store.set_latency(secs(1));
        world
    };
    // Nothing stands between the last act and the end.
    let plan = full_plan().notify(false).build().unwrap();
    let times: Vec<_> = {
        let world = slow();
        world.deploy(&plan, "2.0.0").await.unwrap();
        world.store.calls().into_iter().map(|call| call.at.0).collect()
    };
    let began = times[0];
    for time in times {
        let world = slow();
        let other = world.builder().store(world.memory.clone()).build().unwrap();
        let abort = async {
            world
                .pass(time.saturating_sub(began) + Duration::from_millis(500))
                .await;
            other.abort(somebody()).await
        };
        let (report, stored) = tokio::join!(world.deploy(&plan, "2.0.0"), abort);
        let end = report.unwrap().end;
        let expected = match stored {
            Ok(()) => matches!(end, Some(End::RolledBack | End::Aborted)),
            Err(_) => end == Some(End::Promoted),
        };
        assert!(expected, "abort at {time:?}: {stored:?}, {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_is_stored_before_a_lost_answer_is_read_back_is_carried_out() {
    let plan = plan();
    let times: Vec<_> = {
        let world = World::new();
        world.deploy(&plan, "2.0.0").await.unwrap();
        let calls = world.store.calls();
        let writes = calls.into_iter().filter(|call| call.operation == "store");
        writes.map(|call| call.at.0).collect()
    };
    assert!(times.len() > 10, "{times:?}");
    for (nth, time) in times.iter().enumerate() {
        let world = World::new();
        let mut answers = vec![Behaviour::Ok; nth];
        answers.push(Behaviour::ApplyThenFault(FaultKind::Unknown));
        world.store.script(StoreCall::Store, answers);
        let other = world.builder().store(world.memory.clone()).build().unwrap();
        let abort = async {
            // A deployer waits before it reads back.
            world
                .pass(time.saturating_sub(times[0]) + Duration::from_millis(100))
                .await;
            other.abort(somebody()).await
        };
        let (report, stored) = tokio::join!(world.deploy(&plan, "2.0.0"), abort);
        let end = report.unwrap().end;
        let expected = match stored {
            Ok(()) => matches!(end, Some(End::RolledBack | End::Aborted)),
            Err(_) => end == Some(End::Promoted),
        };
        assert!(
            expected,
            "abort after write {nth} at {time:?}: {stored:?}, {end:?}"
        );
    }
}

/// The time of an approval under traffic runs out, and half a second before somebody else stores something:
/// whoever waits for it hears both at once.
async fn as_an_approval_runs_out(
    world: &World,
    asked: impl AsyncFnOnce(Deployer) -> Result<(), DeployError>,
) -> Report {
    let plan = full_plan()
        .steps([
            Step::new(percent(25), secs(30)),
            approved(100, ApprovalDefault::Abort),
        ])
        .preflight(lenient())
        .build()
        .unwrap();
    let other = world.deployer();
    let asking = async {
        world.observer.first(|entry| entry.phase == Phase::Approval).await;
        world
            .pass(secs(600).checked_sub(Duration::from_millis(500)).unwrap())
            .await;
        asked(other).await.unwrap();
    };
    tokio::join!(world.deploy(&plan, "2.0.0"), asking).0.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_abort_just_before_an_approval_runs_out_sends_nobody_to_a_broken_slot() {
    let world = World::new();
    world.health.always(Slot::Blue, Verdict::fail("out of memory"));
    let report = as_an_approval_runs_out(&world, async |other| other.abort(somebody()).await).await;
    assert_eq!(report.end, None, "it needs an operator: {:?}", report.reason);
    assert_eq!(
        world.router().live(),
        Split::with(Slot::Green, percent(25)),
        "the time of the approval is over, not that of the look at both slots"
    );
}

#[tokio::test(start_paused = true)]
async fn an_approval_just_before_its_time_runs_out_is_one() {
    let world = World::new();
    let report = as_an_approval_runs_out(&world, async |other| other.approve("grace").await).await;
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn what_is_put_on_top_of_a_request_begins_when_it_is_put_there() {
    // A store so slow that the time of a phase is over before what led to it has been written twice.
    let slow = || {
        let world = World::new();
        world.store.set_latency(secs(2));
        world
    };
    let mut plan = full_plan().notify(false).build().unwrap();
    plan.deadlines.assess = secs(3);
    let times: Vec<_> = {
        let world = slow();
        world.deploy(&plan, "2.0.0").await.unwrap();
        world.store.calls().into_iter().map(|call| call.at.0).collect()
    };
    let began = times[0];
    for time in times {
        let world = slow();
        let other = world.builder().store(world.memory.clone()).build().unwrap();
        let abort = async {
            world.pass(time.saturating_sub(began) + secs(1)).await;
            other.abort(somebody()).await
        };
        let (report, _) = tokio::join!(world.deploy(&plan, "2.0.0"), abort);
        let journal = other.journal(report.unwrap().deployment.number()).await.unwrap();
        let expired: Vec<_> = journal
            .iter()
            .filter(|entry| entry.event == Event::Expired)
            .collect();
        assert!(expired.is_empty(), "abort at {time:?}: {expired:?}");
    }
}

/// A world in which a release was promoted by a deployer that died before it could tell anybody.
async fn ended_and_not_told() -> World {
    let world = World::new();
    let dying = world.deployer();
    let running = tokio::spawn(async move { dying.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Soak).await;
    world.notifier.script(NotifierCall::Notify, [Behaviour::Hang]);
    world.observer.first(|entry| entry.phase == Phase::Ended).await;
    running.abort();
    assert!(running.await.is_err(), "it died");
    assert!(!world.notifier.kinds().contains(&NoticeKind::Succeeded));
    world
}

#[tokio::test(start_paused = true)]
async fn an_end_that_could_not_be_told_is_told_before_the_next_operation_begins() {
    let world = ended_and_not_told().await;
    let request = Request::from(somebody()).give_up_standby("a hotfix");
    let deployer = world.deployer();
    let report = deployer.deploy(&plan(), version("3.0.0"), request).await.unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    let told = world.notifier.kinds();
    let expected = [
        NoticeKind::Started,
        NoticeKind::Succeeded,
        NoticeKind::Started,
        NoticeKind::Succeeded,
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_does_not_wait_until_the_end_of_the_last_operation_was_told() {
    let world = ended_and_not_told().await;
    world.notifier.script(NotifierCall::Notify, [Behaviour::Hang]);
    let report = world.deployer().rollback(somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{:?}", report.reason);
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}
