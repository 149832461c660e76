//! The client: what is sent, how often, and where to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use bluegreen_core::{FaultKind, Router, Slot, Split};
use bluegreen_digitalocean::{ApiError, Client};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::digitalocean::{Droplet, FakeConfig};
use common::{By, Shop, op};

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    let shop = Shop::with(By::Droplets, FakeConfig::default().page_most(3)).await;
    for _ in 0..20 {
        shop.cloud.add_droplet(Droplet::default());
    }
    shop.router().stage(&op(1), Slot::Green).await.unwrap();
    let pages = shop
        .cloud
        .requests()
        .iter()
        .filter(|asked| asked.path.starts_with("/v2/droplets"))
        .count();
    assert_eq!(pages, 28_usize.div_ceil(3));
}

#[tokio::test]
async fn what_is_left_of_the_rate_limit_is_kept_for_going_back() {
    let shop = Shop::with(By::Tag, FakeConfig::default().requests_an_hour(40)).await;
    let client = shop.client().keep_for_rollback(30);
    let router =
        bluegreen_digitalocean::LoadBalancerRouter::new(client, &shop.balancer, shop.targets.clone())
            .unwrap();
    let fault = loop {
        match router.stage(&op(1), Slot::Green).await {
            Ok(()) => {}
            Err(fault) => break fault,
        }
    };
    assert!(
        matches!(fault.kind, FaultKind::Unavailable { retry_after: Some(_) }),
        "{fault}"
    );
    let sent = shop.cloud.requests().len();
    assert!(
        (10..=12).contains(&sent),
        "{sent} were sent before the kept ones were touched"
    );
    // The way back is free: a shift and its confirmation.
    router.shift(&op(2), Split::all(Slot::Green)).await.unwrap();
    router.verify(&op(2), Split::all(Slot::Green)).await.unwrap();
}

#[tokio::test]
async fn a_burst_is_bounded_before_the_service_does_it() {
    let shop = Shop::open(By::Tag).await;
    let router = shop.router();
    let mut refused = 0;
    for _ in 0..100 {
        refused += u32::from(router.stage(&op(1), Slot::Green).await.is_err());
    }
    assert!(refused > 0, "100 times three requests in a minute");
    assert_eq!(shop.cloud.requests().len(), 225);
    router.observe(&op(2)).await.unwrap();
}

#[tokio::test]
async fn when_the_hour_is_used_up_the_reset_says_how_long_to_wait() {
    let shop = Shop::with(By::Tag, FakeConfig::default().requests_an_hour(1)).await;
    let router = shop.router();
    router.observe(&op(1)).await.unwrap();
    let fault = router.observe(&op(1)).await.unwrap_err();
    let FaultKind::Unavailable {
        retry_after: Some(wait),
    } = fault.kind
    else {
        panic!("{fault}")
    };
    assert!(wait > Duration::from_mins(55), "{wait:?}");
    assert!(fault.request_id.is_some());
}

#[tokio::test]
async fn a_request_is_sent_once_whatever_becomes_of_it() {
    let shop = Shop::open(By::Tag).await;
    for fault in [
        ProviderFault::Rejected,
        ProviderFault::Throttled {
            retry_after: Duration::from_secs(1),
        },
    ] {
        shop.cloud.disturb(Some(fault)).await.unwrap();
        let before = shop.cloud.requests().len();
        shop.router().observe(&op(1)).await.unwrap_err();
        assert_eq!(shop.cloud.requests().len() - before, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_call_ends_within_its_budget_and_a_read_that_did_not_end_changed_nothing() {
    let config = FakeConfig::default().call_takes(Duration::from_secs(20));
    let shop = Shop::with(By::Tag, config).await;
    let short = bluegreen_core::Op::new(op(1).token, "short", Duration::from_millis(200));
    let fault = shop.router().observe(&short).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(matches!(
        fault.source.unwrap().downcast_ref(),
        Some(ApiError::TimedOut(_))
    ));
}

#[tokio::test]
async fn the_service_is_told_who_asks() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0_u8; 4096];
        let count = stream.read(&mut request).await.unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    let client = Client::at(&format!("http://{address}"), "secret-token".to_owned()).unwrap();
    let targets =
        bluegreen_digitalocean::Targets::Tag(bluegreen_digitalocean::PerSlot::new("a".into(), "b".into()));
    let router = bluegreen_digitalocean::LoadBalancerRouter::new(client, "id", targets).unwrap();
    let fault = router.observe(&op(1)).await.unwrap_err();
    let heard = heard.await.unwrap();
    assert!(
        heard.starts_with("GET /v2/load_balancers/id HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(
        heard.contains("authorization: Bearer secret-token\r\n"),
        "{heard}"
    );
    assert!(heard.contains("user-agent: bluegreen-digitalocean/"), "{heard}");
    assert!(!fault.to_string().contains("secret-token"));
}

#[test]
fn a_token_is_not_sent_in_the_clear_nor_to_an_odd_address() {
    for address in [
        "http://api.digitalocean.com",
        "ftp://127.0.0.1",
        "https://me:secret@api.digitalocean.com",
        "https://api.digitalocean.com/v2",
        "api.digitalocean.com",
        "",
    ] {
        assert!(Client::at(address, "token".to_owned()).is_err(), "{address}");
    }
    for token in ["", " ", "a\nb"] {
        assert!(Client::new(token).is_err(), "{token:?}");
    }
}
