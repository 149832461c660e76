//! The program: its demo, and the configurations that are shown.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bluegreen-digitalocean"))
        .args(arguments)
        .env("USER", "tester")
        .env("DIGITALOCEAN_TOKEN", "dop_v1_not_a_token")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_demo_loses_no_request_and_its_script_does() {
    let output = program(&["demo"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for part in [
        "nginx in front of both slots",
        ", 0 failed.",
        "cookies",
        "Sticky sessions are \"none\"",
    ] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }
}

#[test]
fn what_is_shown_can_be_used() {
    for name in ["app-platform.toml", "two-apps.toml", "droplets.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let output = program(&["--config", path.to_str().unwrap(), "check"]);
        let said = said(&output);
        assert!(output.status.success(), "{name}: {said}");
        assert!(said.contains("The configuration is good"), "{name}: {said}");
        assert!(!said.contains("dop_v1"), "{name}: {said}");
    }
}

#[test]
fn apps_behind_a_balancer_are_refused_and_what_works_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.toml");
    let shown = Path::new(env!("CARGO_MANIFEST_DIR")).join("app-platform.toml");
    let both = std::fs::read_to_string(shown).unwrap()
        + "[digitalocean.load_balancer]\nid = \"a\"\ntargets = { tag = { blue = \"a\", green = \"b\" } }\n";
    std::fs::write(&path, both).unwrap();
    let output = program(&["--config", path.to_str().unwrap(), "check"]);
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    for part in ["droplets", "one app with two components"] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }
}
