//! Installation that goes wrong changes nothing.

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

use bluegreen_core::{FaultKind, Router, Slot, Split};
use bluegreen_nginx::{Buckets, Upstream};
use common::clients::{slot, text};
use common::{Nginx, SECRET, Setting, green, is_live, op, verify};

fn files(nginx: &Nginx) -> [Option<String>; 3] {
    [
        &nginx.config.http_include,
        &nginx.config.server_include,
        &nginx.split_path("installed"),
    ]
    .map(|path| fs::read_to_string(path).ok())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_configuration_that_nginx_refuses_is_put_back_with_its_words() {
    let (mut nginx, router) = Nginx::installed(Setting::default()).await;
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    let before = files(&nginx);
    nginx.config.upstreams = vec![Upstream::new("web", ["no-such-host.invalid:80"], ["127.0.0.1:9"])];
    let fault = nginx.router().install(None).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(
        fault.to_string().contains("host not found in upstream"),
        "{fault}"
    );
    assert!(
        !fault.to_string().contains(SECRET) && !format!("{fault:?}").contains(SECRET),
        "{fault:?}"
    );
    assert!(files(&nginx) == before);
    assert_eq!(slot(&nginx.url("/")).await, "green");
    assert_eq!(
        nginx.reloads(),
        1,
        "{}",
        nginx
            .error_log()
            .lines()
            .filter(|line| line.contains("HUP"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    // What runs is not what this configuration asks for, and everybody says so.
    let other = nginx.router();
    assert!(
        other
            .stage(&op(1, 2), Slot::Blue)
            .await
            .unwrap_err()
            .to_string()
            .contains("run install")
    );
    assert!(!is_live(&verify(&other, green("100%")).await));
    assert!(is_live(&verify(&router, green("100%")).await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_refused_first_installation_leaves_no_file() {
    let mut nginx = Nginx::start(Setting::default()).await;
    nginx.config.upstreams = vec![Upstream::new("web", ["no-such-host.invalid:80"], ["127.0.0.1:9"])];
    nginx.router().install(None).await.unwrap_err();
    assert_eq!(files(&nginx), [None, None, None]);
    assert_eq!(text(&nginx.url("/")).await, "before");
}

// A port that is taken passes `nginx -t` run by another user, and shows only when new workers do not come.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_port_that_is_taken_is_noticed_by_the_workers_that_do_not_come() {
    let (mut nginx, _) = Nginx::installed(Setting::default()).await;
    let before = files(&nginx);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nginx.config.control = taken.local_addr().unwrap();
    nginx.config.reload_timeout = Duration::from_secs(2);
    // `nginx -t` would bind the port and notice, so it is taken out of the way as a test without rights would be.
    let program = nginx.path("nginx-without-test");
    fs::write(
        &program,
        "#!/bin/sh\ncase \"$*\" in *\" -t\") exit 0;; esac\nexec nginx \"$@\"\n",
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    nginx.config.nginx[0] = program.display().to_string();
    let fault = nginx.router().install(None).await.unwrap_err();
    assert!(fault.to_string().contains("still take requests"), "{fault}");
    assert!(files(&nginx) == before);
    assert_eq!(slot(&nginx.url("/")).await, "blue");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_reload_that_nobody_confirmed_is_done_again() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    fs::remove_file(nginx.split_path("installed")).unwrap();
    assert!(router.install(None).await.unwrap().reloaded);
    assert!(!router.install(None).await.unwrap().reloaded);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn another_live_slot_is_rendered_only_when_it_is_named_and_true() {
    let (nginx, router) = Nginx::installed(Setting::default()).await;
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert!(
        !router.install(None).await.unwrap().reloaded,
        "the fall-back stays"
    );
    let fault = router.install(Some(Slot::Blue)).await.unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("blue was named as live, but the split is green 100%"),
        "{fault}"
    );
    assert!(router.install(Some(Slot::Green)).await.unwrap().reloaded);
    fs::remove_file(nginx.split_path("current")).unwrap();
    assert_eq!(slot(&nginx.url("/")).await, "green");
    // What is lost is written again as nginx uses it.
    router.install(None).await.unwrap();
    assert_eq!(
        router.observe(&op(0, 0)).await.unwrap().split,
        Split::all(Slot::Green)
    );
    assert!(nginx.split_path("current/sentinel").exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn another_number_of_buckets_moves_nobody() {
    let (mut nginx, router) = Nginx::installed(Setting::default()).await;
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    for buckets in [Buckets::Thousand, Buckets::Hundred] {
        nginx.config.buckets = buckets;
        let router = nginx.router();
        let url = nginx.url("/");
        let watch = tokio::spawn(async move {
            for _ in 0..60 {
                assert_eq!(slot(&url).await, "green");
                common::pause(10).await;
            }
        });
        assert!(router.install(None).await.unwrap().reloaded);
        watch.await.unwrap();
        assert!(
            is_live(&verify(&router, green("100%")).await),
            "{buckets:?}: {:?}",
            verify(&router, green("100%")).await
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn the_secret_is_in_a_file_for_its_owner_and_a_new_one_is_loaded() {
    let (mut nginx, _) = Nginx::installed(Setting::default()).await;
    let mode = fs::metadata(&nginx.config.http_include)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        !fs::read_to_string(&nginx.config.server_include)
            .unwrap()
            .contains(SECRET)
    );
    assert!(!format!("{:?}", nginx.router()).contains(SECRET));
    let new = "another-secret-of-some-length";
    nginx.config.override_ = Some(bluegreen_nginx::Override::cookie("preview", new.into()));
    assert!(nginx.router().install(None).await.unwrap().reloaded);
    let cookie = format!("preview={new}.green");
    assert_eq!(
        common::clients::slot_with(&nginx.url("/"), &[("cookie", &cookie)]).await,
        "green"
    );
    let old = format!("{SECRET}.green");
    assert_eq!(
        common::clients::slot_with(&nginx.url("/"), &[("X-Bluegreen", &old)]).await,
        "blue"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn without_a_running_nginx_nothing_is_left_behind() {
    let (mut nginx, _) = Nginx::installed(Setting::default()).await;
    let before = files(&nginx);
    nginx.config.pid_file = nginx.path("no.pid");
    nginx.config.buckets = Buckets::Thousand;
    let fault = nginx.router().install(None).await.unwrap_err();
    assert!(
        fault.to_string().contains("does not exist; does nginx run?"),
        "{fault}"
    );
    assert!(files(&nginx) == before);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_missing_include_in_the_server_is_told_with_its_remedy() {
    let nginx = Nginx::start(Setting::default()).await;
    let include = format!("include {};", nginx.config.server_include.display());
    nginx.edit(&include, "");
    let fault = nginx.router().install(None).await.unwrap_err();
    assert!(fault.to_string().contains("has to include"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn the_longest_names_need_no_further_settings() {
    let mut nginx = Nginx::start(Setting {
        server: "location / { return 200 x; }".to_owned(),
        ..Setting::default()
    })
    .await;
    nginx.config.name = "a_name_of_20_letters".to_owned();
    nginx.config.upstreams[0].name = "twelve_long_".to_owned();
    nginx.config.buckets = Buckets::Thousand;
    nginx.config.key = bluegreen_nginx::Key::Header {
        name: "X-Client".to_owned(),
        fallback: bluegreen_nginx::FallbackKey::RequestId,
    };
    nginx.router().install(None).await.unwrap();
}
