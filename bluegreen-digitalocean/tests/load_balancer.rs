//! What DigitalOcean's load balancers do to the careless, each with the test that the router is not.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, FaultKind, Granularity, Router, Slot, Split, SystemClock, Verification};
use bluegreen_digitalocean::{Client, LoadBalancerRouter, PerSlot, Targets};
use bluegreen_testkit::digitalocean::{Droplet, FakeConfig};
use common::{By, Leaping, OTHER_PORT, PORT, Shop, confirmed, op, pause, settings, switch, the_rest};
use serde_json::json;

const GREEN: Split = Split::all(Slot::Green);
const BLUE: Split = Split::all(Slot::Blue);

/// What a mode may change.
fn its_own(by: By) -> &'static [&'static str] {
    match by {
        By::Ports => &["forwarding_rules", "health_check"],
        _ => &["tag", "droplet_ids"],
    }
}

#[tokio::test]
async fn a_put_resets_what_it_leaves_out_so_everything_is_sent() {
    for by in [By::Tag, By::Droplets, By::Ports, By::Ratio] {
        let shop = Shop::open(by).await;
        let before = the_rest(&shop.cloud.balancer(&shop.balancer), its_own(by));
        switch(&shop.router(), GREEN).await;
        let after = the_rest(&shop.cloud.balancer(&shop.balancer), its_own(by));
        assert_eq!(before, after, "{by:?}");
    }
}

#[tokio::test]
async fn the_fake_resets_what_a_put_leaves_out() {
    let shop = Shop::open(By::Tag).await;
    let half = json!({
        "name": "shop", "region": "nyc3", "tag": "shop-green",
        "forwarding_rules": settings()["forwarding_rules"],
    });
    put(&shop, half).await;
    let shown = shop.cloud.balancer(&shop.balancer);
    assert_eq!(shown["sticky_sessions"]["type"], "none");
    assert_eq!(shown["health_check"]["path"], "/");
    assert_eq!(shown["firewall"]["deny"], json!([]));
}

async fn put(shop: &Shop, body: serde_json::Value) -> u16 {
    let url = format!("{}/v2/load_balancers/{}", shop.cloud.url(), shop.balancer);
    let request = reqwest::Client::new()
        .put(url)
        .bearer_auth(shop.cloud.token())
        .json(&body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_get_sent_back_verbatim_is_refused_and_the_mapping_of_it_is_not() {
    let shop = Shop::open(By::Tag).await;
    let verbatim = shop.cloud.balancer(&shop.balancer);
    assert_eq!(put(&shop, verbatim).await, 422);
    shop.router().shift(&op(1), GREEN).await.unwrap();
    let sent = shop.cloud.requests().pop().unwrap().body;
    assert_eq!(sent["region"], "nyc3", "a slug, where a GET shows an object");
    assert_eq!(
        (&sent["tag"], sent.get("droplet_ids")),
        (&json!("shop-green"), None),
        "exactly one of both"
    );
}

#[tokio::test]
async fn settings_that_this_version_does_not_know_go_back_too() {
    let shop = Shop::open(By::Tag).await;
    shop.cloud.set_by_hand(&shop.balancer, |settings| {
        settings.insert("something_new".to_owned(), json!({"since": 2031}));
        settings["forwarding_rules"][0]["something_new"] = json!(true);
    });
    switch(&shop.router(), GREEN).await;
    let shown = shop.cloud.balancer(&shop.balancer);
    assert_eq!(shown["something_new"], json!({"since": 2031}));
    assert_eq!(shown["forwarding_rules"][0]["something_new"], true);
}

#[tokio::test]
async fn a_status_that_this_version_does_not_know_is_not_taken_for_active() {
    let shop = Shop::open(By::Tag).await;
    let strange = strange_status(&shop).await;
    let router = LoadBalancerRouter::new(strange, &shop.balancer, shop.targets.clone()).unwrap();
    assert_eq!(router.observe(&op(1)).await.unwrap().split, BLUE);
    let answer = router.verify(&op(1), BLUE).await.unwrap();
    assert!(matches!(answer, Verification::Unknown { .. }), "{answer:?}");
}

/// A server that shows the same balancer in another status.
async fn strange_status(shop: &Shop) -> Client {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut shown = shop.cloud.balancer(&shop.balancer);
    shown["status"] = json!("hibernating");
    let body = json!({ "load_balancer": shown }).to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for _ in 0..10 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0_u8; 4096]).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    Client::at(&format!("http://{address}"), "x".to_owned()).unwrap()
}

#[tokio::test]
async fn without_an_etag_a_lost_update_is_found_by_reading_again() {
    let shop = Shop::open(By::Tag).await;
    let router = shop.router();
    router.shift(&op(1), GREEN).await.unwrap();
    shop.cloud.set_by_hand(&shop.balancer, |settings| {
        settings.insert("firewall".to_owned(), json!({"deny": [], "allow": []}));
    });
    let answer = router.verify(&op(2), GREEN).await.unwrap();
    let Verification::Unknown { why } = answer else {
        panic!("{answer:?}")
    };
    assert!(why.contains("firewall"), "{why}");
}

