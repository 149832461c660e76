//! The bucket router on a real nginx.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use bluegreen_core::{FaultKind, Router, Slot, Split};
use common::clients::{count, slot, slot_with, text};
use common::{Nginx, SECRET, Setting, green, is_live, op, verify};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn install_gives_everything_to_the_live_slot_and_is_idempotent() {
    let nginx = Nginx::start(Setting::default()).await;
    let router = nginx.router();
    assert!(router.install(Some(Slot::Blue)).await.unwrap().reloaded);
    assert_eq!(slot(&nginx.url("/")).await, "blue");
    assert_eq!(
        router.observe(&op(0, 0)).await.unwrap().split,
        Split::all(Slot::Blue)
    );
    for live in [Some(Slot::Blue), None] {
        let again = router.install(live).await.unwrap();
        assert!(!again.reloaded);
        assert_eq!(again.warnings, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_shift_is_live_at_once_and_observed_through_nginx() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    router.stage(&op(1, 1), Slot::Green).await.unwrap();
    for (seq, split) in [
        (2, green("1%")),
        (3, green("50%")),
        (4, green("99%")),
        (5, green("100%")),
        (6, green("0%")),
    ] {
        router.shift(&op(1, seq), split).await.unwrap();
        assert!(
            is_live(&verify(&router, split).await),
            "{:?}",
            verify(&router, split).await
        );
        let observed = router.observe(&op(0, 0)).await.unwrap();
        assert_eq!(observed.split, split);
        assert_eq!(observed.token, Some(op(1, seq).token));
    }
    assert_eq!(slot(&nginx.url("/")).await, "blue");
    assert_eq!(nginx.reloads(), 1, "only the installation reloads");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn the_override_reaches_either_slot_whatever_the_split() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    for split in [green("0%"), green("100%")] {
        let seq = u64::from(split.share(Slot::Green).basis_points());
        router.shift(&op(1, seq), split).await.unwrap();
        for wanted in Slot::BOTH {
            let value = format!("{SECRET}.{wanted}");
            assert_eq!(
                slot_with(&nginx.url("/"), &[("X-Bluegreen", &value)]).await,
                wanted.as_str()
            );
        }
    }
    router.shift(&op(2, 1), green("0%")).await.unwrap();
    for wrong in [
        "wrong-secret-of-24-chars.green".to_owned(),
        format!("{}.green", SECRET.to_uppercase()),
        SECRET.to_owned(),
        "green".to_owned(),
    ] {
        assert_eq!(
            slot_with(&nginx.url("/"), &[("X-Bluegreen", &wrong)]).await,
            "blue",
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn an_older_token_is_fenced_and_a_repeated_one_is_not() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    router.shift(&op(2, 5), green("10%")).await.unwrap();
    router.shift(&op(2, 5), green("10%")).await.unwrap();
    for stale in [op(2, 4), op(1, 99)] {
        let fault = router.shift(&stale, green("100%")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Fenced, "{fault}");
        assert_eq!(
            router.stage(&stale, Slot::Green).await.unwrap_err().kind,
            FaultKind::Fenced
        );
    }
    let fault = router.shift(&op(2, 5), green("20%")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
    assert_eq!(router.observe(&op(0, 0)).await.unwrap().split, green("10%"));
    router.shift(&op(3, 0), green("20%")).await.unwrap();
    assert!(text(&nginx.url("/")).await.contains(" / 0"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_client_stays_on_its_side_while_the_weight_grows() {
    let http = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP;".to_owned();
    let setting = Setting {
        http,
        ..Setting::default()
    };
    let (nginx, router) = Nginx::installed(setting).await;
    let mut before = std::collections::BTreeSet::new();
    for (seq, percent) in [(1, "10%"), (2, "50%"), (3, "100%")] {
        router.shift(&op(1, seq), green(percent)).await.unwrap();
        let mut now = std::collections::BTreeSet::new();
        for client in 0..200 {
            let address = format!("10.0.{}.{}", client / 16, client % 16);
            if slot_with(&nginx.url("/"), &[("X-Real-IP", &address)]).await == "green" {
                now.insert(client);
            }
        }
        assert!(before.is_subset(&now), "{before:?} at {percent} became {now:?}");
        assert!(now.len() > before.len());
        before = now;
    }
    assert_eq!(before.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn the_share_of_a_key_from_a_header_is_near_its_weight() {
    let mut nginx = Nginx::start(Setting::default()).await;
    nginx.config.key = bluegreen_nginx::Key::Header {
        name: "X-Client".into(),
        fallback: bluegreen_nginx::FallbackKey::Address,
    };
    nginx.config.buckets = bluegreen_nginx::Buckets::Thousand;
    let router = nginx.router();
    router.install(None).await.unwrap();
    router.shift(&op(1, 1), green("20.5%")).await.unwrap();
    assert!(
        is_live(&verify(&router, green("20.5%")).await),
        "{:?}",
        verify(&router, green("20.5%")).await
    );
    let counts = count(&nginx.url("/"), "x-client", 1000).await;
    assert!((150..260).contains(&counts["green"]), "{counts:?}");
    let fault = router.shift(&op(1, 2), green("20.55%")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
}
