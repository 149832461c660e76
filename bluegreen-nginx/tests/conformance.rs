//! Both routers keep the contract of their port, on a real nginx: the suite of the test kit.

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
use std::path::Path;
use std::sync::Arc;

use bluegreen_core::{Op, Router, Slot, Split, Token};
use bluegreen_nginx::{BucketRouter, CommandTransport, FallbackKey, Key, NginxConfig, ReloadRouter};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::router::RouterSubject;
use common::clients::count;
use common::{Nginx, SECRET, Setting, is_live, local, op, pause, verify};
use tokio::sync::Mutex;

/// An nginx whose clients are told apart by a header.
async fn nginx() -> Nginx {
    let mut nginx = Nginx::start(Setting::default()).await;
    nginx.config.key = Key::Header {
        name: "X-Client".to_owned(),
        fallback: FallbackKey::Address,
    };
    nginx
}

/// What can be done around both routers.
fn around(router: impl Router + 'static, nginx: Nginx) -> RouterSubject {
    let url = nginx.url("/");
    let config = nginx.config.clone();
    let nginx = Arc::new(Mutex::new(nginx));
    let running = Arc::clone(&nginx);
    RouterSubject::new(router)
        .secret(SECRET)
        .traffic(async move |requests| {
            let counts = count(&url, "x-client", requests).await;
            let answered = counts.into_iter().flat_map(|(slot, count)| vec![slot; count]);
            answered.map(|slot| slot.parse().unwrap()).collect()
        })
        .foreign(async move || foreign(&config).await)
        .faults(async move |fault| match fault {
            None => {
                running.lock().await.start_again().await;
                true
            }
            Some(ProviderFault::Refused) => {
                running.lock().await.stop();
                true
            }
            Some(_) => false,
        })
        .guard(nginx)
}

/// Somebody else's configuration takes the place of ours: the site works, the control server says what
/// no router of ours understands.
async fn foreign(config: &NginxConfig) {
    let control = config.control;
    let http = format!(
        "map $uri $bluegreen_shop_web {{ default 127.0.0.1:1; }}\nserver {{ listen {control}; return 200 hello; }}\n"
    );
    fs::write(&config.http_include, http).unwrap();
    fs::write(&config.server_include, "").unwrap();
    let (program, arguments) = config.nginx.split_first().unwrap();
    let reload = std::process::Command::new(program)
        .args(arguments)
        .args(["-s", "reload"])
        .output()
        .unwrap();
    assert!(reload.status.success(), "{reload:?}");
    // For a moment old workers answer beside the new ones.
    let mut in_a_row = 0;
    for _ in 0..400 {
        let hello = common::clients::text(&format!("http://{control}/")).await == "hello";
        in_a_row = if hello { in_a_row + 1 } else { 0 };
        if in_a_row == 20 {
            return;
        }
        pause(10).await;
    }
    panic!("nginx did not take the foreign configuration");
}

mod buckets {
    use super::*;

    /// Somebody adds and removes markers in the folder that is current.
    fn edit(config: &NginxConfig, split: Split) {
        let current = config.directory.join("current");
        for bucket in 0..100 {
            let marker = current.join(format!("{bucket:02}"));
            let is_green = bucket * 100 < split.share(Slot::Green).basis_points();
            if is_green {
                fs::write(marker, "").unwrap();
            } else if marker.exists() {
                fs::remove_file(marker).unwrap();
            }
        }
    }

    bluegreen_testkit::router_conformance! {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs nginx"]
        async fn subject() -> RouterSubject {
            let nginx = nginx().await;
            let router = nginx.router();
            router.install(Some(Slot::Blue)).await.unwrap();
            let (config, again) = (nginx.config.clone(), nginx.router());
            around(router, nginx)
                .by_hand(async move |split| edit(&config, split))
                .again(async move || again.clone())
        }
    }
}

/// Runs what it is given, as ssh would on the other side; the file `connection` says how well.
fn connection(folder: &Path) -> String {
    let program = folder.join("reach");
    let script = format!(
        "#!/bin/sh
cd '{}' || exit 1
lost() {{ echo connection lost >&2; exit 255; }}
# Changes are made under a lock: env LC_ALL=C flock …
case \"$(cat connection 2>/dev/null),$3\" in
refused,*) lost;;
lost,flock) \"$@\" > /dev/null; lost;;
late,flock) cat > change; (sleep 0.2; \"$@\" < change) > /dev/null 2>&1 & lost;;
esac
exec \"$@\"
",
        folder.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

/// Lets that connection be so from now on; answers whether it can.
fn disturb(state: &Path, fault: Option<ProviderFault>) -> bool {
    let connection = match fault {
        None => "good",
        Some(ProviderFault::Refused) => "refused",
        Some(ProviderFault::LostAnswer) => "lost",
        Some(ProviderFault::LandsLate { .. }) => "late",
        Some(_) => return false,
    };
    fs::write(state, connection).unwrap();
    true
}

/// The same over a command such as ssh, whose connection can be refused, lost and slow.
mod buckets_by_command {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs nginx"]
        async fn subject() -> RouterSubject {
            let nginx = nginx().await;
            let reach = Arc::new(CommandTransport::exec([connection(nginx.folder.path())]));
            let router = BucketRouter::new(nginx.config.clone(), reach).unwrap();
            router.install(Some(Slot::Blue)).await.unwrap();
            let (again, state) = (router.clone(), nginx.path("connection"));
            around(router, nginx)
                .again(async move || again.clone())
                .faults(async move |fault| disturb(&state, fault))
        }
    }
}

