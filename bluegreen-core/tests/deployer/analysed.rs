//! An analysis from the first traffic to the end: what passes, and what goes back.

use bluegreen_core::analysis::{AnalysisSpec, MetricSpec, OnInconclusive, OnMissing};
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::Step;
use bluegreen_core::{Outcome, Phase, Plan, ServiceName, Slot, Split};

use crate::traffic::{GREEN, Traffic, Trouble, deploy, errors, last_word, planned, seconds_in, spec};
use crate::world::{World, percent, secs, somebody, version};

#[tokio::test(start_paused = true)]
async fn a_good_release_passes_in_the_time_of_its_bakes() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    assert_eq!(
        seconds_in(&report, Phase::Bake),
        660,
        "nothing had to wait for it"
    );
    let (outcome, evidence) = last_word(&world);
    assert_eq!(outcome, Outcome::Pass);
    assert!(
        evidence.contains("nothing is left to compare it with"),
        "{evidence}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_release_is_found_and_led_back_with_its_evidence() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.02);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::RolledBack));
    assert_eq!(world.router().live(), Split::all(Slot::Blue));
    assert!(seconds_in(&report, Phase::Bake) < 180, "{:?}", report.phases);
    let reason = report.reason.unwrap();
    for part in [
        "errors has failed",
        "worse than live",
        "Candidate",
        "live",
        "Evidence",
        "ticks used",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_gets_bad_while_an_approval_is_waited_for_is_led_back() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let plan = planned(spec())
        .steps([
            Step::new(percent(10), secs(300)),
            crate::world::approved(50, bluegreen_core::plan::ApprovalDefault::Abort),
            Step::new(percent(100), secs(0)),
        ])
        .build();
    // The second step's bake is too short to be analysed.
    assert!(plan.unwrap_err().to_string().contains("steps[1].bake"));
    let mut second = crate::world::approved(50, bluegreen_core::plan::ApprovalDefault::Abort);
    second.bake = secs(300);
    let plan = planned(spec())
        .steps([
            Step::new(percent(10), secs(600)),
            second,
            Step::new(percent(100), secs(0)),
        ])
        .build()
        .unwrap();
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    world.observer.first(|entry| entry.phase == Phase::Approval).await;
    traffic.with(|state| state.error_rates[GREEN] = 0.05);
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().starts_with("approval: analysis"));
}

#[tokio::test(start_paused = true)]
async fn after_the_cutover_limits_are_watched_on() {
    for (critical, end) in [(None, End::Promoted), (Some(0.05), End::RolledBack)] {
        let world = World::new();
        let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
        let errors = errors(critical);
        let plan = planned(AnalysisSpec::new([MetricSpec::errors("errors", errors)]));
        let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
        let plan = plan.soak(secs(300)).build().unwrap();
        let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
        world.observer.first(|entry| entry.phase == Phase::Soak).await;
        traffic.with(|state| state.error_rates[GREEN] = 0.3);
        let report = running.await.unwrap().unwrap();
        assert_eq!(
            report.end,
            Some(end),
            "{critical:?}: {:?}, {:?}",
            report.reason,
            last_word(&world)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn missing_data_never_passes() {
    for trouble in [
        Trouble::Fault,
        Trouble::Empty,
        Trouble::Hangs,
        Trouble::NotANumber,
        Trouble::Infinite,
        Trouble::Negative,
        Trouble::TooMany,
        Trouble::NoErrors,
        Trouble::LiveIdle,
        Trouble::Falls,
        Trouble::NoCandidate,
        Trouble::Stale,
    ] {
        for on_missing in [OnMissing::Hold, OnMissing::Rollback] {
            let world = World::new();
            let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
            let mut spec = spec();
            spec.on_missing = on_missing;
            spec.hold = secs(60);
            spec.on_inconclusive = OnInconclusive::BakeSuffices;
            let plan = planned(spec).build().unwrap();
            let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
            let running =
                tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
            world.observer.first(|entry| entry.phase == Phase::Confirm).await;
            traffic.with(|state| state.trouble = trouble);
            let report = running.await.unwrap().unwrap();
            let name = format!("{} {on_missing:?}: {:?}", trouble as u8, report.reason);
            assert_eq!(report.end, Some(End::RolledBack), "{name}");
            let waited = seconds_in(&report, Phase::Bake);
            if on_missing == OnMissing::Hold {
                assert!(waited >= 600 + 900, "held for a person first: {name} {waited}");
            } else if trouble != Trouble::Hangs {
                assert!(waited < 600, "{name} {waited}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_answers_nothing_is_led_back_and_not_called_missing() {
    let world = World::new();
    let traffic = Traffic::new(&world, 20.0, 0.001, 1.0);
    let report = deploy(&world, &traffic, &planned(spec()).build().unwrap()).await;
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(report.reason.unwrap().contains("errors has failed"));
}

#[tokio::test(start_paused = true)]
async fn a_step_ends_early_only_where_the_plan_says_so_and_all_is_shown() {
    let world = World::new();
    let traffic = Traffic::new(&world, 2_000.0, 0.01, 0.01);
    let mut spec = spec();
    spec.early_pass = true;
    let report = deploy(&world, &traffic, &planned(spec).build().unwrap()).await;
    assert_eq!(report.end, Some(End::Promoted), "{:?}", report.reason);
    let first = report
        .phases
        .iter()
        .find(|time| time.phase == Phase::Bake)
        .unwrap();
    assert!((40_000..500_000).contains(&first.ms), "{first:?}");
    let last = report
        .phases
        .iter()
        .rfind(|time| time.phase == Phase::Bake)
        .unwrap();
    assert!(last.ms >= 60_000, "{last:?}");
}
#[tokio::test(start_paused = true)]
async fn thresholds_are_watched_like_guards() {
    use bluegreen_core::plan::Threshold;
    use bluegreen_testkit::fakes::FakeMetrics;

    for (cpu, end) in [(0.5, End::Promoted), (0.95, End::RolledBack)] {
        let world = World::new();
        let metrics = FakeMetrics::new("numbers", &world.log);
        metrics.set("cpu", Slot::Blue, 0.4);
        metrics.set("cpu", Slot::Green, cpu);
        let plan = Plan::builder(ServiceName::new("shop").unwrap())
            .step(Step::new(percent(10), secs(60)))
            .step(Step::new(percent(100), secs(0)))
            .soak(secs(30))
            .threshold(
                "cpu",
                Threshold::critical(bluegreen_core::plan::Level::percent(90.0)).warning(0.75),
            )
            .build()
            .unwrap();
        let deployer = world.builder().metrics(metrics).build().unwrap();
        let report = deployer
            .deploy(&plan, version("2.0.0"), somebody())
            .await
            .unwrap();
        assert_eq!(report.end, Some(end), "{:?}", report.reason);
        if end == End::RolledBack {
            assert!(
                report
                    .reason
                    .unwrap()
                    .contains("threshold/cpu (green): cpu = 95%, above critical (90%)")
            );
        }
    }
}
