//! `kill -9` for the deployer, in small. The program itself kills as often as it is told:
//! `cargo run --release --bin kill-nginx`.

use std::path::Path;
use std::process::{Command, Output};

use bluegreen_bench::private;
use serde_json::Value;

/// Runs the program with its folders in a folder.
#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn kill_nginx(folder: &Path, arguments: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_kill-nginx"))
        .args(["--json", "--lanes", "2", "--rate", "400"])
        .args(arguments)
        .env("TMPDIR", folder)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, report)
}

#[test]
#[ignore = "needs nginx"]
fn a_deployer_that_is_killed_on_real_nginx_loses_no_request_and_its_record_tells_the_truth() {
    let (output, report) = kill_nginx(&std::env::temp_dir(), &["--kills", "16"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(report["seen"]["failed"], 0, "{report}");
    assert!(report["kills"].as_u64().unwrap() >= 16, "{report}");
    assert!(report["seen"]["requests"].as_u64().unwrap() > 1_000, "{report}");
}

#[test]
#[ignore = "needs nginx"]
fn a_switch_that_is_wrong_on_purpose_is_noticed() {
    for (wrong, sign) in [
        ("early-retire", "client requests failed"),
        ("lossy-reload", "client requests failed"),
        ("lying-router", "nginx-shop says"),
    ] {
        let folder = private::folder().unwrap();
        let (output, report) = kill_nginx(folder.path(), &["--kills", "2", "--break", wrong]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{wrong}: {told}");
        assert!(told.contains(sign), "{wrong}: {told}");
        let losses = report["seen"]["failed"].as_u64().unwrap();
        assert!(wrong == "lying-router" || losses > 0, "{wrong}: {report}");
        // What is needed to find the cause is kept.
        let kept = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(kept > 0 && told.contains("the record, are in"), "{wrong}: {told}");
    }
}
