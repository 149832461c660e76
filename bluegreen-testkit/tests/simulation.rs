//! The simulation of the driver: a few thousand worlds with each run of the tests.
//!
//! What a seed means changes with the generator, so no seeds are kept here: what the simulation has found
//! is reduced to a test of its own among those of the deployer.
#![cfg(feature = "simulation")]

use std::process::Command;

use bluegreen_testkit::invariants;
use bluegreen_testkit::simulation::{Simulation, fingerprint};

#[test]
fn no_promise_is_broken_in_a_few_thousand_worlds() {
    let simulation = Simulation {
        deployments: 6_000,
        seed: 1,
        threads: None,
    };
    let summary = simulation.run().unwrap();
    if let Some(violation) = summary.violation {
        panic!(
            "promise {}: {}\n{}",
            violation.promise, violation.what, violation.trace
        );
    }
    assert!(summary.coverage.deployments >= 6_000);
    assert!(summary.coverage.deaths > 500, "{:?}", summary.coverage.deaths);
}

#[test]
fn the_same_seed_gives_the_same_history_and_the_same_bytes_in_the_store() {
    for seed in 0..200 {
        let (history, digest) = fingerprint(seed).unwrap();
        assert_eq!(fingerprint(seed).unwrap(), (history, digest), "{seed}");
    }
}

#[test]
fn what_a_run_comes_to_does_not_depend_on_the_number_of_threads() {
    let run = |threads| {
        let simulation = Simulation {
            deployments: 500,
            seed: 7,
            threads: std::num::NonZero::new(threads),
        };
        serde_json::to_string(&simulation.run().unwrap()).unwrap()
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn each_promise_that_a_world_can_show_has_one_check() {
    let mut promises: Vec<_> = invariants::ALL
        .iter()
        .map(|invariant| invariant.promise)
        .collect();
    promises.sort_unstable();
    // The bytes (13) are compared above.
    assert_eq!(
        promises,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18]
    );
}

#[test]
fn a_run_that_is_to_be_whole_and_is_not_fails_and_says_what_is_missing() {
    let simulate = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulate"));
        command
            .args(["--deployments", "20", "--threads", "1"])
            .args(options);
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), told)
    };
    let (well, told) = simulate(&[]);
    assert!(
        well && told.contains("Transitions that were not made: "),
        "{told}"
    );
    let (well, told) = simulate(&["--whole"]);
    assert!(!well && told.contains("No promise was broken."), "{told}");
    let (well, told) = simulate(&["--whole", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(!well, "{told}");
    assert!(!told["missing_transitions"].as_array().unwrap().is_empty());
}
