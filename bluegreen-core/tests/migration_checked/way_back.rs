//! What a rollback would find in the database is told before it acts, and where there is none, why.

use bluegreen_core::lifecycle::{CannotBegin, End};
use bluegreen_core::{DeployError, Event, Outcome, Slot, Store};

use super::{ADD, CREATE, DROP, World, ada};

impl World {
    /// What the last assessment of both slots has told.
    fn assessed(&self) -> String {
        let events = self.observer.events().into_iter().rev();
        let mut told = events.filter_map(|event| match event {
            Event::Assessed { evidence, .. } => Some(evidence),
            _ => None,
        });
        told.next().unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_tells_that_the_old_release_finds_what_it_needs() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    world.brings("2.0", &[CREATE, ADD]);
    world.deploy("2.0", ada()).await;

    let back = world.deployer.status().await.unwrap().way_back.unwrap();
    assert_eq!(back.slot, Slot::Green);
    assert!(back.until.is_some());
    let database = back.database.unwrap();
    assert_eq!(
        (database.outcome, database.evidence.as_str()),
        (
            Outcome::Pass,
            "release 1.0 finds all that it needs in the database"
        )
    );

    let report = world.deployer.rollback(ada()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(
        world
            .assessed()
            .ends_with("; release 1.0 finds all that it needs in the database"),
        "{}",
        world.assessed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_of_which_nothing_is_known_keeps_nobody_from_going_back() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    world.brings("2.0", &[CREATE]);
    world.deploy("2.0", ada()).await;
    // What is kept of the releases is lost.
    for key in world.store.list("shop/needs/", None, 10).await.unwrap() {
        world.store.delete(&key).await.unwrap();
    }
    assert_eq!(
        world.deployer.status().await.unwrap().way_back.unwrap().database,
        None
    );
    let report = world.deployer.rollback(ada()).await.unwrap();
    assert_eq!(report.end, Some(End::RolledBack));
    assert!(!world.assessed().contains("release 1.0"), "{}", world.assessed());
}

#[tokio::test(start_paused = true)]
async fn after_a_contraction_the_refusal_names_what_the_old_release_would_miss() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    world.brings("2.0", &[CREATE, ADD, DROP]);
    world.deploy("2.0", ada()).await;
    world
        .deployer
        .retire(ada().give_up_standby("a test"))
        .await
        .unwrap();
    assert_eq!(world.deployer.status().await.unwrap().way_back, None);
    let refused = async || match world.deployer.rollback(ada()).await {
        Err(DeployError::CannotBegin(error @ CannotBegin::NoStandby { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(!refused().await.contains("misses"), "everything is still there");

    let contracted = world.deployer.contract(ada()).await.unwrap();
    assert_eq!(contracted.end, Some(End::Contracted));
    assert!(
        refused()
            .await
            .ends_with("; and in the database release 1.0 misses customers.name"),
        "{}",
        refused().await
    );
}
