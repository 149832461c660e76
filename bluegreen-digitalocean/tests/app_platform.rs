//! What App Platform does to the careless, each with the test that the host and the router are not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{LeasePlan, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Assignment, Deployer, DeploymentId, FaultKind, Host, Plan, Readiness, ReadyState, Release, Router,
    ServiceName, Signed, Slot, Split, Timestamp, Verification, Version,
};
use bluegreen_testkit::digitalocean::Ends;
use bluegreen_testkit::load::{Kind, Load};
use common::apps::{Apps, version_in};
use common::{confirmed, op, pause, switch};
use serde_json::json;

fn assignment(number: u64, artifact: Option<&str>) -> Assignment {
    let release = Release::new(Version::new("2.0").unwrap());
    Assignment {
        slot: Slot::Green,
        release: match artifact {
            Some(artifact) => release.artifact(artifact),
            None => release,
        },
        deployment: DeploymentId::new(number, Timestamp::from_millis(1_700_000_000_000)),
    }
}

async fn ended(host: &impl Host) -> Readiness {
    loop {
        let seen = host.readiness(&op(9), Slot::Green).await.unwrap();
        if seen.state != ReadyState::Starting {
            return seen;
        }
        pause(5).await;
    }
}

fn changes(apps: &Apps) -> usize {
    apps.shop
        .requests()
        .iter()
        .filter(|asked| asked.method != "GET")
        .count()
}

#[tokio::test]
async fn a_deployment_is_begun_once_and_found_again_after_a_crash() {
    let apps = Apps::one_running().await;
    for _ in 0..3 {
        // Another process each time.
        apps.host().deploy(&op(1), &assignment(1, None)).await.unwrap();
    }
    assert_eq!(changes(&apps), 1);
    assert_eq!(ended(&apps.host()).await.state, ReadyState::Ready);
    apps.host().deploy(&op(2), &assignment(1, None)).await.unwrap();
    assert_eq!(changes(&apps), 1);
}

#[tokio::test]
async fn a_deploy_changes_one_component_and_nothing_else_in_the_spec() {
    let apps = Apps::one_running().await;
    let app = &apps.places.blue.app;
    let before = apps.shop.active_spec(app);
    apps.host()
        .deploy(&op(1), &assignment(1, Some("sha256:abc")))
        .await
        .unwrap();
    ended(&apps.host()).await;
    let mut after = apps.shop.active_spec(app);
    let green = &mut after["services"][2];
    assert_eq!(
        green["image"],
        json!({"registry_type": "DOCR", "repository": "shop", "digest": "sha256:abc"})
    );
    green["image"] = before["services"][2]["image"].clone();
    green["envs"].as_array_mut().unwrap().truncate(2);
    assert_eq!(before, after, "secrets, alerts, domains, the order of components");
}

#[tokio::test]
async fn error_canceled_and_superseded_are_told_apart_with_the_failed_step_and_the_end_of_the_logs() {
    for (ends, words) in [
        (
            Ends::Error,
            vec![
                "has failed",
                "step deploy",
                "DeployContainerHealthChecksFailed",
                "npm run build exited with 1",
            ],
        ),
        (Ends::Canceled, vec!["cancelled by somebody"]),
    ] {
        let apps = Apps::one_running().await;
        apps.shop.next_deployment_ends(&apps.places.green.app, ends);
        apps.host().deploy(&op(1), &assignment(1, None)).await.unwrap();
        let seen = ended(&apps.host()).await;
        assert_eq!(seen.state, ReadyState::Failed, "{seen:?}");
        for word in words {
            assert!(seen.evidence.contains(word), "{word}: {}", seen.evidence);
        }
    }
    // What is superseded goes on in the one that has superseded it.
    let apps = Apps::one_running().await;
    apps.host().deploy(&op(1), &assignment(1, None)).await.unwrap();
    apps.host().deploy(&op(2), &assignment(2, None)).await.unwrap();
    assert_eq!(ended(&apps.host()).await.state, ReadyState::Ready);
}

