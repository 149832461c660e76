//! Snapshots before migrations, and the way back that is only told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_aws::rds::{Database, SnapshotFirst, WayBackNotifier};
use bluegreen_core::{
    Fault, FaultKind, MigrationPhase, Migrator, Notice, NoticeKind, Notifier, Op, ServiceName, Slot,
};
use bluegreen_testkit::aws::FakeConfig;

use super::world::{World, assignment, op, release};

fn world() -> World {
    let world = World::in_memory(FakeConfig::default()).with_machines();
    world.aws.add_database("fixit");
    world
}

fn database(world: &World) -> Database {
    Database::new(&world.account, "fixit").poll(Duration::from_millis(5))
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_is_available_before_the_migration_begins_and_its_name_is_in_the_record() {
    let world = world();
    let migrator = SnapshotFirst::new(database(&world), world.migrator());
    let ours = assignment(17, "1.4.0");
    let did = migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert!(
        did.starts_with("snapshot fixit-bluegreen-17-20231114t221320z-expand is available; "),
        "{did}"
    );
    let actions: Vec<_> = world
        .aws
        .requests()
        .into_iter()
        .map(|asked| asked.action)
        .collect();
    let last_look = actions
        .iter()
        .rposition(|action| action == "DescribeDBSnapshots")
        .unwrap();
    let sent = actions.iter().position(|action| action == "SendCommand").unwrap();
    assert!(last_look < sent, "{actions:?}");
    // Again: no second one.
    migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    assert_eq!(world.aws.snapshots().len(), 1);
    migrator
        .migrate(&op("backfill"), MigrationPhase::Backfill, &ours)
        .await
        .unwrap();
    assert_eq!(world.aws.snapshots().len(), 1, "a backfill needs none");
}

#[tokio::test(start_paused = true)]
async fn without_a_snapshot_nothing_is_migrated() {
    let world = world();
    world.aws.spoil_snapshot();
    let migrator = SnapshotFirst::new(database(&world), world.migrator());
    let ours = assignment(17, "1.4.0");
    let fault = migrator
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.to_string().contains("no migration was run"), "{fault}");
    assert!(world.aws.commands().is_empty());
}

#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Notifier for Heard {
    async fn notify(&self, _: &Op, notice: &Notice) -> Result<(), Fault> {
        self.0.lock().unwrap().push(notice.message.clone());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn restoring_is_told_with_exact_commands_and_never_done() {
    let world = world();
    let ours = assignment(17, "1.4.0");
    SnapshotFirst::new(database(&world), world.migrator())
        .migrate(&op("migrate"), MigrationPhase::Expand, &ours)
        .await
        .unwrap();
    let heard = Heard::default();
    let notifier = WayBackNotifier::new(database(&world), heard.clone());
    let notice = |kind| {
        let service = ServiceName::new("fixit").unwrap();
        Notice::new(
            kind,
            service,
            ours.deployment,
            release("1.4.0"),
            Slot::Green,
            "It is back.".to_owned(),
        )
    };
    notifier
        .notify(&op("notify"), &notice(NoticeKind::Succeeded))
        .await
        .unwrap();
    notifier
        .notify(&op("notify"), &notice(NoticeKind::RolledBack))
        .await
        .unwrap();
    let heard = heard.0.lock().unwrap().clone();
    assert_eq!(heard[0], "It is back.");
    for says in [
        "It is back.\n",
        "aws rds restore-db-instance-from-db-snapshot --db-instance-identifier fixit-before-17-20231114t221320z \
         --db-snapshot-identifier fixit-bluegreen-17-20231114t221320z-expand",
        "aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier fixit \
         --target-db-instance-identifier fixit-before-17-20231114t221320z --restore-time 2023-11-14T22:13:20Z",
    ] {
        assert!(heard[1].contains(says), "no {says:?} in {}", heard[1]);
    }
    assert!(
        world
            .aws
            .requests()
            .iter()
            .all(|asked| !asked.action.starts_with("Restore"))
    );
}
