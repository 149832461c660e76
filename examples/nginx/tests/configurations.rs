//! The configurations that this folder shows are good ones, and the reference has everything.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_core::Plan;
use common::{program, run};
use serde_json::Value;

fn shown(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn what_is_shown_can_be_used() {
    for path in ["compose/bluegreen.toml", "systemd/bluegreen.toml"] {
        run(&mut program(&shown(path), &["check"]))
            .ended_with(0)
            .said(&["The configuration is good"]);
    }
}

#[test]
fn the_reference_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("override");
    fs::write(&secret, "a-secret-of-24-letters-x\n").unwrap();
    let text = fs::read_to_string(shown("reference.toml")).unwrap();
    let text = text.replace("/etc/bluegreen/shop.override", secret.to_str().unwrap());
    let config = folder.path().join("bluegreen.toml");
    fs::write(&config, text).unwrap();
    let mut command = program(&config, &["check"]);
    command
        .env("SHOP_API_TOKEN", "the token")
        .env("SHOP_HEALTH_KEY", "the key")
        .env("SHOP_SMOKE_PASSWORD", "the password");
    run(&mut command)
        .ended_with(0)
        .said(&["The configuration is good"]);
}

#[test]
fn the_reference_has_every_key_of_a_plan() {
    let text = fs::read_to_string(shown("reference.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let written = serde_json::to_value(&table["plan"]).unwrap();
    let read = Plan::from_value(written.clone()).unwrap();
    let mut left_out = Vec::new();
    compare(
        "plan",
        &written,
        &serde_json::to_value(&read).unwrap(),
        &mut left_out,
    );
    // Gates and commands are shown in full once, and in short elsewhere.
    left_out.retain(|path| !path.contains('['));
    assert_eq!(left_out, Vec::<String>::new());
}

fn compare(path: &str, written: &Value, read: &Value, left_out: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (key, read) in read {
                let path = format!("{path}.{key}");
                match written.get(key) {
                    Some(written) => compare(&path, written, read, left_out),
                    None => left_out.push(path),
                }
            }
        }
        (Value::Array(written), Value::Array(read)) => {
            for (index, (written, read)) in written.iter().zip(read).enumerate() {
                compare(&format!("{path}[{index}]"), written, read, left_out);
            }
        }
        _ => {}
    }
}
