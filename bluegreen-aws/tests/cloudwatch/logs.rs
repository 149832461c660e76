//! The gate on lines of logs.

use std::time::Duration;

use bluegreen_aws::logs::LogGate;
use bluegreen_core::{Clock, FaultKind, Gate, Outcome, Slot, Timestamp};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::gate::{GateSubject, SlotState};
use serde_json::Value;

use super::{World, of, op};

fn group(slot: Slot) -> String {
    format!("/shop/{slot}")
}

fn world() -> World {
    let world = World::new(FakeConfig::default().query_takes(Duration::from_secs(3)));
    for slot in Slot::BOTH {
        world
            .aws
            .log(group(slot), "web", world.clock.now(), "INFO: all is well");
    }
    world
}

fn gate(world: &World) -> LogGate {
    LogGate::new(&world.account(), "errors", group(Slot::Blue), group(Slot::Green))
}

bluegreen_testkit::gate_conformance! {
    #[tokio::test(start_paused = true)]
    async fn subject() -> GateSubject {
        let world = world();
        GateSubject::new(gate(&world)).secret("no secret").states(async move |slot, state| {
            let now = world.clock.now();
            match state {
                SlotState::Good => {
                    world.aws.empty_log_group(group(slot));
                    world.aws.log(group(slot), "web", now, "INFO: all is well");
                }
                SlotState::Bad => world.aws.log(group(slot), "web", now, "ERROR: out of stock"),
                SlotState::Endless => {
                    world.aws.log(group(slot), "web", now, "ERROR ".repeat(200_000));
                }
                SlotState::Silent => world.aws.empty_log_group(group(slot)),
                _ => return false,
            }
            true
        })
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_lines_than_the_limit_pass_and_no_lines_at_all_are_no_pass() {
    let world = world();
    let at = world.clock.now();
    let gate = gate(&world).matching("ERROR|CRITICAL|a/b").unwrap().fewer_than(3);
    let outcome = async |expected: Outcome, words: &str| {
        let verdict = gate.check(&op(), &of(Slot::Green)).await.unwrap();
        assert_eq!(verdict.outcome, expected, "{}", verdict.evidence);
        assert!(verdict.evidence.contains(words), "{}", verdict.evidence);
    };
    outcome(Outcome::Pass, "0 of 1 lines").await;
    for line in ["ERROR one", "a/b two"] {
        world.aws.log(group(Slot::Green), "web", at, line);
    }
    outcome(Outcome::Pass, "2 of 3 lines").await;
    world.aws.log(group(Slot::Green), "web", at, "CRITICAL three");
    outcome(Outcome::Fail, "3 of 4 lines").await;
    world.aws.empty_log_group(group(Slot::Green));
    outcome(Outcome::Inconclusive, "no lines at all").await;
}

#[tokio::test(start_paused = true)]
async fn times_are_in_seconds_and_lines_of_before_the_window_do_not_count() {
    let world = world();
    let old = Timestamp::from_millis(world.clock.now().as_millis() - 301_000);
    world
        .aws
        .log(group(Slot::Green), "web", old, "ERROR of yesterday");
    let verdict = gate(&world).check(&op(), &of(Slot::Green)).await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Pass, "{}", verdict.evidence);
    let asked = world.aws.requests();
    let body: Value = serde_json::from_slice(&asked[0].body).unwrap();
    let (start, end) = (
        body["startTime"].as_i64().unwrap(),
        body["endTime"].as_i64().unwrap(),
    );
    assert_eq!(end - start, 300);
    assert!(end < 10_000_000_000, "milliseconds would be three digits more");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_ends_otherwise_than_complete_is_inconclusive() {
    let world = world();
    for status in ["Failed", "Cancelled", "Timeout", "Unknown", "SomethingNew"] {
        world.aws.set_query_end(Some(status));
        let verdict = gate(&world).check(&op(), &of(Slot::Green)).await.unwrap();
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{status}");
        assert!(verdict.evidence.contains(status), "{}", verdict.evidence);
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_takes_too_long_is_stopped_and_inconclusive() {
    let world = World::new(FakeConfig::default().query_takes(Duration::from_mins(10)));
    world
        .aws
        .log(group(Slot::Green), "web", world.clock.now(), "ERROR");
    let verdict = gate(&world).check(&op(), &of(Slot::Green)).await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Inconclusive, "{}", verdict.evidence);
    let asked = world.aws.requests();
    let states = asked
        .iter()
        .filter(|asked| asked.action == "GetQueryResults")
        .count();
    assert!(states <= 21, "asked once a second: {states}");
    assert_eq!(asked.last().unwrap().action, "StopQuery", "it would be paid for");
}

#[tokio::test(start_paused = true)]
async fn slots_that_share_a_group_are_told_apart_by_their_streams() {
    let world = world();
    world.aws.log("/shop", "blue/1", world.clock.now(), "ERROR");
    world.aws.log("/shop", "green/1", world.clock.now(), "INFO");
    let gate = LogGate::new(&world.account(), "errors", "/shop", "/shop")
        .streams("^blue/".trim_start_matches('^'), "green/")
        .unwrap();
    for (slot, expected) in [(Slot::Blue, Outcome::Fail), (Slot::Green, Outcome::Pass)] {
        let verdict = gate.check(&op(), &of(slot)).await.unwrap();
        assert_eq!(verdict.outcome, expected, "{slot}: {}", verdict.evidence);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there_is_an_error_and_no_pass() {
    let world = World::new(FakeConfig::default());
    let fault = gate(&world).check(&op(), &of(Slot::Green)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
}

#[test]
fn patterns_that_would_end_the_query_are_refused_or_escaped() {
    let world = World::new(FakeConfig::default());
    for pattern in ["", "a\nb", "a\\", &"x".repeat(1_001)] {
        assert!(gate(&world).matching(pattern).is_err(), "{pattern:?}");
    }
    let gate = gate(&world).matching(r"a/ | b\/c").unwrap();
    assert!(format!("{gate:?}").contains(r"a\\/ | b\\/c"), "{gate:?}");
}
