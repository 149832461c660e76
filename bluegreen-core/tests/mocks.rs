//! An embedder's unit test with mocks of the ports.
#![cfg(feature = "mock")]

use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Deployer, InFlight, MockGate, MockHost, MockRouter, Observation, Plan, Readiness, ReadyState, Release,
    RouterCapabilities, ServiceName, Signed, Slot, Split, Verdict, Verification, Version,
};

#[tokio::test(start_paused = true)]
async fn a_gate_that_fails_on_the_candidate_keeps_the_router_untouched() {
    let mut router = MockRouter::new();
    router.expect_name().return_const("edge".to_owned());
    router.expect_capabilities().returning(RouterCapabilities::exact);
    router
        .expect_observe()
        .returning(|_| Ok(Observation::new(Split::all(Slot::Blue), "told")));
    router.expect_stage().returning(|_, _| Ok(()));
    router.expect_verify().returning(|_, _| {
        Ok(Verification::Live {
            evidence: "told".to_owned(),
        })
    });
    router.expect_in_flight().returning(|_, _| Ok(InFlight::None));
    router.expect_shift().never();

    let mut host = MockHost::new();
    host.expect_settle().return_const(Duration::ZERO);
    host.expect_deploy().times(1).returning(|_, _| Ok(()));
    host.expect_readiness()
        .returning(|_, _| Ok(Readiness::new(ReadyState::Ready, "up")));

    let mut gate = MockGate::new();
    gate.expect_name().return_const("up".to_owned());
    gate.expect_check().returning(|_, context| {
        Ok(if context.slot == Slot::Blue {
            Verdict::pass("200")
        } else {
            Verdict::fail("500")
        })
    });

    let shop = ServiceName::new("shop").unwrap();
    let plan = Plan::builder(shop.clone())
        .step(Step::new("100%".parse().unwrap(), Duration::ZERO))
        .health(GateSpec::code("up"))
        .build()
        .unwrap();
    let deployer = Deployer::builder(shop)
        .store(MemoryStore::new())
        .router(router)
        .host(host)
        .gate(gate)
        .build()
        .unwrap();
    let release = Release::new(Version::new("2.0.0").unwrap());
    let report = deployer
        .deploy(&plan, release, Signed::new("ada", "a test"))
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Failed));
}
