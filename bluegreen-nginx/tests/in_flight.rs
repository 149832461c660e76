//! Requests in flight, counted by nginx itself.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;

use bluegreen_core::{InFlight, Router, Slot};
use bluegreen_nginx::{BucketRouter, Counting};
use common::clients::{Raw, client, slot};
use common::{LOCATIONS, Nginx, Setting, green, local, op, pause};

async fn on(router: &BucketRouter, slot: Slot) -> InFlight {
    router.in_flight(&op(0, 0), slot).await.unwrap()
}

async fn until_none(router: &BucketRouter, slot: Slot) {
    for _ in 0..100 {
        if on(router, slot).await == InFlight::None {
            return;
        }
        pause(20).await;
    }
    panic!("requests stay in flight");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn waiting_requests_count_and_idle_connections_do_not() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    assert_eq!(on(&router, Slot::Blue).await, InFlight::None);
    let keep_alive = client();
    keep_alive
        .get(nginx.url("/"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(
        on(&router, Slot::Blue).await,
        InFlight::None,
        "an idle connection is no request"
    );
    let requests: Vec<_> = (0..12)
        .map(|_| tokio::spawn(keep_alive.get(nginx.url("/slow/1500")).send()))
        .collect();
    pause(500).await;
    assert_eq!(on(&router, Slot::Blue).await, InFlight::AtLeast(10));
    assert_eq!(on(&router, Slot::Green).await, InFlight::None);
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    until_none(&router, Slot::Blue).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_request_belongs_to_the_slot_of_its_beginning_also_after_a_switch() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    let mut upload = Raw::open(nginx.public).await;
    upload
        .send("POST /upload HTTP/1.1\r\nHost: shop\r\nContent-Length: 6\r\n\r\nabc")
        .await;
    let waiting = tokio::spawn(client().get(nginx.url("/slow/800")).send());
    pause(300).await;
    assert_eq!(
        nginx.blue.served.load(std::sync::atomic::Ordering::Relaxed),
        1,
        "the upload waits in nginx"
    );
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert_eq!(slot(&nginx.url("/")).await, "green");
    assert_eq!(on(&router, Slot::Blue).await, InFlight::AtLeast(2));
    assert!(
        waiting
            .await
            .unwrap()
            .unwrap()
            .text()
            .await
            .unwrap()
            .starts_with("blue")
    );
    assert_eq!(
        on(&router, Slot::Blue).await,
        InFlight::AtLeast(1),
        "the body has not come yet"
    );
    upload.send("def").await;
    upload.until("blue /upload 6").await;
    until_none(&router, Slot::Blue).await;
    // The same connection follows the switch with its next request.
    upload.send("GET /next HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    upload.until("green /next 0").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_websocket_counts_until_it_is_closed_and_survives_switches() {
    let mut setting = Setting::default();
    setting.server.push_str(
        "location /socket { proxy_pass http://$bluegreen_shop_web; proxy_http_version 1.1;
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }",
    );
    let (nginx, router) = Nginx::installed(setting).await;
    let mut socket = Raw::open(nginx.public).await;
    socket
        .send("GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    assert!(
        socket
            .until("\r\n\r\n")
            .await
            .to_lowercase()
            .contains("x-slot: blue")
    );
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    socket.send("still here").await;
    socket.until("still here").await;
    assert_eq!(on(&router, Slot::Blue).await, InFlight::AtLeast(1));
    drop(socket);
    until_none(&router, Slot::Blue).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn counting_leaves_other_limits_in_force_unless_dry_run_is_chosen() {
    for (counting, refused) in [(Counting::Limited, true), (Counting::DryRun, false)] {
        let http = "limit_conn_zone $server_addr zone=own:1m;".to_owned();
        let server = format!(
            "location /few {{ limit_conn own 1; limit_conn bluegreen_shop 65535; rewrite ^/few(/.*) $1 break; proxy_pass http://$bluegreen_shop_web; }} {LOCATIONS}"
        );
        let mut nginx = Nginx::start(Setting {
            http,
            server,
            ..Setting::default()
        })
        .await;
        nginx.config.counting = counting;
        let router = nginx.router();
        router.install(None).await.unwrap();
        let first = tokio::spawn(client().get(nginx.url("/few/slow/600")).send());
        pause(200).await;
        let second = client().get(nginx.url("/few/")).send().await.unwrap().status();
        assert_eq!(second == 503, refused, "{counting:?}");
        assert_eq!(
            on(&router, Slot::Blue).await,
            InFlight::AtLeast(1),
            "{counting:?}"
        );
        assert_eq!(first.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn install_warns_where_another_limit_hides_the_count() {
    let http = "limit_conn_zone $server_addr zone=own:1m;".to_owned();
    let server = format!("location /few {{ limit_conn own 1; }} {LOCATIONS}");
    let nginx = Nginx::start(Setting {
        http,
        server,
        ..Setting::default()
    })
    .await;
    let warnings = nginx.router().install(None).await.unwrap().warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("limit_conn bluegreen_shop 65535")),
        "{warnings:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn without_counting_nobody_claims_to_know() {
    let mut nginx = Nginx::start(Setting::default()).await;
    nginx.config.counting = Counting::Off;
    let router = BucketRouter::new(nginx.config.clone(), local()).unwrap();
    router.install(None).await.unwrap();
    assert_eq!(on(&router, Slot::Blue).await, InFlight::Unknown);
}
