//! The real binary, with each of its flags: what it says, what it ends with, and what it leaves behind.
//!
//! Each takes as long as the deployment that it watches, so two run side by side. What is asked is how
//! it ends and what the clients have lost, never how fast it was.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const LONGEST: Duration = Duration::from_mins(4);

/// Two at a time: each is a whole world under load.
static TURN: Semaphore = Semaphore::const_new(2);

/// Ends with the future that holds it, also when a test fails.
fn quickstart(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command.args(flags).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What it says with `--json`, and its status.
async fn summary(flags: &[&str]) -> (Value, Option<i32>) {
    let _turn = TURN.acquire().await;
    let output = quickstart(flags).arg("--json").output();
    let output = timeout(LONGEST, output)
        .await
        .expect("it ends")
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = serde_json::from_str(&said).unwrap_or_else(|error| {
        panic!("{error} in {said:?}; {}", String::from_utf8_lossy(&output.stderr));
    });
    (summary, output.status.code())
}

fn phases(summary: &Value) -> Vec<&str> {
    let phases = summary["phases"].as_array().expect("a list");
    phases.iter().filter_map(|time| time["phase"].as_str()).collect()
}

#[tokio::test]
async fn a_good_release_gets_all_traffic_and_no_request_fails() {
    let (summary, status) = summary(&[]).await;
    assert_eq!(status, Some(0), "{summary:#}");
    assert_eq!(summary["outcome"], "promoted");
    assert_eq!(summary["failed"], 0);
    for slot in ["blue", "green"] {
        assert!(
            summary["slots"][slot]["requests"].as_u64() > Some(100),
            "{summary:#}"
        );
        assert_eq!(summary["slots"][slot]["failed"], 0);
    }
    assert!(summary["cutover_ms"].is_u64());
    assert!(
        summary["contract"]
            .as_str()
            .is_some_and(|why| why.contains("blue") && why.contains("kept")),
        "{summary:#}"
    );
    assert!(summary["rollback_ms"].is_null());
    assert_eq!(
        phases(&summary).iter().filter(|phase| **phase == "bake").count(),
        4
    );
}

#[tokio::test]
async fn a_bad_release_is_taken_back_by_itself_and_only_its_own_answers_fail() {
    let (summary, status) = summary(&["--bad-release"]).await;
    assert_eq!(status, Some(0), "{summary:#}");
    assert_eq!(summary["outcome"], "rolled_back");
    assert!(summary["failed_by_release"].as_u64() > Some(0));
    assert_eq!(summary["failed"], summary["failed_by_release"]);
    assert_eq!(summary["lost"], 0);
    assert_eq!(summary["slots"]["blue"]["failed"], 0);
    assert!(summary["rollback_ms"].is_u64());
    assert!(
        summary["reason"]
            .as_str()
            .is_some_and(|why| why.contains("errors has failed (watched") && why.contains("worse than live"))
    );
    assert!(!phases(&summary).contains(&"soak"), "{summary:#}");
}

#[tokio::test]
async fn a_deployer_that_is_killed_goes_on_where_it_was_and_no_request_fails() {
    let (summary, status) = summary(&["--kill"]).await;
    assert_eq!(status, Some(0), "{summary:#}");
    assert_eq!(summary["outcome"], "promoted");
    assert_eq!(summary["kills"], 1);
    assert!(summary["seed"].is_u64());
    assert_eq!(summary["failed"], 0);
    assert_eq!(
        phases(&summary).iter().filter(|phase| **phase == "bake").count(),
        4
    );
}

#[tokio::test]
async fn clients_of_a_lossy_switch_notice() {
    let (summary, status) = summary(&["--lossy"]).await;
    assert_eq!(status, Some(1), "{summary:#}");
    assert!(summary["lost"].as_u64() > Some(0), "{summary:#}");
    assert_eq!(summary["failed"], summary["lost"]);
}

#[tokio::test]
async fn without_a_terminal_each_event_is_a_line() {
    let _turn = TURN.acquire().await;
    let output = timeout(LONGEST, quickstart(&["--bad-release"]).output());
    let output = output.await.expect("it ends").expect("it starts");
    let said = String::from_utf8(output.stdout).expect("text");
    for part in ["preflight passed", "analysis failed", "rollback", "Next, with"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains('\x1b'), "{said}");
}

/// The processes with this text on their command line.
fn processes_with(text: &str) -> usize {
    let lines = fs::read_dir("/proc").into_iter().flatten().flatten();
    lines
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(text))
        .count()
}

async fn until_the_first_step(started: &mut Child) {
    let said = started.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(said).lines();
    while let Some(line) = lines.next_line().await.expect("text") {
        if line.contains("5 %  ") {
            return;
        }
    }
    panic!("it ended before its first step");
}

/// Ends it on its way, and waits until its deployer is gone too.
async fn stop_with(signal: &str, folder: &Path) {
    let mut started = quickstart(&["--kill"])
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until_the_first_step(&mut started).await;
    let own = folder.to_str().expect("text");
    let id = started.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([signal, &id]).status().await;
    assert!(sent.is_ok_and(|sent| sent.success()));
    started.wait().await.expect("it ends");
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while processes_with(own) > 0 {
        tick.tick().await;
    }
}

#[tokio::test]
async fn whatever_ends_it_ends_its_deployer_too() {
    let _turn = TURN.acquire().await;
    for signal in ["-INT", "-TERM", "-KILL"] {
        let folder = tempfile::tempdir().expect("a folder");
        timeout(LONGEST, stop_with(signal, folder.path()))
            .await
            .expect(signal);
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        // Whoever is killed cannot clean up.
        assert!(
            left == 0 || signal == "-KILL",
            "{left} files are left after {signal}"
        );
    }
}
