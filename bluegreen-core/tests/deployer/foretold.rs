//! What is told of an analysis before anything is touched.

use bluegreen_core::analysis::{AnalysisSpec, MetricSpec};
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Outcome, Slot, Split};

use crate::traffic::{Traffic, Trouble, deploy, errors, planned, spec};
use crate::world::{World, somebody, version};

#[tokio::test(start_paused = true)]
async fn what_a_bake_can_see_is_told_before_anything_is_touched() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let deployer = world.builder().metrics(traffic).build().unwrap();
    let plan = planned(spec()).build().unwrap();
    let checks = deployer
        .check(&plan, &version("2.0.0"), somebody())
        .await
        .unwrap();
    let told = |name: &str| {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.outcome, Outcome::Pass, "{check:?}");
        check.evidence.clone()
    };
    assert!(
        told("analysis").contains("held for up to 1h for somebody to approve"),
        "{}",
        told("analysis")
    );
    let sight = told("analysis 10%");
    assert!(
        sight.contains("in a bake of 10m: errors: can see a rise of") && sight.contains("but not of"),
        "{sight}"
    );
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_metric_that_nobody_counts_is_found_before_anything_is_touched() {
    for (bad, of, part) in [
        ("erors", "requests", "did you mean \"errors\"?"),
        ("errors", "hits", "live shows errors, requests"),
    ] {
        let world = World::new();
        let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
        let mut misnamed = errors(None);
        (misnamed.bad, misnamed.of) = (bad.to_owned(), of.to_owned());
        let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", misnamed)]))
            .build()
            .unwrap();
        let report = deploy(&world, &traffic, &plan).await;
        assert_eq!(report.end, Some(End::Failed));
        let reason = report.reason.unwrap();
        assert!(reason.contains(part), "{reason}");
    }
    // No source at all, and one that cannot be read.
    let world = World::new();
    let plan = planned(spec()).build().unwrap();
    let report = world.deploy(&plan, "2.0.0").await.unwrap();
    assert!(report.reason.unwrap().contains("no source of metrics"));
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    traffic.with(|state| state.trouble = Trouble::Fault);
    let report = deploy(&world, &traffic, &plan).await;
    assert_eq!(report.end, Some(End::Failed));
    assert!(report.reason.unwrap().contains("500"));
}
