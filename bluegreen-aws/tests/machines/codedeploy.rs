//! The host on CodeDeploy.

use std::time::Duration;

use bluegreen_aws::codedeploy::WhenRetired;
use bluegreen_core::{FaultKind, Host, ReadyState, Slot};
use bluegreen_testkit::aws::{DeploymentGroup, Ending, FakeConfig};
use bluegreen_testkit::conformance::ProviderFault;

use super::world::{APPLICATION, World, assignment, op, op_within};

fn world() -> World {
    World::in_memory(FakeConfig::default().page_most(2)).with_machines()
}

async fn settled(host: &impl Host) -> bluegreen_core::Readiness {
    for _ in 0..500 {
        let seen = host.readiness(&op("readiness"), Slot::Green).await.unwrap();
        if seen.state != ReadyState::Starting {
            return seen;
        }
        tokio::time::advance(Duration::from_millis(5)).await;
    }
    panic!("it never settles");
}

#[tokio::test(start_paused = true)]
async fn groups_that_control_traffic_are_refused() {
    for (group, names) in [
        (
            DeploymentGroup::tagged("slot", "green").traffic_control(),
            "WITH_TRAFFIC_CONTROL",
        ),
        (
            DeploymentGroup::tagged("slot", "green").blue_green(),
            "BLUE_GREEN",
        ),
        (
            DeploymentGroup::tagged("slot", "green").load_balancer("fixit-green"),
            "loadBalancerInfo",
        ),
        (
            DeploymentGroup::tagged("slot", "green").platform("ECS"),
            "compute platform",
        ),
    ] {
        let world = world();
        world.aws.add_deployment_group(APPLICATION, "green", group);
        let host = world.code_deploy();
        // Before anything is touched: the checks ask for the readiness, which is enough to refuse it.
        let seen = host.readiness(&op("check"), Slot::Green).await.unwrap_err();
        let deployed = host
            .deploy(&op("deploy"), &assignment(1, "1.4.0"))
            .await
            .unwrap_err();
        for fault in [seen, deployed] {
            assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
            assert!(fault.to_string().contains(names), "{fault}");
        }
        assert_eq!(world.begun(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_found_again_after_a_crash_among_many() {
    let world = world();
    for number in 0..7 {
        world
            .aws
            .deploy_by_hand(APPLICATION, "green", &format!("old-{number}.zip"), "user");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let ours = assignment(1, "1.4.0");
    world.aws.disturb(Some(ProviderFault::LostAnswer)).await.unwrap();
    let lost = world
        .code_deploy()
        .deploy(&op("deploy"), &ours)
        .await
        .unwrap_err();
    assert_eq!(lost.kind, FaultKind::Unknown, "{lost}");
    // Another process, which knows of nothing.
    world.code_deploy().deploy(&op("deploy"), &ours).await.unwrap();
    assert_eq!(settled(&world.code_deploy()).await.state, ReadyState::Ready);
    // Also when others came after it.
    world
        .aws
        .deploy_by_hand(APPLICATION, "green", "later.zip", "user");
    tokio::time::advance(Duration::from_secs(1)).await;
    world.code_deploy().deploy(&op("deploy"), &ours).await.unwrap();
    assert_eq!(world.begun(), 9);
}

#[tokio::test(start_paused = true)]
async fn every_status_is_a_state() {
    let broken = Ending::Fails {
        event: "ApplicationStart".to_owned(),
        log: "booting\nPDOException: no such host\n".to_owned(),
    };
    for (ending, state, says) in [
        (Ending::Succeeds, ReadyState::Ready, "succeeded on 3 machines"),
        (Ending::Bakes, ReadyState::Ready, "succeeded on 3 machines"),
        (broken, ReadyState::Failed, "ApplicationStart failed"),
        (Ending::SucceedsWithout(1), ReadyState::Failed, "1 have failed"),
    ] {
        let world = world();
        world.aws.script_deployments([ending.clone()]);
        let host = world.code_deploy();
        assert_eq!(
            host.readiness(&op("before"), Slot::Green).await.unwrap().state,
            ReadyState::Stopped
        );
        host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
        let mut statuses = Vec::new();
        let seen = loop {
            let status = world.aws.deployments(APPLICATION, "green")[0].status.clone();
            let seen = host.readiness(&op("readiness"), Slot::Green).await.unwrap();
            if seen.state != ReadyState::Starting {
                break seen;
            }
            if statuses.last() != Some(&status) {
                assert!(seen.evidence.contains(&status), "{status}: {seen:?}");
                statuses.push(status);
            }
            tokio::time::advance(Duration::from_millis(5)).await;
        };
        let way = ["Created", "Queued", "InProgress", "Baking"];
        let steps = if ending == Ending::Bakes { 4 } else { 3 };
        assert_eq!(statuses, way[..steps]);
        assert_eq!(seen.state, state, "{ending:?}: {seen:?}");
        assert!(seen.evidence.contains(says), "{ending:?}: {seen:?}");
        assert_eq!(seen.instances, (state == ReadyState::Ready).then_some(3));
    }
}

#[tokio::test(start_paused = true)]
async fn lifecycle_events_are_the_evidence_of_a_failure() {
    let world = world();
    world.aws.script_deployments([Ending::Fails {
        event: "ValidateService".to_owned(),
        log: "curl: (22) The requested URL returned error: 500\n".to_owned(),
    }]);
    let host = world.code_deploy();
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    let seen = settled(&host).await;
    for says in [
        "HEALTH_CONSTRAINTS",
        "ValidateService failed",
        "scripts/validateservice.sh",
        "returned error: 500",
        "1.4.0",
    ] {
        assert!(seen.evidence.contains(says), "no {says} in {}", seen.evidence);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_code_deploy_itself_is_never_taken_for_the_release() {
    let world = world();
    let group = DeploymentGroup::tagged("slot", "green").auto_rollback();
    world.aws.add_deployment_group(APPLICATION, "green", group);
    let host = world.code_deploy();
    host.deploy(&op("deploy"), &assignment(1, "1.3.0")).await.unwrap();
    assert_eq!(settled(&host).await.state, ReadyState::Ready);
    let failing = Ending::Fails {
        event: "Install".to_owned(),
        log: String::new(),
    };
    world.aws.script_deployments([failing]);
    host.deploy(&op("deploy"), &assignment(2, "1.4.0")).await.unwrap();
    assert_eq!(settled(&host).await.state, ReadyState::Failed);
    tokio::time::advance(Duration::from_secs(1)).await;
    let all = world.aws.deployments(APPLICATION, "green");
    assert_eq!(all.len(), 2, "ours asked for no rollback: {all:?}");
    // One that somebody else let go back all the same.
    world
        .aws
        .deploy_by_hand(APPLICATION, "green", "api/1.3.0.zip", "codeDeployRollback");
    let seen = settled(&host).await;
    assert_eq!(seen.state, ReadyState::Failed, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn one_deployment_a_group() {
    let world = world();
    let host = world.code_deploy();
    // One of somebody else is not touched.
    world.aws.script_deployments([Ending::Hangs]);
    let foreign = world
        .aws
        .deploy_by_hand(APPLICATION, "green", "hotfix.zip", "user");
    let brief = op_within("deploy", Duration::from_millis(200));
    let fault = host.deploy(&brief, &assignment(1, "1.4.0")).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.to_string().contains(&foreign), "{fault}");
    let fault = host.retire(&brief, Slot::Green).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    tokio::time::advance(Duration::from_mins(1)).await;
    let status = &world.aws.deployments(APPLICATION, "green")[0].status;
    assert_eq!(status, "InProgress", "it was not stopped");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_given_up_is_stopped() {
    let world = world();
    let host = world.code_deploy();
    world
        .aws
        .script_deployments([Ending::Hangs, Ending::Hangs, Ending::Hangs]);
    host.deploy(&op("deploy"), &assignment(1, "1.3.0")).await.unwrap();
    // By the next deployment,
    host.deploy(&op("deploy"), &assignment(2, "1.4.0")).await.unwrap();
    // by an operator after an abort,
    host.stop(&op("stop"), Slot::Green).await.unwrap();
    host.stop(&op("stop"), Slot::Green).await.unwrap();
    // and when the slot is retired.
    host.deploy(&op("deploy"), &assignment(3, "1.5.0")).await.unwrap();
    let host = host.when_retired(WhenRetired::GoesOn);
    host.retire(&op("retire"), Slot::Green).await.unwrap();
    let all = world.aws.deployments(APPLICATION, "green");
    assert!(all.iter().all(|seen| seen.status == "Stopped"), "{all:?}");
    let seen = settled(&host).await;
    assert!(
        seen.state == ReadyState::Failed && seen.evidence.contains("MANUAL_STOP"),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn machines_that_auto_scaling_adds_change_nothing_for_the_slot() {
    let world = world();
    let host = world.code_deploy();
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    assert_eq!(settled(&host).await.state, ReadyState::Ready);
    world
        .aws
        .deploy_by_hand(APPLICATION, "green", "api/1.4.0.zip", "autoscaling");
    let seen = host.readiness(&op("readiness"), Slot::Green).await.unwrap();
    assert_eq!(seen.state, ReadyState::Ready, "{seen:?}");
    assert_eq!(seen.instances, None, "how many there are now is not known");
    // It is waited for, and not stopped.
    host.deploy(&op("deploy"), &assignment(2, "1.5.0")).await.unwrap();
    let all = world.aws.deployments(APPLICATION, "green");
    assert_eq!(all[1].status, "Succeeded", "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_without_machines_fails_and_says_so() {
    let world = World::in_memory(FakeConfig::default()).with_groups(2, 0);
    let host = world.code_deploy();
    host.deploy(&op("deploy"), &assignment(1, "1.4.0")).await.unwrap();
    let seen = settled(&host).await;
    assert!(
        seen.state == ReadyState::Failed && seen.evidence.contains("NO_INSTANCES"),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_named() {
    let world = World::in_memory(FakeConfig::default());
    let host = world.code_deploy();
    let fault = host.readiness(&op("readiness"), Slot::Blue).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("fixit-api/blue"), "{fault}");
    assert!(fault.request_id.is_some());
}
