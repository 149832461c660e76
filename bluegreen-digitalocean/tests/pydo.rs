//! The fake, driven by a client that nobody here wrote: DigitalOcean's own, for Python.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bluegreen_testkit::digitalocean::FakeConfig;
use common::apps::service;
use common::{By, Shop};
use serde_json::json;

/// Where `make setup` puts it.
fn python() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/pydo/bin/python");
    std::env::var_os("BLUEGREEN_PYDO_PYTHON").map_or_else(|| beside.into(), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs pydo"]
async fn digitaloceans_own_client_finds_what_it_expects() {
    let config = FakeConfig::default().active_after(std::time::Duration::from_millis(500));
    let shop = Shop::with(By::Tag, config).await;
    let spec = json!({"name": "shop", "region": "nyc", "services": [service("api-blue")]});
    let app = shop.cloud.add_app(spec).await.unwrap();
    let fields = json!({"type": "A", "name": "shop", "data": "10.0.0.1", "ttl": 1800});
    let record = shop.cloud.add_record("example.com", &fields);
    let there = json!({"balancer": shop.balancer, "app": app, "domain": "example.com", "record": record});

    let mut script = Command::new(python());
    script
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pydo/drive.py"))
        .args([&shop.cloud.url(), shop.cloud.token()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || {
        let mut child = script
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", script.get_program()));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(there.to_string().as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(shop.cloud.balancer(&shop.balancer)["tag"], "shop-green");
    assert_eq!(shop.cloud.record("example.com", record)["data"], "10.0.0.2");
}