#[tokio::test]
async fn once_a_split_was_live_other_settings_are_the_operators() {
    let shop = Shop::open(By::Tag).await;
    let router = shop.router();
    switch(&router, GREEN).await;
    shop.cloud.set_by_hand(&shop.balancer, |settings| {
        settings.insert("http_idle_timeout_seconds".to_owned(), json!(120));
    });
    confirmed(&router, GREEN).await;
    switch(&router, BLUE).await;
    assert_eq!(
        shop.cloud.balancer(&shop.balancer)["http_idle_timeout_seconds"],
        120
    );
}

#[tokio::test]
async fn apps_cannot_be_put_behind_a_balancer_and_what_works_is_named() {
    let shop = Shop::open(By::Tag).await;
    let tags = PerSlot::new("shop-blue".to_owned(), "app-of-app-platform".to_owned());
    let router = LoadBalancerRouter::new(shop.client(), &shop.balancer, Targets::Tag(tags)).unwrap();
    let fault = router.stage(&op(1), Slot::Green).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    for part in [
        "no droplet carries the tag",
        "App Platform",
        "one app with a component for each slot",
    ] {
        assert!(fault.to_string().contains(part), "{fault}");
    }
}

#[tokio::test]
async fn a_droplet_with_the_tags_of_both_slots_or_of_another_region_is_refused() {
    let shop = Shop::open(By::Tag).await;
    shop.cloud
        .add_droplet(Droplet::default().tag("shop-green").region("fra1"));
    let fault = shop.router().stage(&op(1), Slot::Green).await.unwrap_err();
    assert!(fault.to_string().contains("fra1"), "{fault}");
    shop.cloud
        .add_droplet(Droplet::default().tag("shop-green").tag("shop-blue"));
    let fault = shop.router().stage(&op(2), Slot::Green).await.unwrap_err();
    assert!(fault.to_string().contains("tags of both slots"), "{fault}");
}

#[tokio::test]
async fn there_are_no_weights_but_for_a_ratio_of_droplets() {
    for (by, granularity) in [
        (By::Tag, Granularity::AllOrNothing),
        (By::Droplets, Granularity::AllOrNothing),
        (By::Ports, Granularity::AllOrNothing),
        (By::Ratio, Granularity::Steps(4)),
    ] {
        let shop = Shop::open(by).await;
        assert_eq!(shop.router().capabilities().granularity, granularity);
        let five = Split::with(Slot::Green, "5%".parse().unwrap());
        let fault = shop.router().shift(&op(1), five).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(fault.to_string().contains("nginx in front"), "{fault}");
        assert_eq!(shop.changes(), 0);
    }
}

#[tokio::test]
async fn a_canary_of_one_droplet_in_four_gets_a_quarter() {
    let shop = Shop::open(By::Ratio).await;
    let quarter = Split::with(Slot::Green, "25%".parse().unwrap());
    switch(&shop.router(), quarter).await;
    let client = reqwest::Client::new();
    let mut green = 0;
    for _ in 0..40 {
        let answer = client.get(shop.entry()).send().await.unwrap();
        green += u32::from(answer.headers()["x-slot"] == "green");
    }
    assert!((8..=12).contains(&green), "{green} of 40");
}

#[tokio::test]
async fn a_change_is_not_live_before_the_balancer_is_active() {
    let config = FakeConfig::default().active_after(Duration::from_secs(2));
    let shop = Shop::with(By::Tag, config).await;
    let router = shop.router();
    router.shift(&op(1), GREEN).await.unwrap();
    let answer = router.verify(&op(1), GREEN).await.unwrap();
    assert!(
        matches!(&answer, Verification::NotYet { why } if why.contains("status new")),
        "{answer:?}"
    );
    confirmed(&router, GREEN).await;
}

#[tokio::test]
async fn a_change_that_ends_errored_is_not_live_and_can_be_taken_back() {
    let shop = Shop::open(By::Tag).await;
    let router = shop.router();
    shop.cloud.fail_next_change(&shop.balancer);
    router.shift(&op(1), GREEN).await.unwrap();
    let answer = router.verify(&op(1), GREEN).await.unwrap();
    assert!(
        matches!(&answer, Verification::NotYet { why } if why.contains("errored")),
        "{answer:?}"
    );
    switch(&router, BLUE).await;
    let fault = {
        shop.cloud.fail_next_change(&shop.balancer);
        router.shift(&op(2), GREEN).await.unwrap();
        router.stage(&op(3), Slot::Green).await.unwrap_err()
    };
    assert_eq!(fault.kind, FaultKind::Rejected);
}

