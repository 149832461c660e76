//! The whole path: the real program, a real nginx, real services, and deaths in the middle.

mod common;

use std::process::Command;

use common::second::Second;
use common::{PROGRAM, World, run};
use nix::sys::signal::{Signal, kill};

#[test]
#[ignore = "needs nginx"]
fn the_demo_loses_no_request() {
    run(Command::new(PROGRAM).arg("demo")).ended_with(0).said(&[
        "promoted",
        "rolled back",
        "No request failed",
        "Everything that the demo started is stopped",
    ]);
}

#[test]
#[ignore = "needs nginx"]
fn at_the_first_time_somebody_has_to_say_which_slot_is_live() {
    let world = World::not_installed();
    let refused = world.run(&["init"]);
    assert_ne!(refused.code, Some(0));
    refused.said(&["init --live blue"]);
    world.run(&["init", "--live", "green"]).ended_with(0);
    world.run(&["status"]).ended_with(0).said(&["green 100%"]);
    // What is installed knows who is live.
    world.run(&["init"]).ended_with(0);
}

#[test]
#[ignore = "needs nginx"]
fn a_second_deployment_is_told_who_is_at_work_and_the_first_is_aborted_by_ctrl_c() {
    let world = World::start();
    world.edit("bake = \"4s\"", "bake = \"2m\"");
    let first = world.until(&["--by", "first", "deploy", "2.0.0"], "bake (step 1");

    world
        .run(&["--by", "second", "deploy", "3.0.0"])
        .ended_with(3)
        .said(&["first, pid", "has been at work since", "in phase bake"]);
    let ran = world.run(&["status", "--json"]).ended_with(0);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        object["status"]["holder"][0]
            .as_str()
            .unwrap()
            .starts_with("first"),
        "{object}"
    );

    kill(first.pid(), Signal::SIGINT).unwrap();
    first
        .finished()
        .ended_with(130)
        .said(&["asking for an abort", "first asks to stop", "rolled back"]);
    world
        .run(&["status"])
        .ended_with(0)
        .said(&["router nginx-shop: blue 100%", "nothing is open"]);
}

#[test]
#[ignore = "needs nginx"]
fn a_second_ctrl_c_leaves_at_once_and_resume_carries_the_abort_out() {
    let world = World::start();
    world.edit("bake = \"4s\"", "bake = \"2m\"");
    // An abort takes its time: the way back waits for a hook.
    world.edit(
        "[[plan.health]]",
        "[[plan.hooks]]\nname = \"purge\"\nat = \"after confirm_return\"\ncommand = { run = [\"sleep\", \"5\"] }\n\n[[plan.health]]",
    );
    let first = world.until(&["deploy", "2.0.0"], "bake (step 1");
    kill(first.pid(), Signal::SIGTERM).unwrap();
    let is_on_its_way_back = || world.run(&["status"]).out.contains("confirm_return");
    assert!(
        (0..200).any(|_| is_on_its_way_back()),
        "{:#?}",
        world.run(&["status"])
    );
    kill(first.pid(), Signal::SIGTERM).unwrap();
    first
        .finished()
        .ended_with(130)
        .said(&["Left at once", "`resume`"]);
    world
        .run(&["status"])
        .said(&["router nginx-shop: blue 100%", "open: deploy 2.0.0"]);
    world
        .run(&["resume"])
        .ended_with(1)
        .said(&["taking over", "rolled back", "Ctrl-C"]);
}

#[test]
#[ignore = "needs nginx"]
fn a_deployment_that_was_killed_resumes_when_it_is_run_again() {
    let world = World::start();
    let killed = world.until(&["--by", "first", "deploy", "2.0.0"], "bake (step 2");
    killed.kill();

    let again = world.run(&["--by", "second", "deploy", "2.0.0"]).ended_with(0);
    let again = again.said(&[
        "waiting: held by first",
        "its lease runs out in at most 6s",
        "taking over",
        "promoted",
    ]);
    assert!(!again.out.contains("prepare\n"), "it began anew: {again:#?}");
    world
        .run(&["status"])
        .said(&["green (2.0.0) has the traffic", "green 100%"]);
}

