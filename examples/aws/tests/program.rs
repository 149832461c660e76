//! The program: its demo, and the configurations that are shown.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bluegreen-aws"))
        .args(arguments)
        .env("USER", "tester")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_demo_carries_the_runbook_out_and_loses_no_request() {
    let output = program(&["demo"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "has no image with the tag 1.5.0",
        "php artisan migrate --force",
        "fixit-bluegreen-1-",
        "[flags] on for one customer in a hundred, with 1.4.0",
        "aws rds restore-db-instance-to-point-in-time",
        ", 0 failed.",
    ] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }
}

#[test]
fn what_is_shown_can_be_used() {
    for name in ["alb.toml", "route53.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let output = program(&["--config", path.to_str().unwrap(), "check"]);
        let said = said(&output);
        assert!(output.status.success(), "{name}: {said}");
        assert!(said.contains("The configuration is good"), "{name}: {said}");
    }
}

#[test]
fn the_policies_are_json() {
    for name in ["iam-policy.json", "iam-policy-route53.json"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let policy: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(policy["Statement"].is_array(), "{name}");
    }
}