/// What a balancer shows is what it was asked for, also when it could not take it over.
#[tokio::test]
async fn a_change_that_ended_in_errored_is_sent_again() {
    let shop = Shop::open(By::Tag).await;
    let router = shop.router();
    shop.cloud.fail_next_change(&shop.balancer);
    router.shift(&op(1), GREEN).await.unwrap();
    assert_eq!(router.observe(&op(2)).await.unwrap().split, GREEN);
    router.shift(&op(3), GREEN).await.unwrap();
    confirmed(&router, GREEN).await;
    assert_eq!(shop.changes(), 2);
}

/// The service refuses with 403 what comes while it takes over the last change.
#[tokio::test]
async fn a_busy_balancer_is_waited_for_and_is_no_missing_permission() {
    let config = FakeConfig::default().active_after(Duration::from_secs(2));
    let shop = Shop::with(By::Tag, config).await;
    let router = shop.router();
    router.shift(&op(1), GREEN).await.unwrap();
    router.shift(&op(2), BLUE).await.unwrap();
    assert_eq!(router.observe(&op(3)).await.unwrap().split, BLUE);
    let short = bluegreen_core::Op::new(op(4).token, "short", Duration::from_millis(60));
    let fault = router.shift(&short, GREEN).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
}

#[tokio::test]
async fn without_a_probe_the_health_checks_of_a_balancer_are_waited_out() {
    let shop = Shop::open(By::Tag).await;
    shop.cloud.set_by_hand(&shop.balancer, |settings| {
        // DigitalOcean's defaults: three checks, ten seconds apart.
        settings["health_check"]["check_interval_seconds"] = json!(10);
        settings["health_check"]["response_timeout_seconds"] = json!(5);
        settings["health_check"]["healthy_threshold"] = json!(3);
    });
    let clock = Arc::new(Leaping::default());
    let client = shop.client().clock(clock.clone());
    let router = LoadBalancerRouter::new(client, &shop.balancer, shop.targets.clone()).unwrap();
    router.shift(&op(1), GREEN).await.unwrap();
    while shop.cloud.balancer(&shop.balancer)["status"] != "active" {
        pause(2).await;
    }
    // They take 35 s.
    for leap in [0, 20] {
        clock.leap(Duration::from_secs(leap));
        let answer = router.verify(&op(2), GREEN).await.unwrap();
        assert!(
            matches!(&answer, Verification::NotYet { why } if why.contains("health checks")),
            "{answer:?}"
        );
    }
    clock.leap(Duration::from_secs(20));
    let answer = router.verify(&op(3), GREEN).await.unwrap();
    assert!(
        matches!(&answer, Verification::Live { evidence } if evidence.contains("was not asked")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_health_check_moves_with_the_ports_and_foreign_rules_do_not() {
    let shop = Shop::open(By::Ports).await;
    shop.cloud.set_by_hand(&shop.balancer, |settings| {
        settings["forwarding_rules"].as_array_mut().unwrap().push(json!({
            "entry_protocol": "tcp", "entry_port": 22, "target_protocol": "tcp", "target_port": 22,
        }));
    });
    switch(&shop.router(), GREEN).await;
    let shown = shop.cloud.balancer(&shop.balancer);
    let ports: Vec<_> = shown["forwarding_rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["target_port"])
        .collect();
    assert_eq!(ports, [&json!(OTHER_PORT), &json!(OTHER_PORT), &json!(22)]);
    assert_eq!(shown["health_check"]["port"], OTHER_PORT);
    switch(&shop.router(), BLUE).await;
    assert_eq!(shop.cloud.balancer(&shop.balancer)["health_check"]["port"], PORT);
}

#[tokio::test]
async fn a_rollback_is_three_calls_a_balancer_and_under_five_seconds_at_a_second_a_call() {
    let config = FakeConfig::default().call_takes(Duration::from_secs(1));
    let shop = Shop::with(By::Tag, config).await;
    let router = shop.router();
    switch(&router, GREEN).await;
    pause(100).await;
    let (before, clock) = (shop.cloud.requests().len(), SystemClock::new());
    switch(&router, BLUE).await;
    let took = clock.monotonic().0;
    assert_eq!(shop.cloud.requests().len() - before, 3);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn targets_that_cannot_be_told_apart_are_refused() {
    let tags = |blue: &str, green: &str| Targets::Tag(PerSlot::new(blue.to_owned(), green.to_owned()));
    for targets in [
        tags("", "shop"),
        tags("shop", "Shop"),
        Targets::Droplets(PerSlot::new(vec![1], vec![])),
        Targets::Droplets(PerSlot::new(vec![1, 2], vec![2])),
        Targets::DropletRatio(PerSlot::new(vec![1, 2], vec![3])),
        Targets::Ports(vec![]),
        Targets::Ports(vec![PerSlot::new(80, 80)]),
        Targets::Ports(vec![PerSlot::new(0, 80)]),
    ] {
        let client = Client::new("token").unwrap();
        assert!(
            LoadBalancerRouter::new(client, "id", targets.clone()).is_err(),
            "{targets:?}"
        );
    }
    let client = Client::new("token").unwrap();
    assert!(LoadBalancerRouter::new(client, "../apps", tags("a", "b")).is_err());
}