#[test]
#[ignore = "needs nginx"]
fn another_version_does_not_take_over_what_is_open() {
    let world = World::start();
    world.until(&["deploy", "2.0.0"], "bake (step 1").kill();
    world
        .run(&["deploy", "3.0.0"])
        .ended_with(1)
        .said(&["for release 2.0.0"]);
    world.run(&["abort", "--reason", "enough"]).ended_with(0);
    world
        .run(&["resume"])
        .ended_with(1)
        .said(&["rolled back", "enough"]);
    world.run(&["resume"]).ended_with(0).said(&["nothing is open"]);
}

#[test]
#[ignore = "needs nginx"]
fn the_standby_is_given_up_by_name_only() {
    let world = World::start();
    world.run(&["deploy", "2.0.0"]).ended_with(0);
    world
        .run(&["deploy", "3.0.0"])
        .ended_with(1)
        .said(&["blue is kept for a rollback"]);
    world
        .run(&["retire", "--give-up-standby", "1.9"])
        .ended_with(2)
        .said(&["the standby holds unknown"]);
    world
        .run(&["retire", "--give-up-standby", "unknown"])
        .ended_with(0)
        .said(&["the standby is retired"]);
    world
        .run(&["rollback", "--reason", "too late"])
        .ended_with(1)
        .said(&["no standby is kept"]);
    let ran = world.run(&["history", "--json", "--limit", "2"]).ended_with(0);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let history = object["history"].as_array().unwrap();
    assert_eq!(history.len(), 2, "{object}");
    assert_eq!(history[1]["operation"], "retire");
}

#[test]
#[ignore = "needs nginx"]
fn an_approval_is_waited_for_and_given() {
    let world = World::start();
    world.edit(
        "weight = \"50%\"",
        "weight = \"50%\"\napproval = { expires = \"1m\" }",
    );
    let waits = world.until(
        &["deploy", "2.0.0"],
        "waiting for an approval (`approve`), at most 4",
    );
    world
        .run(&["--by", "boss", "approve"])
        .ended_with(0)
        .said(&["approved"]);
    waits
        .finished()
        .ended_with(0)
        .said(&["boss approved step 2", "promoted"]);
    world.run(&["approve"]).ended_with(1).said(&["nothing is open"]);
}

#[test]
#[ignore = "needs nginx"]
fn a_rollback_from_elsewhere_is_done_by_whoever_is_at_work() {
    let world = World::start();
    world.edit("bake = \"4s\"", "bake = \"2m\"");
    let first = world.until(&["--by", "first", "deploy", "2.0.0"], "bake (step 1");
    world
        .run(&["--by", "boss", "rollback", "--reason", "it smells"])
        .ended_with(0)
        .said(&["boss asks to stop", "rolled back", "blue has the traffic"]);
    first.finished().ended_with(1).said(&["it smells"]);
}

#[test]
#[ignore = "needs nginx"]
fn programs_get_one_object_and_people_the_progress() {
    let world = World::start();
    let ran = world
        .run(&["--json", "deploy", "2.0.0", "--label", "commit=2f1c9aa"])
        .ended_with(0);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(object["exit"], "as_meant", "{object}");
    assert_eq!(object["report"]["end"], "promoted", "{object}");
    assert_eq!(
        object["report"]["release"]["labels"]["commit"], "2f1c9aa",
        "{object}"
    );
    assert!(ran.err.contains("bake (step 1 of 3: 10%)"), "{}", ran.err);
    let ran = world.run(&["--json", "check", "3.0.0"]).ended_with(1);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let checks = object["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .any(|check| check["name"] == "standby" && check["outcome"] == "fail"),
        "{object}"
    );
}

#[test]
#[ignore = "needs nginx"]
fn two_hosts_change_together_and_neither_goes_on_without_the_other() {
    let world = World::not_installed();
    let second = Second::beside(&world);
    second.join(&world);

    world
        .run(&["init", "--live", "blue"])
        .ended_with(0)
        .said(&["web1: nginx was reloaded once", "web2: nginx was reloaded once"]);
    world.run(&["deploy", "2.0.0"]).ended_with(0).said(&["promoted"]);
    world
        .run(&["status"])
        .ended_with(0)
        .said(&["router web1: green 100%", "router web2: green 100%"]);

    drop(second);
    world
        .run(&["deploy", "3.0.0"])
        .ended_with(1)
        .said(&["observe of web2", "before any traffic had moved"]);
}
