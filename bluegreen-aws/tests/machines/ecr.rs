//! Images that have to be there.

use bluegreen_aws::ecr::ImageGate;
use bluegreen_core::{FaultKind, Gate, GateContext, Outcome, ServiceName, Slot, Split};
use bluegreen_testkit::aws::FakeConfig;

use super::world::{World, op, release};

#[tokio::test(start_paused = true)]
async fn an_image_that_was_not_pushed_is_found_out_before_anything_is_touched() {
    let world = World::in_memory(FakeConfig::default());
    world.aws.add_image("fixit/api", "v1.4.0");
    let gate = ImageGate::new(&world.account, "image", "fixit/api").prefix("v");
    let asked = |version: &str| {
        let service = ServiceName::new("fixit").unwrap();
        GateContext::new(
            service,
            Slot::Green,
            Some(release(version)),
            Split::all(Slot::Blue),
        )
    };
    let there = gate.check(&op("check"), &asked("1.4.0")).await.unwrap();
    assert_eq!(there.outcome, Outcome::Pass, "{there:?}");
    let missing = gate.check(&op("check"), &asked("1.5.0")).await.unwrap();
    assert_eq!(missing.outcome, Outcome::Fail, "{missing:?}");
    assert!(missing.evidence.contains("v1.5.0"), "{missing:?}");
    let elsewhere = ImageGate::new(&world.account, "image", "fixit/ap");
    let fault = elsewhere.check(&op("check"), &asked("1.4.0")).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
}
