//! Alarms as guards.

use bluegreen_aws::cloudwatch::AlarmGate;
use bluegreen_core::{FaultKind, Gate, Outcome, Slot};
use bluegreen_testkit::aws::FakeConfig;
use bluegreen_testkit::conformance::gate::{GateSubject, SlotState};

use super::{World, of, op};

bluegreen_testkit::gate_conformance! {
    #[tokio::test(start_paused = true)]
    async fn subject() -> GateSubject {
        let world = World::new(FakeConfig::default());
        for name in ["shop", "shop-blue", "shop-green"] {
            world.aws.set_alarm(name, "OK");
        }
        let gate = AlarmGate::new(&world.account(), "alarms", "shop")
            .alarm_of(Slot::Blue, "shop-blue")
            .alarm_of(Slot::Green, "shop-green");
        GateSubject::new(gate).secret("no secret").states(async move |slot, state| {
            let name = format!("shop-{slot}");
            match state {
                SlotState::Good => world.aws.set_alarm(name, "OK"),
                SlotState::Bad => world.aws.set_alarm(name, "ALARM"),
                SlotState::Silent => world.aws.set_alarm(name, "INSUFFICIENT_DATA"),
                _ => return false,
            }
            true
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_state_has_its_outcome_and_the_worst_one_counts() {
    let world = World::new(FakeConfig::default().page_most(1));
    let gate = AlarmGate::new(&world.account(), "alarms", "one")
        .alarm("two")
        .alarm("all");
    for (one, two, all, expected) in [
        ("OK", "OK", "OK", Outcome::Pass),
        ("OK", "INSUFFICIENT_DATA", "OK", Outcome::Inconclusive),
        ("INSUFFICIENT_DATA", "ALARM", "OK", Outcome::Fail),
        ("OK", "OK", "ALARM", Outcome::Fail),
        ("OK", "SOMETHING_NEW", "OK", Outcome::Inconclusive),
    ] {
        world.aws.set_alarm("one", one);
        world.aws.set_alarm("two", two);
        world.aws.set_composite_alarm("all", all);
        let verdict = gate.check(&op(), &of(Slot::Green)).await.unwrap();
        assert_eq!(
            verdict.outcome, expected,
            "{one} {two} {all}: {}",
            verdict.evidence
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_there_is_no_pass() {
    let world = World::new(FakeConfig::default());
    world.aws.set_alarm("one", "OK");
    let gate = AlarmGate::new(&world.account(), "alarms", "one").alarm("misnamed");
    let fault = gate.check(&op(), &of(Slot::Green)).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Rejected && fault.message.contains("misnamed"),
        "{fault}"
    );
}
