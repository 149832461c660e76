//! Several nginx hosts, one router each; one of them behind a command.

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
use std::process::Command;
use std::sync::Arc;

use bluegreen_core::{FaultKind, InFlight, Router, Slot};
use bluegreen_nginx::{BucketRouter, CommandTransport, ReloadRouter};
use common::clients::slot;
use common::{Nginx, Setting, green, is_live, op, verify};

/// A command that joins its arguments and gives them to a shell, as ssh does.
fn ssh(nginx: &Nginx) -> Arc<CommandTransport> {
    let program = nginx.path("ssh");
    fs::write(&program, "#!/bin/sh\nshift\nexec sh -c \"$*\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Arc::new(CommandTransport::ssh([program.to_str().unwrap(), "web2"]))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn two_hosts_change_together_and_one_that_is_lost_is_told() {
    let (one, first) = Nginx::installed(Setting::default()).await;
    let two = Nginx::start(Setting {
        ip: "127.0.0.2".parse().unwrap(),
        ..Setting::default()
    })
    .await;
    let second = BucketRouter::new(two.config.clone(), ssh(&two))
        .unwrap()
        .named("web2");
    assert!(second.install(Some(Slot::Blue)).await.unwrap().reloaded);
    assert!(!second.install(None).await.unwrap().reloaded);
    let mode = fs::metadata(&two.config.http_include)
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    let routers: [&dyn Router; 2] = [&first, &second];
    assert_eq!(routers.map(Router::name), ["nginx-shop", "web2"]);
    for router in routers {
        router.stage(&op(1, 1), Slot::Green).await.unwrap();
    }
    for (seq, percent) in [(2, "10%"), (3, "100%")] {
        for router in routers {
            router.shift(&op(1, seq), green(percent)).await.unwrap();
        }
        for router in routers {
            assert!(is_live(&verify(router, green(percent)).await));
            assert_eq!(
                router.observe(&op(0, 0)).await.unwrap().token,
                Some(op(1, seq).token)
            );
            assert_eq!(
                router.in_flight(&op(0, 0), Slot::Blue).await.unwrap(),
                InFlight::None
            );
            assert_eq!(
                router.shift(&op(1, 1), green("0%")).await.unwrap_err().kind,
                FaultKind::Fenced
            );
        }
    }
    for nginx in [&one, &two] {
        assert_eq!(slot(&nginx.url("/")).await, "green");
    }
    drop(two);
    assert!(matches!(
        verify(&second, green("100%")).await,
        bluegreen_core::Verification::Unknown { .. }
    ));
    assert!(second.stage(&op(2, 1), Slot::Blue).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_reload_over_a_command_is_tested_confirmed_and_put_back() {
    let nginx = Nginx::start(Setting::default()).await;
    let router = ReloadRouter::new(nginx.config.clone(), ssh(&nginx)).unwrap();
    assert!(router.install(Slot::Blue).await.unwrap().reloaded);
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert!(is_live(&verify(&router, green("100%")).await));
    let before = fs::read(&nginx.config.http_include).unwrap();
    nginx.edit("worker_connections", "worker_disconnections");
    let fault = router.shift(&op(1, 2), green("50%")).await.unwrap_err();
    assert!(fault.to_string().contains("unknown directive"), "{fault}");
    assert!(fs::read(&nginx.config.http_include).unwrap() == before);
    assert_eq!(slot(&nginx.url("/")).await, "green");
}

/// A file system of a few files, unmounted on drop. None where it may not be mounted.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(path: std::path::PathBuf, files: usize) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let options = format!("size=64k,nr_inodes={files},mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(&path)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_full_disk_leaves_the_split_as_it_is() {
    let nginx = Nginx::start(Setting::default()).await;
    let Some(small) = Small::mount(nginx.config.directory.clone(), 60) else {
        eprintln!("skipped: a small file system may not be mounted here");
        return;
    };
    let routers = [
        nginx.router(),
        BucketRouter::new(nginx.config.clone(), ssh(&nginx)).unwrap(),
    ];
    routers[0].install(Some(Slot::Blue)).await.unwrap();
    routers[0].shift(&op(1, 1), green("10%")).await.unwrap();
    for (seq, router) in (2..).zip(&routers) {
        let fault = router.shift(&op(1, seq), green("100%")).await.unwrap_err();
        assert_eq!(
            fault.kind,
            FaultKind::Unavailable { retry_after: None },
            "{fault}"
        );
        assert!(fault.to_string().contains("No space left"), "{fault}");
        assert!(is_live(&verify(router, green("10%")).await));
        let left = fs::read_dir(&nginx.config.directory).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".tmp")
        });
        assert_eq!(left.count(), 0, "what was half written is removed");
    }
    drop(nginx);
    drop(small);
}
