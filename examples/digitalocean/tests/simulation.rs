//! The simulation with the plugins of DigitalOcean: a small part of it with each run of the tests.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::process::Command;

use serde_json::Value;

fn simulated(arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulate-digitalocean"));
    let output = command.arg("--json").args(arguments).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.success(), told)
}

#[test]
fn no_promise_is_broken_in_a_few_hundred_deployments_with_requests_that_go_wrong() {
    let (well, told) = simulated(&["--deployments", "400", "--seed", "1"]);
    assert!(well, "{told}");
    let coverage = &told["summary"]["coverage"];
    assert!(coverage["deployments"].as_u64().unwrap() >= 400, "{told}");
    for fault in [
        "apply and lose the answer",
        "land late",
        "throttle",
        "taken, and fails later",
    ] {
        assert!(coverage["faults"][fault].as_u64().unwrap() > 0, "{fault}: {told}");
    }
    for place in [
        "before provider.change",
        "after provider.change",
        "after provider.read",
    ] {
        assert!(
            coverage["crash_points"][place].as_u64().unwrap() > 0,
            "{place}: {told}"
        );
    }
}

#[test]
fn the_simulation_finds_a_mistake_in_a_plugin() {
    for (mistake, what) in [
        ("rash", "a split is said to be live, and it is not"),
        ("half", "has lost a"),
        ("hasty", ""),
    ] {
        let (well, told) = simulated(&["--deployments", "4000", "--sabotage", mistake]);
        assert!(well, "{mistake} was not found: {told}");
        let found = told["summary"]["violation"]["what"].as_str().unwrap();
        assert!(found.contains(what), "{mistake}: {found}");
    }
}

#[test]
fn the_world_of_a_seed_is_shown_line_by_line() {
    let (well, told) = simulated(&["--replay", "7"]);
    let history = told["history"].as_str().unwrap();
    assert!(well && history.contains("takes effect shift to"), "{history}");
}
