//! The deployer refuses migrations that would break a slot, without any database: the files tell.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod steps;
mod way_back;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::lifecycle::End;
use bluegreen_core::migration::{CheckedMigrator, Engine, Folder, Linter, Needs, Server};
use bluegreen_core::plan::{Migrations, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Deployer, Event, MigrationPhase, Outcome, Plan, Release, Report, Request, ServiceName, Share, Signed,
    Slot, Split, SystemClock, Timestamp, Version,
};
use bluegreen_testkit::fakes::{CallLog, FakeHost, FakeMigrator, FakeRouter, RecordingObserver};
use tempfile::TempDir;

const CREATE: (&str, &str) = ("1.sql", "CREATE TABLE customers (id int PRIMARY KEY, name text)");
const ADD: (&str, &str) = ("2.sql", "ALTER TABLE customers ADD COLUMN full_name text");
const DROP: (&str, &str) = ("3.contract.sql", "ALTER TABLE customers DROP COLUMN name");

struct World {
    folder: TempDir,
    migrator: FakeMigrator,
    checked: CheckedMigrator,
    observer: RecordingObserver,
    store: MemoryStore,
    deployer: Deployer,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = CallLog::new(Arc::new(SystemClock::starting_at(Timestamp::from_millis(
            1_700_000_000_000,
        ))));
        let migrator = FakeMigrator::new("migrator", &log);
        let store = MemoryStore::new();
        let observer = RecordingObserver::new();
        let checked = CheckedMigrator::new(
            service(),
            migrator.clone(),
            Folder::at(format!("{}/{{version}}", folder.path().display())),
            Linter::new(Server::newest(Engine::Postgres)).in_transaction(true),
            store.clone(),
        );
        let deployer = Deployer::builder(service())
            .clock(log.clock())
            .store(store.clone())
            .host(FakeHost::new("host", &log))
            .router(FakeRouter::new("edge", &log).with_split(Split::all(Slot::Blue)))
            .migrator(checked.clone())
            .observer(observer.clone())
            .build()
            .unwrap();
        Self {
            folder,
            migrator,
            checked,
            observer,
            store,
            deployer,
        }
    }

    fn brings(&self, version: &str, files: &[(&str, &str)]) {
        let folder = self.folder.path().join(version);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    async fn deploy(&self, version: &str, request: Request) -> Report {
        let release = Release::new(Version::new(version).unwrap());
        let request = request.give_up_standby("a test");
        self.deployer.deploy(&plan(), release, request).await.unwrap()
    }

    /// What preflight said last of the migrations.
    fn said(&self) -> (Outcome, String) {
        let events = self.observer.events().into_iter().rev();
        let mut results = events.filter_map(|event| match event {
            Event::Checked { results } => results.into_iter().find(|result| result.name == "migrations"),
            _ => None,
        });
        let check = results.next().expect("the migrations were checked");
        (check.outcome, check.evidence)
    }
}

fn service() -> ServiceName {
    ServiceName::new("shop").unwrap()
}

fn plan() -> Plan {
    Plan::builder(service())
        .step(Step::new(Share::ALL, Duration::from_secs(10)))
        .soak(Duration::from_secs(10))
        .migrations(Migrations::default())
        .build()
        .unwrap()
}

fn ada() -> Request {
    Request::from(Signed::new("ada", "a test"))
}

#[tokio::test(start_paused = true)]
async fn what_would_break_the_live_release_stops_before_anything_is_touched() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    assert_eq!(world.deploy("1.0", ada()).await.end, Some(End::Promoted));
    assert_eq!(world.migrator.ran(MigrationPhase::Expand), 1);
    for (sql, told) in [
        (
            "ALTER TABLE customers RENAME COLUMN name TO full_name",
            "2.sql:1: the old release fails wherever it names customers.name (rename-column)",
        ),
        ("FROBNICATE", "not understood, so refused"),
    ] {
        world.brings("2.0", &[CREATE, ("2.sql", sql)]);
        assert_eq!(world.deploy("2.0", ada()).await.end, Some(End::Failed));
        let (outcome, evidence) = world.said();
        assert_eq!(outcome, Outcome::Fail);
        assert!(evidence.contains(told), "{evidence}");
        assert_eq!(world.migrator.ran(MigrationPhase::Expand), 1, "{sql} has run");
    }
}

