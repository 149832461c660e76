//! What an analysis has learned is in the record: the next deployer goes on with it.

use bluegreen_core::Phase;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::Step;

use crate::traffic::{Traffic, deploy, planned, spec};
use crate::world::{World, percent, secs, somebody, version};

fn ticks_used(evidence: &str) -> u32 {
    let (before, _) = evidence.split_once(" ticks used").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_deployer_that_dies_leaves_what_was_learned_to_the_next() {
    for death in [120, 300, 450] {
        let world = World::new();
        // Bad enough to be found, with all that is seen before and after the death.
        let traffic = Traffic::new(&world, 100.0, 0.001, 0.006);
        let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
        let plan = planned(spec()).steps([
            Step::new(percent(10), secs(3600)),
            Step::new(percent(100), secs(0)),
        ]);
        let plan = plan.build().unwrap();
        let undisturbed = {
            let world = World::new();
            let traffic = Traffic::new(&world, 100.0, 0.001, 0.006);
            let report = deploy(&world, &traffic, &plan).await;
            assert_eq!(report.end, Some(End::RolledBack));
            ticks_used(&report.reason.unwrap())
        };
        let again = plan.clone();
        let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
        world.observer.first(|entry| entry.phase == Phase::Bake).await;
        world.pass(secs(death)).await;
        running.abort();
        let _ = running.await;
        let report = deploy(&world, &traffic, &again).await;
        assert_eq!(report.end, Some(End::RolledBack), "{death}: {:?}", report.reason);
        let reason = report.reason.unwrap();
        let used = ticks_used(&reason);
        assert!(
            used > undisturbed / 2,
            "{death}: it has not begun anew: {undisturbed}, {reason}"
        );
        assert!(reason.contains("bake: analysis"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_stays_small_and_what_was_learned_leaves_it_at_the_end() {
    let world = World::new();
    let traffic = Traffic::new(&world, 200.0, 0.001, 0.001);
    let deployer = world.builder().metrics(traffic.clone()).build().unwrap();
    let plan = planned(spec()).build().unwrap();
    let running = tokio::spawn(async move { deployer.deploy(&plan, version("2.0.0"), somebody()).await });
    let record = || async {
        use bluegreen_core::Store;
        let found = world.memory.load("shop/record").await.unwrap().unwrap();
        String::from_utf8(found.body.to_vec()).unwrap()
    };
    world.observer.first(|entry| entry.phase == Phase::Bake).await;
    world.pass(secs(300)).await;
    let body = record().await;
    assert!(body.contains("\"learned\":{"), "{body}");
    assert!(body.len() < 24 * 1024, "{} bytes", body.len());
    running.await.unwrap().unwrap();
    assert!(!record().await.contains("\"learned\""));
}
