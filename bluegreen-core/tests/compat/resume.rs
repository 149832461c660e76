//! Every record that is kept is resumed.

use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::Step;
use bluegreen_core::{Phase, Plan, Share};

use crate::kept::{self, Kept, lifecycle, world_of};
use crate::moments::deployer;
use crate::world::{somebody, version};

/// Drives what a record holds to its end, in the world of that moment, and says which it was.
pub(crate) async fn end_of(kept: &Kept) -> String {
    let world = world_of(&kept.body, &kept.known).await;
    let next = deployer(&world, 3);
    let name = &kept.name;
    let resumed = next
        .resume()
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let status = next.status().await.unwrap();
    let run = status.lifecycle.run().unwrap().clone();
    assert!(
        resumed.is_none() || run.end.is_some() || run.phase == Phase::Halted,
        "{name} stopped in phase {}",
        run.phase
    );
    // Whatever it was, the service is not stuck with it.
    if run.phase == Phase::Halted {
        let report = next.rollback(somebody()).await.unwrap();
        assert_eq!(report.end, Some(End::RolledBack), "{name}: {:?}", report.reason);
    }
    world.pass(Duration::from_hours(2)).await;
    let plan = Plan::builder(next.service().clone())
        .step(Step::new(Share::ALL, Duration::ZERO))
        .soak(Duration::ZERO)
        .build()
        .unwrap();
    let report = next.deploy(&plan, version("9.0.0"), somebody()).await.unwrap();
    assert_eq!(
        report.end,
        Some(End::Promoted),
        "{name}, and the next: {:?}",
        report.reason
    );
    format!("{:?}", run.end)
}

#[tokio::test]
async fn each_record_says_the_command_that_it_said_when_it_was_written() {
    for kept in kept::all().await {
        let command = format!("{:?}", lifecycle(&kept.body).command());
        assert_eq!(command, kept.known.command, "{}", kept.name);
    }
}

#[tokio::test(start_paused = true)]
async fn each_record_is_resumed_to_the_end_that_it_had_and_the_next_deployment_goes_through() {
    for kept in kept::all().await {
        assert_eq!(end_of(&kept).await, kept.known.end, "{}", kept.name);
    }
}
