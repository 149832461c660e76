//! Calls that fail, hang, lose their answers or land late; a store that does the same.

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, Step};
use bluegreen_core::{
    DeployError, FaultKind, Fencing, Phase, Plan, RouterCapabilities, ServiceName, Slot, Split, Store,
    Verdict,
};
use bluegreen_testkit::fakes::{
    Behaviour, FakeGate, GateCall, HostCall, MigratorCall, RouterCall, StoreCall,
};

use crate::world::{World, full_plan, percent, plan, secs, somebody, version};

const UNAVAILABLE: FaultKind = FaultKind::Unavailable { retry_after: None };

#[tokio::test(start_paused = true)]
async fn a_call_that_had_no_effect_or_an_unknown_one_is_ensured_again() {
    for behaviour in [
        Behaviour::Fault(UNAVAILABLE),
        Behaviour::Fault(FaultKind::Unknown),
        Behaviour::ApplyThenFault(FaultKind::Unknown),
        Behaviour::Hang,
        Behaviour::ApplyThenHang,
        Behaviour::LandLate(secs(5)),
        Behaviour::Delay(secs(3)),
    ] {
        let world = World::new();
        world.router().script(RouterCall::Shift, [behaviour, behaviour]);
        world.router().script(RouterCall::Stage, [behaviour]);
        world.router().script(RouterCall::Observe, [behaviour]);
        // A call that may take the whole time of its phase and hangs leaves no time for another.
        if !matches!(behaviour, Behaviour::Hang | Behaviour::ApplyThenHang) {
            world.host.script(HostCall::Deploy, [behaviour]);
            world.migrator.script(MigratorCall::Migrate, [behaviour]);
        }
        let report = world.deploy(&plan(), "2.0.0").await.unwrap();
        assert_eq!(
            report.end,
            Some(End::Promoted),
            "{behaviour:?}: {:?}",
            report.reason
        );
        assert_eq!(world.router().live(), Split::all(Slot::Green), "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_lost_in_the_preflight_is_asked_again() {
    let world = World::new();
    // The first read is that of the reconcile phase.
    world.router().script(
        RouterCall::Observe,
        [Behaviour::Ok, Behaviour::Fault(FaultKind::Unknown)],
    );
    world
        .host
        .script(HostCall::Readiness, [Behaviour::Fault(UNAVAILABLE)]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_lands_late_finds_nothing_newer_to_undo() {
    let mut world = World::new();
    let slow = RouterCapabilities::exact().fencing(Fencing::Settle(secs(30)));
    world.routers = vec![world.router().clone().with_capabilities(slow)];
    // The first shift answers nothing and acts 25 s later: within the declared time.
    world
        .router()
        .script(RouterCall::Shift, [Behaviour::LandLate(secs(25))]);
    world
        .guard
        .always(Slot::Green, Verdict::fail("bad from the start"));
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    world.pass(secs(120)).await;
    assert_eq!(
        world.router().live(),
        Split::all(Slot::Blue),
        "the late request undid the rollback"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_before_any_traffic_ends_without_touching_the_traffic() {
    let world = World::new();
    world
        .migrator
        .script(MigratorCall::Migrate, [Behaviour::Fault(FaultKind::Rejected)]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
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
async fn a_call_that_never_works_is_given_up_and_told() {
    let world = World::new();
    world
        .host
        .script(HostCall::Deploy, vec![Behaviour::Fault(UNAVAILABLE); 100]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("given up after"));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_hangs_is_an_error_of_the_measurement_and_never_a_pass() {
    let world = World::new();
    world.guard.script(GateCall::Check, vec![Behaviour::Hang; 1000]);
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{:?}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_dies_during_its_bake_leads_back() {
    let world = World::new();
    let host = world.host.clone();
    let observer = world.observer.clone();
    let health = world.health.clone();
    let killing = tokio::spawn(async move {
        observer
            .first(|entry| entry.phase == bluegreen_core::Phase::Bake)
            .await;
        host.kill(Slot::Green);
        health.always(Slot::Green, Verdict::fail("connection refused"));
    });
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    killing.await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_says_failed_is_not_waited_for() {
    let world = World::new();
    world.host.set_failing(Some("the image cannot be pulled"));
    let report = world.deploy(&plan(), "2.0.0").await.unwrap();
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("the image cannot be pulled"));
}

#[tokio::test(start_paused = true)]
async fn a_live_slot_that_is_not_healthy_stops_unless_the_plan_allows_it() {
    let world = World::new();
    world.health.always(Slot::Blue, Verdict::fail("blue is down"));
    assert_eq!(
        world.deploy(&plan(), "2.0.0").await.unwrap().end,
        Some(End::Failed)
    );
    let allowed = full_plan().preflight(crate::world::lenient()).build().unwrap();
    assert_eq!(
        world.deploy(&allowed, "2.0.0").await.unwrap().end,
        Some(End::Promoted)
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stumbles_changes_nothing_about_the_outcome() {
    for behaviour in [
        Behaviour::Fault(UNAVAILABLE),
        Behaviour::Fault(FaultKind::Unknown),
        Behaviour::ApplyThenFault(FaultKind::Unknown),
        Behaviour::Delay(secs(2)),
    ] {
        let world = World::new();
        // Every third write stumbles.
        let writes = [Behaviour::Ok, Behaviour::Ok, behaviour]
            .into_iter()
            .cycle()
            .take(60);
        world.store.script(StoreCall::Store, writes);
        world.store.script(StoreCall::PutNew, [behaviour]);
        let report = world.deploy(&plan(), "2.0.0").await.unwrap();
        assert_eq!(report.end, Some(End::Promoted), "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_stops_the_deployer_and_the_same_command_resumes() {
    let world = World::new();
    let writes = std::iter::repeat_n(Behaviour::Ok, 12).chain([Behaviour::Fault(FaultKind::Rejected)]);
    world.store.script(StoreCall::Store, writes);
    let error = world.deploy(&plan(), "2.0.0").await.unwrap_err();
    assert!(matches!(error, DeployError::Store(_)), "{error}");
    assert!(
        error.to_string().contains("run the same command again"),
        "{error}"
    );
    assert_eq!(
        world.deploy(&plan(), "2.0.0").await.unwrap().end,
        Some(End::Promoted)
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_version_or_a_damaged_one_is_refused_and_kept() {
    for (body, part) in [
        (&br#"{"format":99}"#[..], "newer version"),
        (&b"{\"format\":1,"[..], "damaged"),
    ] {
        let world = World::new();
        world
            .memory
            .store("shop/record", None, bytes::Bytes::from(body))
            .await
            .unwrap();
        let error = world.deploy(&plan(), "2.0.0").await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(
            world.memory.load("shop/record").await.unwrap().unwrap().body,
            body,
            "it was kept"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_stays_small_whatever_gates_and_people_say() {
    let world = World::new();
    let long = "x".repeat(100_000);
    let mut plan = full_plan();
    let mut builder = world.builder();
    for n in 0..100 {
        let gate = FakeGate::new(format!("gate-{n}"), &world.log);
        let answer = long.clone();
        gate.judge(move |_| Verdict::inconclusive(answer.clone()));
        builder = builder.gate(gate);
        plan = plan.guard(GateSpec::code(format!("gate-{n}")).period(secs(30)));
    }
    let deployer = builder.build().unwrap();
    let mut largest = 0;
    let mut seen = world.observer.subscribe();
    let store = world.memory.clone();
    let measuring = tokio::spawn(async move {
        while let Some(entry) = seen.recv().await {
            let record = store.load("shop/record").await.unwrap().unwrap();
            largest = largest.max(record.body.len());
            if entry.phase == bluegreen_core::Phase::Ended {
                break;
            }
        }
        largest
    });
    let report = deployer
        .deploy(&plan.build().unwrap(), version("2.0.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    let largest = measuring.await.unwrap();
    assert!((10_000..64 * 1024).contains(&largest), "{largest} bytes");

    let chatty = version("2.0.1").label("notes", long);
    let refused = world
        .deployer()
        .deploy(&crate::world::plan(), chatty, somebody())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("shorten it"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_does_not_end_a_phase_before_its_time() {
    use bluegreen_core::{Clock, Monotonic, SystemClock, Timestamp};
    /// A wall clock that is a day ahead from the thirtieth second on.
    #[derive(Debug)]
    struct Jumping(SystemClock);
    #[async_trait::async_trait]
    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            let ahead = if self.0.monotonic().0 > secs(30) {
                secs(86_400)
            } else {
                secs(0)
            };
            self.0.now().plus(ahead)
        }
        fn monotonic(&self) -> Monotonic {
            self.0.monotonic()
        }
        async fn sleep(&self, span: std::time::Duration) {
            self.0.sleep(span).await;
        }
    }
    let world = World::new();
    let clock = std::sync::Arc::new(Jumping(SystemClock::starting_at(Timestamp::from_millis(
        1_700_000_000_000,
    ))));
    let deployer = world.builder().clock(clock).build().unwrap();
    let report = deployer
        .deploy(&plan(), version("2.0.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_never_answers_before_a_step_is_not_waited_for_without_end() {
    let world = World::new();
    world.router().script(
        RouterCall::Observe,
        [Behaviour::Ok, Behaviour::Ok, Behaviour::Hang],
    );
    let plan = plan();
    let deployment = tokio::time::timeout(secs(3600), world.deploy(&plan, "2.0.0"));
    let report = deployment.await.expect("it ends").unwrap();
    assert_eq!(report.end, Some(End::Failed), "{:?}", report.reason);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_a_call_is_asked_again() {
    for call in [StoreCall::Store, StoreCall::Load] {
        let world = World::new();
        world.store.script(
            call,
            [Behaviour::Ok, Behaviour::Ok, Behaviour::Ok, Behaviour::Hang],
        );
        let plan = plan();
        let deployment = tokio::time::timeout(secs(3600), world.deploy(&plan, "2.0.0"));
        let report = deployment.await.expect("it ends").unwrap();
        assert_eq!(report.end, Some(End::Promoted), "{call:?}: {:?}", report.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_answers_keeps_no_guard_from_being_asked() {
    let world = World::new();
    let plan = Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new(percent(100), secs(60)))
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors").period(secs(2)))
        .build()
        .unwrap();
    let hanging = async {
        world.observer.first(|entry| entry.phase == Phase::Bake).await;
        // The split is watched too, at its own pace.
        world.router().script(RouterCall::Observe, [Behaviour::Hang; 3]);
    };
    let (report, ()) = tokio::join!(world.deploy(&plan, "2.0.0"), hanging);
    assert_eq!(report.unwrap().end, Some(End::Promoted));
    let asked: Vec<_> = world.guard.calls().into_iter().map(|call| call.at.0).collect();
    assert!(asked.len() >= 30, "{asked:?}");
    for pair in asked.windows(2) {
        assert!(
            pair[1].checked_sub(pair[0]).unwrap() <= secs(3),
            "nobody asked for a while: {pair:?}"
        );
    }
}
