//! A change over several deployments is followed in the record, and no step of it runs too early.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{MigrationPhase, Outcome};

use super::{CREATE, World, ada};

const ADD: (&str, &str) = (
    "2_full_name.sql",
    "-- bluegreen:step 1 of 4, release 1: customers.name becomes customers.full_name
     ALTER TABLE customers ADD COLUMN full_name text;",
);
const READS_NEW: (&str, &str) = (
    "3_reads_full_name.sql",
    "-- bluegreen:step 3 of 4, release 2, after release 1: customers.name becomes customers.full_name",
);
const DROP: (&str, &str) = (
    "4_name.contract.sql",
    "-- bluegreen:step 4 of 4, release 3, after release 2: customers.name becomes customers.full_name
     ALTER TABLE customers DROP COLUMN name;",
);

impl World {
    async fn underway(&self) -> Vec<String> {
        let status = self.deployer.status().await.unwrap();
        status.underway.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_waits_for_the_releases_before_it_and_the_record_tells_for_which() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    assert!(world.underway().await.is_empty());

    // What the second release brings may not run while 1.0 has the traffic.
    world.brings("2.0", &[CREATE, ADD, READS_NEW]);
    let early = world.deploy("2.0", ada()).await;
    assert_eq!(early.end, Some(End::Failed));
    let (outcome, evidence) = world.said();
    assert_eq!(outcome, Outcome::Fail);
    assert!(
        evidence.contains("a release before release 1 of the change, and green (live) has 1.0"),
        "{evidence}"
    );

    world.brings("1.1", &[CREATE, ADD]);
    assert_eq!(world.deploy("1.1", ada()).await.end, Some(End::Promoted));
    assert_eq!(
        world.underway().await,
        ["step 1 of 4 of customers.name becomes customers.full_name has run; step 2 is to come"]
    );

    // The same files, with the drop that waits in its folder.
    world.brings("2.1", &[CREATE, ADD, READS_NEW, DROP]);
    assert_eq!(
        world.deploy("2.1", ada()).await.end,
        Some(End::Promoted),
        "{:?}",
        world.said()
    );
    assert_eq!(
        world.underway().await,
        [
            "step 3 of 4 of customers.name becomes customers.full_name has run; step 4 (4_name.contract.sql) is allowed when no slot has, or may get back, a release before 2.1"
        ]
    );

    world
        .deployer
        .retire(ada().give_up_standby("a test"))
        .await
        .unwrap();
    let contracted = world.deployer.contract(ada()).await.unwrap();
    assert_eq!(contracted.end, Some(End::Contracted), "{:?}", world.said());
    assert!(world.underway().await.is_empty(), "it has come to its end");
    assert_eq!(world.migrator.ran(MigrationPhase::Contract), 1);

    // The next release has the same files, and nothing begins again.
    world.brings("2.2", &[CREATE, ADD, READS_NEW, DROP]);
    assert_eq!(world.deploy("2.2", ada()).await.end, Some(End::Promoted));
    assert!(world.underway().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_cannot_be_read_is_refused_with_its_line() {
    let world = World::new();
    world.brings(
        "1.0",
        &[CREATE, ("2.sql", "SELECT 1;\n-- bluegreen:step two\nSELECT 2;")],
    );
    assert_eq!(world.deploy("1.0", ada()).await.end, Some(End::Failed));
    let (outcome, evidence) = world.said();
    assert_eq!(outcome, Outcome::Fail);
    assert!(
        evidence.contains("2.sql") && evidence.contains("line 2"),
        "{evidence}"
    );
}
