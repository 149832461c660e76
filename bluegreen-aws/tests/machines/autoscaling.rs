//! The size of slots.

use std::time::Duration;

use bluegreen_core::{FaultKind, Host, ReadyState, Slot};
use bluegreen_testkit::aws::FakeConfig;

use super::world::{World, assignment, op, op_within};

fn world(blue: usize, green: usize) -> World {
    World::in_memory(FakeConfig::default().page_most(1)).with_groups(blue, green)
}

async fn ready(host: &impl Host, slot: Slot) -> bluegreen_core::Readiness {
    for _ in 0..500 {
        let seen = host.readiness(&op("readiness"), slot).await.unwrap();
        if seen.state == ReadyState::Ready {
            return seen;
        }
        tokio::time::advance(Duration::from_millis(5)).await;
    }
    panic!("it never is ready");
}

#[tokio::test(start_paused = true)]
async fn the_candidate_gets_as_many_machines_as_the_live_slot_before_anything_is_deployed() {
    let world = world(5, 0);
    let host = world.scaled();
    let seen = host.readiness(&op("readiness"), Slot::Green).await.unwrap();
    assert_eq!((seen.state, seen.instances), (ReadyState::Stopped, Some(0)));
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    let group = world.aws.auto_scaling_group("fixit-green").unwrap();
    assert_eq!((group.desired, group.in_service), (5, 5), "{group:?}");
    assert_eq!(ready(&host, Slot::Green).await.instances, Some(5));
}

#[tokio::test(start_paused = true)]
async fn too_few_machines_are_no_success() {
    // The maximum is 10.
    let world = world(5, 0);
    world.aws.add_auto_scaling_group("fixit-blue", 12, 20, 12);
    let host = world.scaled();
    let fault = host
        .deploy(&op("deploy"), &assignment(1, "1.4.0"))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("raise its maximum"), "{fault}");
    assert_eq!(world.begun(), 0);
}

#[tokio::test(start_paused = true)]
async fn machines_that_do_not_come_are_told_with_the_reason() {
    let world = world(3, 0);
    world.aws.suspend("fixit-green", "Launch");
    let host = world.scaled();
    let brief = op_within("deploy", Duration::from_secs(2));
    let fault = host.deploy(&brief, &assignment(1, "1.4.0")).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(
        fault
            .to_string()
            .contains("0 of 3 machines in service; suspended: Launch"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_standby_keeps_its_size_and_a_retired_slot_keeps_nothing() {
    let world = world(4, 0);
    let host = world.scaled();
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    ready(&host, Slot::Green).await;
    for _ in 0..2 {
        host.standby(&op("standby"), Slot::Green).await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let group = world.aws.auto_scaling_group("fixit-green").unwrap();
    assert_eq!((group.desired, group.in_service), (1, 1), "{group:?}");
    for _ in 0..2 {
        host.retire(&op("retire"), Slot::Green).await.unwrap();
    }
    let group = world.aws.auto_scaling_group("fixit-green").unwrap();
    assert_eq!(
        (group.min, group.desired, group.in_service, group.max),
        (0, 0, 0, 10)
    );
    let blue = world.aws.auto_scaling_group("fixit-blue").unwrap();
    assert_eq!(blue.in_service, 4, "the other slot is untouched");
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_never_made_smaller_by_a_deploy() {
    let world = world(2, 6);
    let host = world.scaled();
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    let changes = world.aws.requests();
    assert!(
        changes
            .iter()
            .all(|asked| asked.action != "UpdateAutoScalingGroup")
    );
    assert_eq!(ready(&host, Slot::Green).await.instances, Some(6));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_missing_is_named() {
    let world = World::in_memory(FakeConfig::default());
    world.aws.add_auto_scaling_group("fixit-blue", 0, 1, 1);
    let fault = world
        .scaled()
        .readiness(&op("readiness"), Slot::Green)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(
        fault.to_string().contains("there is no group fixit-green"),
        "{fault}"
    );
}
