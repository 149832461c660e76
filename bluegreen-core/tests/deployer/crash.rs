//! The death of the deployer at every call that it makes, before and after the call takes effect.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{Event, Phase, Slot, Split, Verdict};
use bluegreen_testkit::fakes::CrashPoint;

use crate::world::{World, plan, secs, somebody, version};

async fn crash_and_resume(world: &World, nth: usize, point: CrashPoint) -> bluegreen_core::Report {
    world.log.crash_at(nth, point);
    let deployer = world.deployer();
    let running = tokio::spawn(async move { deployer.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.log.crashed().await;
    running.abort();
    let _ = running.await;
    world.log.revive();
    world.deploy(&plan(), "2.0.0").await.unwrap()
}

async fn calls_of_a_whole_deployment() -> (usize, String) {
    let world = World::new();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    (world.log.len(), world.picture())
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_dies_at_any_call_is_resumed_by_the_same_command_and_ends_in_the_same_world() {
    let (calls, picture) = calls_of_a_whole_deployment().await;
    for nth in 1..=calls {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let world = World::new();
            let report = crash_and_resume(&world, nth, point).await;
            let at = format!("death {point:?} call {nth}: {}", world.log.lines()[nth - 1]);
            assert_eq!(report.end, Some(End::Promoted), "{at}: {:?}", report.reason);
            assert_eq!(world.picture(), picture, "{at}");
            assert_eq!(world.workers.overlaps(), [], "{at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_dies_at_any_call_still_brings_everything_back() {
    let broken = || {
        let world = World::new();
        world.guard.judge(|context| {
            if context.split.share(Slot::Green).basis_points() > 2500 {
                Verdict::fail("bad")
            } else {
                Verdict::pass("ok")
            }
        });
        world
    };
    let (first, last) = {
        let world = broken();
        world.deploy(&plan(), "2.0.0").await.unwrap();
        let calls = world.log.calls();
        let shift = calls.iter().position(|call| call.operation == "shift").unwrap();
        (shift, calls.len() - 6)
    };
    for nth in first..last {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let world = broken();
            let report = crash_and_resume(&world, nth, point).await;
            assert_eq!(report.end, Some(End::RolledBack), "death {point:?} call {nth}");
            assert_eq!(
                world.router().live(),
                Split::all(Slot::Blue),
                "death {point:?} call {nth}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bake_goes_on_after_a_crash_with_what_was_observed_and_is_not_shorter() {
    let world = World::new();
    let deployer = world.deployer();
    let running = tokio::spawn(async move { deployer.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    world.pass(secs(35)).await;
    running.abort();
    let _ = running.await;
    // Nobody watches for ten minutes: that is no observed time.
    world.pass(secs(600)).await;
    let before = world.observer.entries().len();
    world.deploy(&plan(), "2.0.0").await.unwrap();
    let after: u64 = world.observer.entries()[before..]
        .iter()
        .take_while(|entry| entry.phase != Phase::Ready)
        .filter_map(|entry| match entry.event {
            Event::Watched { watched_ms, .. } => Some(watched_ms),
            _ => None,
        })
        .sum();
    assert!(
        (20_000..=31_000).contains(&after),
        "{after} ms were watched after the crash"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_router_before_the_settle_time_after_a_takeover_is_over() {
    use bluegreen_core::{Fencing, RouterCapabilities};
    let mut world = World::new();
    let slow = RouterCapabilities::exact().fencing(Fencing::Settle(secs(45)));
    world.routers = vec![world.router().clone().with_capabilities(slow)];
    let shift = {
        let probe = World::new();
        probe.deploy(&plan(), "2.0.0").await.unwrap();
        probe
            .log
            .calls()
            .iter()
            .position(|call| call.operation == "shift")
            .unwrap()
            + 1
    };
    crash_and_resume(&world, shift, CrashPoint::Before).await;
    let calls = world.log.calls();
    let died = calls[shift - 1].clone();
    let next = calls[shift..]
        .iter()
        .find(|call| call.port == "router" && call.operation == "shift")
        .unwrap();
    let waited = next.at.since(died.at);
    assert!(waited >= secs(45), "the next shift came after {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deployer_that_lost_its_lease_does_nothing_more() {
    let world = World::new();
    let first = world.deployer();
    let running = tokio::spawn(async move { first.deploy(&plan(), version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    // Somebody takes the record over behind its back, as a deployer does whose clock said so.
    let record = bluegreen_core::Store::load(&world.memory, "shop/record")
        .await
        .unwrap()
        .unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    json["lease"]["holder"] = "somebody else".into();
    json["token"]["epoch"] = 99.into();
    let body = bytes::Bytes::from(serde_json::to_vec(&json).unwrap());
    bluegreen_core::Store::store(&world.memory, "shop/record", Some(record.version), body)
        .await
        .unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert!(
        matches!(error, bluegreen_core::DeployError::LeaseLost { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("somebody else"));
}
