//! What nginx does, and what is said of it, when the folder is not as it was left.

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
use std::os::unix::fs::{PermissionsExt, symlink};

use bluegreen_core::{FaultKind, Router, Slot, Split, Verification};
use common::clients::slot;
use common::{Nginx, Setting, green, is_live, op, verify};

async fn installed_with_green_live() -> (Nginx, bluegreen_nginx::BucketRouter) {
    let nginx = Nginx::start(Setting::default()).await;
    let router = nginx.router();
    router.install(Some(Slot::Green)).await.unwrap();
    assert_eq!(slot(&nginx.url("/")).await, "green");
    (nginx, router)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_folder_that_cannot_be_seen_means_the_live_slot_of_the_installation() {
    let (nginx, router) = installed_with_green_live().await;
    router.shift(&op(1, 1), green("40%")).await.unwrap();
    let lost = |how: &str| {
        let base = nginx.split_path("");
        let folder = base.join(fs::read_link(nginx.split_path("current")).unwrap());
        match how {
            "the link is gone" => fs::remove_file(nginx.split_path("current")).unwrap(),
            "the sentinel is gone" => fs::remove_file(folder.join("sentinel")).unwrap(),
            "the folder is gone" => fs::remove_dir_all(folder).unwrap(),
            "not readable" => fs::set_permissions(base, fs::Permissions::from_mode(0o700)).unwrap(),
            other => panic!("{other}"),
        }
    };
    for (seq, how) in (2..).zip([
        "the link is gone",
        "the sentinel is gone",
        "the folder is gone",
        "not readable",
    ]) {
        if how == "not readable" && !nix::unistd::Uid::effective().is_root() {
            continue;
        }
        lost(how);
        assert_eq!(slot(&nginx.url("/")).await, "green", "{how}");
        let observed = router.observe(&op(0, 0)).await.unwrap();
        assert_eq!(observed.split, Split::all(Slot::Green), "{how}");
        assert!(
            observed.evidence.contains("does not see"),
            "{}",
            observed.evidence
        );
        assert!(!is_live(&verify(&router, green("40%")).await), "{how}");
        assert!(is_live(&verify(&router, green("100%")).await), "{how}");
        let fault = router.stage(&op(1, seq), Slot::Blue).await.unwrap_err();
        assert!(fault.to_string().contains("does not see"), "{fault}");
        if how == "not readable" {
            router.shift(&op(1, seq), green("0%")).await.unwrap();
            assert!(matches!(
                verify(&router, green("0%")).await,
                Verification::NotYet { .. }
            ));
        } else {
            router.shift(&op(1, seq), green("40%")).await.unwrap();
            assert!(is_live(&verify(&router, green("40%")).await), "{how}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn markers_edited_by_hand_are_observed_as_they_are_and_put_right_by_a_shift() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    router.shift(&op(1, 1), green("10%")).await.unwrap();
    fs::write(nginx.split_path("current/57"), "").unwrap();
    let observed = router.observe(&op(0, 0)).await.unwrap();
    assert_eq!(observed.split, green("11%"));
    assert!(
        observed.evidence.contains("somebody edited it"),
        "{}",
        observed.evidence
    );
    assert!(
        !is_live(&verify(&router, green("11%")).await),
        "other buckets than those of 11 %"
    );
    router.shift(&op(1, 1), green("10%")).await.unwrap();
    assert!(is_live(&verify(&router, green("10%")).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_link_that_somebody_else_made_is_observed_and_never_overwritten() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    let theirs = nginx.split_path("theirs");
    fs::create_dir(&theirs).unwrap();
    for name in ["sentinel", "00", "01"] {
        fs::write(theirs.join(name), "").unwrap();
    }
    let link = nginx.split_path("current");
    fs::remove_file(&link).unwrap();
    symlink("theirs", &link).unwrap();
    assert_eq!(router.observe(&op(0, 0)).await.unwrap().split, green("2%"));
    for operation in ["shift", "stage"] {
        let fault = match operation {
            "shift" => router.shift(&op(1, 1), green("100%")).await.unwrap_err(),
            _ => router.stage(&op(1, 1), Slot::Green).await.unwrap_err(),
        };
        assert_eq!(fault.kind, FaultKind::Rejected);
        assert!(fault.to_string().contains("it points to theirs"), "{fault}");
    }
    assert_eq!(router.observe(&op(0, 0)).await.unwrap().split, green("2%"));
    fs::remove_file(&link).unwrap();
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert_eq!(slot(&nginx.url("/")).await, "green");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_folder_left_half_written_is_no_hindrance_and_old_ones_are_pruned() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    fs::create_dir(nginx.split_path("gen-2.tmp")).unwrap();
    fs::write(nginx.split_path("gen-2.tmp/00"), "").unwrap();
    symlink("gen-2.tmp", nginx.split_path("current.tmp")).unwrap();
    for seq in 1..=12 {
        router
            .shift(&op(1, seq), green(if seq % 2 == 0 { "10%" } else { "20%" }))
            .await
            .unwrap();
    }
    let folders: Vec<String> = fs::read_dir(nginx.split_path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("gen-"))
        .collect();
    assert!((2..=6).contains(&folders.len()), "{folders:?}");
    assert!(folders.iter().all(|name| !name.contains("tmp")), "{folders:?}");
    assert!(is_live(&verify(&router, green("10%")).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_cache_of_open_files_for_all_servers_delays_nothing() {
    let setting = Setting {
        http: "open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s; open_file_cache_errors on; disable_symlinks on;".to_owned(),
        ..Setting::default()
    };
    let (nginx, router) = Nginx::installed(setting).await;
    for seq in 1..=10 {
        let split = green(if seq % 2 == 0 { "0%" } else { "100%" });
        router.shift(&op(1, seq), split).await.unwrap();
        for _ in 0..8 {
            assert_eq!(slot(&nginx.url("/")).await, split.only().unwrap().as_str());
        }
        assert!(is_live(&verify(&router, split).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_control_server_that_does_not_answer_is_no_success() {
    let (mut nginx, _) = Nginx::installed(Setting::default()).await;
    nginx.config.control = common::free(nginx.public.ip());
    let router = nginx.router();
    assert!(matches!(
        verify(&router, green("0%")).await,
        Verification::Unknown { .. }
    ));
    let fault = router.observe(&op(0, 0)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable { retry_after: None });
    assert!(router.in_flight(&op(0, 0), Slot::Blue).await.is_err());
    // Another server that answers there is no control server of ours.
    nginx.config.control = nginx.blue.address;
    let router = nginx.router();
    assert!(matches!(
        verify(&router, green("0%")).await,
        Verification::Unknown { .. }
    ));
    assert_eq!(
        router.observe(&op(0, 0)).await.unwrap_err().kind,
        FaultKind::Rejected
    );
    assert_eq!(
        router.in_flight(&op(0, 0), Slot::Blue).await.unwrap_err().kind,
        FaultKind::Rejected
    );
}
