//! What an analysis cannot tell: it is held, and a person, an approver or the plan decides.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::analysis::{AnalysisSpec, MetricSpec, OnInconclusive};
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Fault, NoticeKind, Op, Phase, Slot, Split};

use crate::traffic::{GREEN, Traffic, deploy, errors, planned, seconds_in, spec};
use crate::world::{World, percent, secs, somebody, version};

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_waits_for_a_person_and_goes_on_with_their_yes() {
    let world = World::new();
    // A request every five seconds: no bake of ten minutes can tell.
    let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
    let plan = planned(spec()).build().unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let other = deployer.clone();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    while !world.notifier.kinds().contains(&NoticeKind::ApprovalNeeded) {
        world.pass(secs(10)).await;
    }
    let notice = world.notifier.notices().pop().unwrap();
    assert!(notice.message.contains("is held at 10%"), "{}", notice.message);
    assert!(notice.message.contains("To pass"), "{}", notice.message);
    world.pass(secs(600)).await;
    assert_eq!(world.router().live(), Split::with(Slot::Green, percent(10)));
    other.approve("grace").await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    assert_eq!(report.approvals, [(1, "grace".to_owned())]);
    let asked = world
        .notifier
        .kinds()
        .into_iter()
        .filter(|kind| *kind == NoticeKind::ApprovalNeeded);
    assert_eq!(asked.count(), 1, "people are asked once");
}

#[tokio::test(start_paused = true)]
async fn a_yes_does_not_keep_what_is_shown_to_be_bad() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let plan = planned(spec()).build().unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let other = deployer.clone();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    other.approve("grace").await.unwrap();
    assert!(other.approve("grace").await.is_err(), "once is enough");
    traffic.with(|state| state.error_rates[GREEN] = 0.05);
    assert_eq!(running.await.unwrap().unwrap().end, Some(End::RolledBack));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_decides_goes_back_or_on_as_the_plan_says() {
    for (policy, end, at_least) in [
        (OnInconclusive::Hold, End::RolledBack, 600 + 1200),
        (OnInconclusive::Extend, End::RolledBack, 600 + 300 + 1200),
        (OnInconclusive::Rollback, End::RolledBack, 590),
        (OnInconclusive::BakeSuffices, End::Promoted, 600),
    ] {
        let world = World::new();
        let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
        let mut spec = spec();
        spec.on_inconclusive = policy;
        spec.extend_by = secs(300);
        spec.hold = secs(1200);
        let report = deploy(&world, &traffic, &planned(spec).build().unwrap()).await;
        assert_eq!(report.end, Some(end), "{policy:?}: {:?}", report.reason);
        let bake = seconds_in(&report, Phase::Bake);
        assert!((at_least..at_least + 120).contains(&bake), "{policy:?}: {bake}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_both_slots_are_critical_it_holds() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.3, 0.3);
    let errors = errors(Some(0.05));
    let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", errors)]));
    let report = deploy(&world, &traffic, &plan.build().unwrap()).await;
    let reason = report.reason.clone().unwrap();
    assert!(reason.contains("critical on live too"), "{reason}");
    assert!(seconds_in(&report, Phase::Bake) >= 4200);
}

/// The ticks that were used, as the evidence says.

#[tokio::test(start_paused = true)]
async fn an_approver_is_asked_whether_a_step_that_is_held_may_go_on() {
    use bluegreen_core::{Answer, ApprovalRequest, Approver};

    /// Says yes to everything, and remembers to what.
    #[derive(Debug, Clone, Default)]
    struct Yes(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Approver for Yes {
        async fn ask(&self, _: &Op, request: &ApprovalRequest) -> Result<Answer, Fault> {
            self.0.lock().unwrap().push(request.share.to_string());
            Ok(Answer::Approved {
                by: "chat".to_owned(),
            })
        }
    }

    let world = World::new();
    let traffic = Traffic::new(&world, 2.0, 0.001, 0.001);
    let yes = Yes::default();
    let deployer = world
        .builder()
        .metrics(traffic)
        .approver(yes.clone())
        .build()
        .unwrap();
    let plan = planned(spec()).build().unwrap();
    let report = deployer
        .deploy(&plan, version("2.0.0"), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    // What it says yes to is the next share; a yes to the step itself, given before, is no answer.
    assert_eq!(*yes.0.lock().unwrap(), ["100%"]);
}
