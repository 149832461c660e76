//! What DNS at DigitalOcean does to the careless, each with the test that the router is not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Decides, FaultKind, Granularity, Router, Slot, Split, Verification};
use bluegreen_digitalocean::{Client, DnsRouter, PerSlot, Record};
use bluegreen_testkit::digitalocean::{FakeConfig, FakeDigitalOcean};
use common::{Leaping, op};
use serde_json::json;

const GREEN: Split = Split::all(Slot::Green);

async fn cloud() -> (FakeDigitalOcean, u64, Client) {
    let cloud = FakeDigitalOcean::start(FakeConfig::default()).await.unwrap();
    let id = cloud.add_record(
        "example.com",
        &json!({"type": "A", "name": "shop", "data": "10.0.0.1", "ttl": 1800}),
    );
    let client = Client::at(&cloud.url(), cloud.token().to_owned()).unwrap();
    (cloud, id, client)
}

fn addresses() -> Record {
    Record::A(PerSlot::new(
        "10.0.0.1".parse().unwrap(),
        "10.0.0.2".parse().unwrap(),
    ))
}

#[tokio::test]
async fn a_patch_of_a_record_carries_its_type() {
    let (cloud, id, client) = cloud().await;
    let router = DnsRouter::new(client, "example.com", id, addresses()).unwrap();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    let patches: Vec<_> = cloud
        .requests()
        .into_iter()
        .filter(|asked| asked.method == "PATCH")
        .collect();
    assert_eq!(patches[0].body, json!({"type": "A", "ttl": 30}));
    assert_eq!(patches[1].body, json!({"type": "A", "data": "10.0.0.2"}));
    assert!(patches.iter().all(|asked| asked.status == 200));
    // Without it the service refuses.
    let url = format!("{}/v2/domains/example.com/records/{id}", cloud.url());
    let bare = reqwest::Client::new()
        .patch(url)
        .bearer_auth(cloud.token())
        .json(&json!({"data": "10.0.0.1"}));
    assert_eq!(bare.send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn the_old_time_to_live_is_waited_out_and_no_switch_is_called_instant() {
    let (_cloud, id, client) = cloud().await;
    let clock = Arc::new(Leaping::default());
    let router = DnsRouter::new(client.clock(clock.clone()), "example.com", id, addresses()).unwrap();
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.shift(&op(2), GREEN).await.unwrap();
    // The old 1800 s count, not the new 30.
    for leap in [0, 1_500] {
        clock.leap(Duration::from_secs(leap));
        let answer = router.verify(&op(3), GREEN).await.unwrap();
        assert!(
            matches!(&answer, Verification::NotYet { why } if why.contains("resolvers")),
            "{answer:?}"
        );
    }
    clock.leap(Duration::from_secs(400));
    let answer = router.verify(&op(3), GREEN).await.unwrap();
    assert!(matches!(answer, Verification::Live { .. }), "{answer:?}");
    let capabilities = router.capabilities();
    assert_eq!(capabilities.decides, Decides::PerResolver);
    assert_eq!(capabilities.granularity, Granularity::AllOrNothing);
    assert!(capabilities.cost.contains("not instant") && capabilities.instead.contains("no weights"));
}

#[tokio::test]
async fn other_types_of_record_are_switched_as_they_are_written() {
    let (cloud, _, client) = cloud().await;
    let six = Record::Aaaa(PerSlot::new(
        "2001:db8::1".parse().unwrap(),
        "2001:db8::2".parse().unwrap(),
    ));
    let names = Record::Cname(PerSlot::new(
        "blue.example.net".into(),
        "Green.example.net.".into(),
    ));
    for (record, before, after) in [
        (six, "2001:0db8:0:0::1", "2001:db8::2"),
        (names, "blue.example.net", "Green.example.net"),
    ] {
        let kind = if before.contains(':') { "AAAA" } else { "CNAME" };
        let id = cloud.add_record(
            "example.com",
            &json!({"type": kind, "name": "shop", "data": before, "ttl": 30}),
        );
        let router = DnsRouter::new(client.clone(), "example.com", id, record).unwrap();
        assert_eq!(
            router.observe(&op(1)).await.unwrap().split,
            Split::all(Slot::Blue)
        );
        router.shift(&op(1), GREEN).await.unwrap();
        assert_eq!(cloud.record("example.com", id)["data"], after);
        assert_eq!(router.observe(&op(1)).await.unwrap().split, GREEN);
    }
}

#[tokio::test]
async fn a_record_of_another_type_or_of_somebody_else_is_refused() {
    let (cloud, id, client) = cloud().await;
    let names = Record::Cname(PerSlot::new("a.example.net".into(), "b.example.net".into()));
    let router = DnsRouter::new(client.clone(), "example.com", id, names).unwrap();
    assert_eq!(
        router.observe(&op(1)).await.unwrap_err().kind,
        FaultKind::Rejected
    );
    cloud.set_record_by_hand("example.com", id, "data", json!("192.0.2.7"));
    let router = DnsRouter::new(client.clone(), "example.com", id, addresses()).unwrap();
    for answer in [
        router.observe(&op(1)).await.map(drop),
        router.shift(&op(1), GREEN).await,
    ] {
        assert_eq!(answer.unwrap_err().kind, FaultKind::Rejected);
    }
    let same = Record::A(PerSlot::new(
        "10.0.0.1".parse().unwrap(),
        "10.0.0.1".parse().unwrap(),
    ));
    assert!(DnsRouter::new(client, "example.com", id, same).is_err());
}