#[tokio::test(start_paused = true)]
async fn who_lets_an_unsafe_migration_through_is_recorded() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    world.brings(
        "2.0",
        &[CREATE, ("2.sql", "CREATE INDEX names ON customers (name)")],
    );
    let report = world
        .deploy("2.0", ada().allow_migrations("it has ten rows"))
        .await;
    assert_eq!(report.end, Some(End::Promoted));
    assert_eq!(report.overrides.migrations.unwrap().reason, "it has ten rows");
    let (outcome, evidence) = world.said();
    assert_eq!(outcome, Outcome::Pass);
    assert!(evidence.ends_with("but ada said: it has ten rows"), "{evidence}");
}

#[tokio::test(start_paused = true)]
async fn a_comment_with_a_reason_is_shown_with_what_it_lets_through() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    let allowed = "-- bluegreen:allow create-index: it has ten rows\nCREATE INDEX names ON customers (name)";
    world.brings("2.0", &[CREATE, ("2.sql", allowed)]);
    assert_eq!(world.deploy("2.0", ada()).await.end, Some(End::Promoted));
    let (_, evidence) = world.said();
    assert!(
        evidence.contains("create-index in 2.sql is let through: it has ten rows"),
        "{evidence}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_contraction_waits_for_the_release_that_needs_the_thing_and_cannot_be_forced() {
    let world = World::new();
    world.brings("1.0", &[CREATE]);
    world.deploy("1.0", ada()).await;
    // By hand it says that it still uses the old column, which its own migration would drop.
    world.brings(
        "2.0",
        &[
            CREATE,
            ADD,
            DROP,
            ("needs.toml", "customers = ['id', 'name', 'full_name']"),
        ],
    );
    assert_eq!(world.deploy("2.0", ada()).await.end, Some(End::Promoted));
    world
        .deployer
        .retire(ada().give_up_standby("a test"))
        .await
        .unwrap();

    let refused = world
        .deployer
        .contract(ada().allow_migrations("now"))
        .await
        .unwrap();
    assert_eq!(refused.end, Some(End::Failed));
    let (outcome, evidence) = world.said();
    assert_eq!(
        (outcome, evidence.as_str()),
        (Outcome::Fail, "release 2.0 in blue (live) needs customers.name")
    );
    assert_eq!(world.migrator.ran(MigrationPhase::Contract), 0);

    world.brings("3.0", &[CREATE, ADD, DROP]);
    assert_eq!(world.deploy("3.0", ada()).await.end, Some(End::Promoted));
    world
        .deployer
        .retire(ada().give_up_standby("a test"))
        .await
        .unwrap();
    let contracted = world.deployer.contract(ada()).await.unwrap();
    assert_eq!(contracted.end, Some(End::Contracted), "{:?}", world.said());
    assert_eq!(world.said().1, "1 new migration, nobody needs customers.name");
    assert_eq!(world.migrator.ran(MigrationPhase::Contract), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_was_deployed_by_somebody_else_can_be_told_of() {
    let world = World::new();
    world.brings("1.0", &[CREATE, ADD, DROP]);
    world.deploy("1.0", ada()).await;
    let version = Version::new("0.9").unwrap();
    let op = bluegreen_core::Op::new(bluegreen_core::Token::default(), "test", Duration::from_secs(5));
    let assignment = bluegreen_core::Assignment {
        slot: Slot::Green,
        release: Release::new(Version::new("1.0").unwrap()),
        deployment: world.deployer.status().await.unwrap().lifecycle.run().unwrap().id,
    };
    let mut slots = world.deployer.status().await.unwrap().lifecycle.slots().clone();
    slots.blue.release = Some(Release::new(version.clone()));
    let told = async || {
        let obstacles = world.checked.obstacles(&op, &assignment, &slots).await.unwrap();
        obstacles.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told().await,
        ["release 0.9 in blue (standby) is not known: say what it needs"]
    );
    let needs = Needs::from_toml("customers = ['id']").unwrap();
    world.checked.remember(&version, needs).await.unwrap();
    assert_eq!(told().await, Vec::<String>::new());
}