mod reload {
    use super::*;

    /// Somebody sets another split and leaves no token.
    async fn edit(router: &ReloadRouter, config: &NginxConfig, split: Split) {
        let fence = config.directory.join("fence");
        let before = fs::read(&fence).ok();
        let token = Token {
            epoch: u64::MAX,
            seq: 0,
        };
        let op = Op::new(token, "by-hand", std::time::Duration::from_secs(20));
        router.shift(&op, split).await.unwrap();
        match before {
            Some(before) => fs::write(fence, before).unwrap(),
            None => fs::remove_file(fence).unwrap(),
        }
    }

    bluegreen_testkit::router_conformance! {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs nginx"]
        async fn subject() -> RouterSubject {
            let nginx = nginx().await;
            let router = ReloadRouter::new(nginx.config.clone(), local()).unwrap();
            router.install(Slot::Blue).await.unwrap();
            let (config, hand, again) = (nginx.config.clone(), router.clone(), router.clone());
            around(router, nginx)
                .by_hand(async move |split| edit(&hand, &config, split).await)
                .again(async move || again.clone())
        }
    }
}

mod reload_by_command {
    use super::*;

    bluegreen_testkit::router_conformance! {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs nginx"]
        async fn subject() -> RouterSubject {
            let nginx = nginx().await;
            let reach = Arc::new(CommandTransport::exec([connection(nginx.folder.path())]));
            let router = ReloadRouter::new(nginx.config.clone(), reach).unwrap();
            router.install(Slot::Blue).await.unwrap();
            let (again, state) = (router.clone(), nginx.path("connection"));
            around(router, nginx)
                .again(async move || again.clone())
                .faults(async move |fault| disturb(&state, fault))
        }
    }
}

/// What the case of a dropped shift met once under load, made to happen each time: the shift is dropped
/// while nginx is on its way to the new workers, and the one that goes back begins.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_reload_that_was_given_up_is_not_taken_for_the_one_that_goes_back() {
    let nginx = nginx().await;
    let router = ReloadRouter::new(nginx.config.clone(), local()).unwrap();
    router.install(Slot::Blue).await.unwrap();
    let (blue, green) = (Split::all(Slot::Blue), Split::all(Slot::Green));
    for round in 1..=5 {
        let reloads = nginx.reloads();
        let forth = op(round, 1);
        let given_up = async {
            while nginx.reloads() == reloads {
                pause(1).await;
            }
        };
        tokio::select! {
            ended = router.shift(&forth, green) => panic!("it ended before the reload: {ended:?}"),
            () = given_up => {}
        }
        router.shift(&op(round, 2), blue).await.unwrap();
        let seen = router.observe(&op(0, 0)).await.unwrap();
        assert_eq!(seen.split, blue, "round {round}");
        assert!(is_live(&verify(&router, blue).await), "round {round}");
        let counts = count(&nginx.url("/"), "x-client", 50).await;
        assert_eq!(counts.get("green"), None, "round {round}: {counts:?}");
    }
}

/// An older shift that was given up may still be writing when a newer one begins. What is on the disk then
/// is the newer one's, or the next reload by anybody (a certificate is renewed) would bring the older one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn what_an_older_shift_still_writes_is_not_left_for_the_next_reload() {
    let nginx = nginx().await;
    let router = ReloadRouter::new(nginx.config.clone(), local()).unwrap();
    router.install(Slot::Blue).await.unwrap();
    let installed = fs::read_to_string(&nginx.config.http_include).unwrap();
    for round in 1..=8 {
        let mut older = Box::pin({
            let router = router.clone();
            async move { router.shift(&op(round, 1), Split::all(Slot::Green)).await }
        });
        // Until it writes: its lock is held, and nothing of it can be seen yet.
        let lock = fs::File::open(nginx.split_path("lock")).unwrap();
        let given_up = async {
            while lock.try_lock().is_ok() {
                lock.unlock().unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            ended = &mut older => panic!("it ended before it wrote: {ended:?}"),
            () = given_up => {}
        }
        drop(older);
        router.shift(&op(round, 2), Split::all(Slot::Blue)).await.unwrap();
        let left = fs::read_to_string(&nginx.config.http_include).unwrap();
        assert!(
            left == installed,
            "round {round}: the files are not those of the newer shift"
        );
    }
}
