//! The reload router on a real nginx.

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

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind, Fencing, InFlight, Router, Slot, Split};
use bluegreen_nginx::{FallbackKey, Key, ReloadRouter};
use common::clients::{client, count, slot, slot_with};
use common::{Nginx, SECRET, Setting, green, is_live, local, op, verify};

fn router(nginx: &Nginx) -> ReloadRouter {
    ReloadRouter::new(nginx.config.clone(), local()).unwrap()
}

async fn installed() -> (Nginx, ReloadRouter) {
    let mut nginx = Nginx::start(Setting::default()).await;
    nginx.config.key = Key::Header {
        name: "X-Client".to_owned(),
        fallback: FallbackKey::Address,
    };
    let router = router(&nginx);
    assert!(router.install(Slot::Blue).await.unwrap().reloaded);
    (nginx, router)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn each_split_is_confirmed_and_a_repeated_one_reloads_nothing() {
    let (nginx, router) = installed().await;
    assert!(!router.install(Slot::Blue).await.unwrap().reloaded);
    assert_eq!(slot(&nginx.url("/")).await, "blue");
    router.stage(&op(1, 1), Slot::Green).await.unwrap();
    let splits = ["0.01%", "20%", "99.99%", "100%", "0%"];
    for (seq, percent) in (2..).zip(splits) {
        let split = green(percent);
        router.shift(&op(1, seq), split).await.unwrap();
        router.shift(&op(1, seq), split).await.unwrap();
        assert!(
            is_live(&verify(&router, split).await),
            "{percent}: {:?}",
            verify(&router, split).await
        );
        assert!(!is_live(&verify(&router, green("7%")).await));
        let observed = router.observe(&op(0, 0)).await.unwrap();
        assert_eq!((observed.split, observed.token), (split, Some(op(1, seq).token)));
        if percent == "20%" {
            let counts = count(&nginx.url("/"), "x-client", 500).await;
            assert!((60..150).contains(&counts["green"]), "{counts:?}");
        }
    }
    assert_eq!(nginx.reloads(), 1 + splits.len());
    for wanted in Slot::BOTH {
        let value = format!("{SECRET}.{wanted}");
        assert_eq!(
            slot_with(&nginx.url("/"), &[("X-Bluegreen", &value)]).await,
            wanted.as_str()
        );
    }
    let capabilities = router.capabilities();
    assert_eq!(capabilities.fencing, Fencing::Token);
    assert!(capabilities.cost.contains("drops") || capabilities.cost.contains("dropped"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn an_older_token_is_fenced() {
    let (nginx, router) = installed().await;
    router.shift(&op(2, 5), green("100%")).await.unwrap();
    for stale in [op(2, 4), op(1, 9)] {
        assert_eq!(
            router.shift(&stale, green("0%")).await.unwrap_err().kind,
            FaultKind::Fenced
        );
        assert_eq!(
            router.stage(&stale, Slot::Blue).await.unwrap_err().kind,
            FaultKind::Fenced
        );
    }
    assert_eq!(slot(&nginx.url("/")).await, "green");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_reload_that_does_not_come_to_life_is_put_back_and_the_way_back_stays_open() {
    let (mut nginx, before) = installed().await;
    let untested = nginx.path("nginx-without-test");
    fs::write(
        &untested,
        "#!/bin/sh\ncase \"$*\" in *\" -t\") exit 0;; esac\nexec nginx \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&untested, fs::Permissions::from_mode(0o755)).unwrap();
    nginx.config.nginx[0] = untested.display().to_string();
    nginx.config.reload_timeout = Duration::from_secs(2);
    let router = router(&nginx);
    // A port that somebody else has: the master logs it, keeps the old workers, and `-s reload` says 0.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("listen {};", nginx.public);
    nginx.edit(
        &listen,
        &format!("{listen} listen {};", taken.local_addr().unwrap()),
    );
    let files =
        || [&nginx.config.http_include, &nginx.config.server_include].map(|path| fs::read(path).unwrap());
    let old = files();
    let fault: Fault = router.shift(&op(1, 1), green("50%")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("still take requests"), "{fault}");
    assert!(files() == old);
    assert_eq!(
        router.observe(&op(0, 0)).await.unwrap().split,
        Split::all(Slot::Blue)
    );
    router.shift(&op(1, 2), green("0%")).await.unwrap();
    assert!(
        is_live(&verify(&before, green("0%")).await),
        "what runs needs no reload"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_configuration_that_was_broken_by_others_stops_the_stage_and_the_shift() {
    let (nginx, router) = installed().await;
    nginx.edit("worker_connections", "worker_disconnections");
    for fault in [
        router.stage(&op(1, 1), Slot::Green).await.unwrap_err(),
        router.shift(&op(1, 2), green("50%")).await.unwrap_err(),
    ] {
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(fault.to_string().contains("unknown directive"), "{fault}");
    }
    assert_eq!(slot(&nginx.url("/")).await, "blue");
    assert!(is_live(&verify(&router, green("0%")).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn requests_in_flight_are_counted_over_a_reload() {
    let (nginx, router) = installed().await;
    let waiting = tokio::spawn(client().get(nginx.url("/slow/1500")).send());
    common::pause(200).await;
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert_eq!(
        router.in_flight(&op(0, 0), Slot::Blue).await.unwrap(),
        InFlight::AtLeast(1)
    );
    assert_eq!(
        router.in_flight(&op(0, 0), Slot::Green).await.unwrap(),
        InFlight::None
    );
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
    common::pause(50).await;
    assert_eq!(
        router.in_flight(&op(0, 0), Slot::Blue).await.unwrap(),
        InFlight::None
    );
}