#[tokio::test]
async fn a_rollback_of_app_platform_pins_the_app_and_is_committed_or_reverted() {
    for commits in [true, false] {
        let apps = Apps::one_running().await;
        let (app, host) = (&apps.places.blue.app, apps.host());
        host.deploy(&op(1), &assignment(1, None)).await.unwrap();
        ended(&host).await;
        pin(&apps, app).await;
        let fault = host.deploy(&op(2), &assignment(2, None)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(fault.to_string().contains("commit or revert it"), "{fault}");
        let fault = apps.router().stage(&op(2), Slot::Green).await.unwrap_err();
        assert!(fault.to_string().contains("pinned"), "{fault}");
        for _ in 0..2 {
            if commits {
                host.commit_rollback(&op(3), Slot::Green).await.unwrap();
            } else {
                host.revert_rollback(&op(3), Slot::Green).await.unwrap();
            }
        }
        host.deploy(&op(4), &assignment(2, None)).await.unwrap();
        assert_eq!(ended(&host).await.state, ReadyState::Ready);
    }
}

/// Somebody rolls the app back in the console.
async fn pin(apps: &Apps, app: &str) {
    let client = reqwest::Client::new();
    let at = |path: &str| format!("{}/v2/apps/{app}/{path}", apps.shop.url());
    let all = client
        .get(at("deployments"))
        .bearer_auth(apps.shop.token())
        .send()
        .await
        .unwrap();
    let all: serde_json::Value = all.json().await.unwrap();
    let body = json!({"deployment_id": all["deployments"][1]["id"]});
    let answer = client
        .post(at("rollback"))
        .bearer_auth(apps.shop.token())
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    pause(60).await;
}

#[tokio::test]
async fn the_number_of_instances_is_told_and_a_standby_keeps_its_own() {
    let apps = Apps::one_running().await;
    let host = apps.host();
    host.deploy(&op(1), &assignment(1, None)).await.unwrap();
    assert_eq!(ended(&host).await.instances, Some(2));
    host.standby(&op(2), Slot::Green).await.unwrap();
    assert_eq!(ended(&host).await.instances, Some(1));
    assert!(
        host.live_url(&op(3), Slot::Green)
            .await
            .unwrap()
            .starts_with("https://")
    );
}

#[tokio::test]
async fn a_component_that_is_routed_to_is_not_retired() {
    let apps = Apps::one_running().await;
    let fault = apps.host().retire(&op(1), Slot::Blue).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
}

#[tokio::test]
async fn a_switch_of_the_routes_is_live_when_its_deployment_is_active_and_not_before() {
    let apps = Apps::one_running_for(Duration::from_millis(300)).await;
    let (router, green) = (apps.router(), Split::all(Slot::Green));
    router.shift(&op(1), green).await.unwrap();
    let answer = router.verify(&op(1), green).await.unwrap();
    assert!(
        matches!(&answer, Verification::NotYet { why } if why.contains("deployment")),
        "{answer:?}"
    );
    confirmed(&router, green).await;
    let spec = apps.shop.active_spec(&apps.places.blue.app);
    let rules = &spec["ingress"]["rules"];
    assert_eq!(
        rules[0]["component"],
        json!({"name": "api-green", "preserve_path_prefix": "true"})
    );
    assert_eq!(rules[1]["component"]["name"], "site");
    switch(&router, Split::all(Slot::Blue)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_deployment_in_one_app_loses_no_request() {
    let apps = Apps::one_running().await;
    let service = ServiceName::new("shop").unwrap();
    let plan = Plan::builder(service.clone())
        .step(Step::new("100%".parse().unwrap(), Duration::from_millis(20)))
        .soak(Duration::from_millis(20))
        .lease(LeasePlan {
            ttl: Duration::from_secs(20),
            poll: Duration::from_millis(50),
            call: Duration::from_secs(4),
        })
        .build()
        .unwrap();
    let deployer = Deployer::builder(service)
        .store(MemoryStore::new())
        .router(apps.router())
        .host(apps.host())
        .build()
        .unwrap();
    let load = Load::new(apps.shop.entry(&apps.places.blue.app).unwrap())
        .rate(100)
        .kinds([Kind::KeepAlive, Kind::Fresh])
        .start();
    let release = Release::new(Version::new("2.0").unwrap());
    let report = deployer
        .deploy(&plan, release, Signed::new("ada", "a test"))
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    let spec = apps.shop.active_spec(&apps.places.blue.app);
    assert_eq!(version_in(&spec, "api-green").unwrap().as_str(), "2.0");
    let report = deployer
        .rollback(Signed::new("ada", "orders are missing"))
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    let seen = load.stop().await;
    assert_eq!(seen.failed(), 0, "{seen}");
}

/// What an app shows is the spec that it was sent, also when its deployment has failed.
#[tokio::test]
async fn a_switch_whose_deployment_has_failed_is_begun_once_more() {
    let apps = Apps::one_running().await;
    let router = apps.router();
    let green = Split::all(Slot::Green);
    apps.shop.next_deployment_ends(&apps.places.blue.app, Ends::Error);
    router.shift(&op(1), green).await.unwrap();
    pause(60).await;
    assert_eq!(router.observe(&op(2)).await.unwrap().split, green);
    router.shift(&op(3), green).await.unwrap();
    confirmed(&router, green).await;
    assert_eq!(changes(&apps), 2);
}

#[tokio::test]
async fn a_stop_whose_deployment_has_failed_is_begun_once_more() {
    let apps = Apps::one_running().await;
    let host = apps.host();
    apps.shop
        .next_deployment_ends(&apps.places.green.app, Ends::Error);
    let fault = host.retire(&op(1), Slot::Green).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
    host.retire(&op(2), Slot::Green).await.unwrap();
    assert_eq!(ended(&host).await.state, ReadyState::Stopped);
}
