//! Three releases through a rename, under load, with a rollback in the middle.
//!
//! `customers.name` becomes `customers.full_name`. Release 1.0 knows the old name. Release 2.0 reads the old
//! one and writes both; what 1.0 wrote is filled in afterwards. Release 3.0 knows the new one only; a trigger
//! keeps the old one in step, so that 2.0 can come back. The old one goes when nobody needs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_core::lifecycle::{End, Slots};
use bluegreen_core::migration::{CheckedMigrator, Engine, Linter, Server};
use bluegreen_core::plan::{LeasePlan, Migrations, Retention, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    DeployError, Deployer, Event, MigrationPhase, Migrator, Outcome, Plan, Report, Request, ServiceName,
    Share, Signed, Slot, Split, SystemClock, Version,
};
use bluegreen_testkit::fakes::{CallLog, FakeHost, FakeRouter, RecordingObserver};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::{Releases, assignment, client, migrator, op, server, version};

const CREATE: (&str, &str) = (
    "1_customers.sql",
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);",
);
const ADD: (&str, &str) = (
    "2_full_name.sql",
    "ALTER TABLE customers ADD COLUMN full_name text;",
);
const FILL: (&str, &str) = (
    "3_full_name.backfill.sql",
    "UPDATE customers SET full_name = name WHERE full_name IS DISTINCT FROM name;",
);
const KEEP: (&str, &str) = (
    "4_keep_name.sql",
    "CREATE FUNCTION customers_name() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         IF NEW.name IS NULL OR (TG_OP = 'UPDATE' AND NEW.name IS NOT DISTINCT FROM OLD.name) THEN
             NEW.name := NEW.full_name;
         END IF;
         RETURN NEW;
     END $$;
     CREATE TRIGGER customers_name BEFORE INSERT OR UPDATE OF full_name ON customers
     FOR EACH ROW EXECUTE FUNCTION customers_name();",
);
const DROP: (&str, &str) = (
    "5_name.contract.sql",
    "DROP TRIGGER customers_name ON customers;
     DROP FUNCTION customers_name();
     ALTER TABLE customers DROP COLUMN name;",
);

/// What a release sends: insert, update, read.
fn statements(release: &str) -> [&'static str; 3] {
    match release {
        "1.0" => [
            "INSERT INTO customers (id, name) VALUES ($1, $2)",
            "UPDATE customers SET name = $2 WHERE id = $1",
            "SELECT name FROM customers WHERE id = $1",
        ],
        "2.0" => [
            "INSERT INTO customers (id, name, full_name) VALUES ($1, $2, $2)",
            "UPDATE customers SET name = $2, full_name = $2 WHERE id = $1",
            "SELECT name FROM customers WHERE id = $1",
        ],
        "3.0" => [
            "INSERT INTO customers (id, full_name) VALUES ($1, $2)",
            "UPDATE customers SET full_name = $2 WHERE id = $1",
            "SELECT full_name FROM customers WHERE id = $1",
        ],
        other => panic!("no release {other}"),
    }
}

/// Each worker has its own rows, so that it knows what has to be in them.
const WORKERS: i64 = 6;
/// There before the load begins.
const OLD_ROWS: i64 = 6_000;

struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    workers: JoinSet<Outcomes>,
}

#[derive(Default)]
struct Outcomes {
    /// By id: the value that was written last, and confirmed.
    rows: BTreeMap<i64, String>,
    /// What failed, and what was read that nobody had written last.
    wrong: Vec<String>,
    by_release: BTreeMap<String, u64>,
}

impl Load {
    async fn begin(server: &server::Postgres, router: &FakeRouter, host: &FakeHost) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let client = client(server).await;
            let (router, host) = (router.clone(), host.clone());
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            workers.spawn(async move {
                let mut outcomes = Outcomes::default();
                for id in (worker..OLD_ROWS).step_by(usize::try_from(WORKERS).unwrap()) {
                    outcomes.rows.insert(id, format!("old {id}"));
                }
                let mut turn = 0;
                while !stop.load(Ordering::Relaxed) {
                    let release = served_by(&router, &host, turn);
                    outcomes.request(&client, &release, worker, turn).await;
                    sent.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                    // A service has better things to do, too.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                outcomes
            });
        }
        Self { stop, sent, workers }
    }

    /// Lets so many requests go by.
    async fn requests(&self, count: u64) {
        let until = self.sent.load(Ordering::Relaxed) + count;
        while self.sent.load(Ordering::Relaxed) < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) -> Outcomes {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Outcomes::default();
        for outcomes in self.workers.join_all().await {
            all.rows.extend(outcomes.rows);
            all.wrong.extend(outcomes.wrong);
            for (release, count) in outcomes.by_release {
                *all.by_release.entry(release).or_default() += count;
            }
        }
        all
    }
}

/// Who answers a request: as the router divides them.
fn served_by(router: &FakeRouter, host: &FakeHost, turn: i64) -> String {
    let split = router.live();
    let slot = if (turn * 37 % 100) * 100 < i64::from(split.share(Slot::Green).basis_points()) {
        Slot::Green
    } else {
        Slot::Blue
    };
    host.release(slot).expect("somebody is there").to_string()
}

impl Outcomes {
    async fn request(&mut self, client: &Client, release: &str, worker: i64, turn: i64) {
        let [insert, update, read] = statements(release);
        *self.by_release.entry(release.to_owned()).or_default() += 1;
        let known = |at: i64| {
            *self
                .rows
                .keys()
                .nth(usize::try_from(at).unwrap() % self.rows.len())
                .unwrap()
        };
        let value = format!("{release} {turn}");
        match turn % 4 {
            0 => {
                let id = OLD_ROWS + turn * WORKERS + worker;
                match client.execute(insert, &[&id, &value]).await {
                    Ok(1) => drop(self.rows.insert(id, value)),
                    other => self.wrong.push(format!("{release}: insert {id}: {other:?}")),
                }
            }
            1 | 2 => {
                let id = known(turn * 7919);
                match client.execute(update, &[&id, &value]).await {
                    Ok(1) => drop(self.rows.insert(id, value)),
                    other => self.wrong.push(format!("{release}: update {id}: {other:?}")),
                }
            }
            _ => {
                let id = known(turn * 104_729);
                match client.query_one(read, &[&id]).await {
                    Ok(row) => {
                        let read: Option<String> = row.get(0);
                        if read.as_ref() != self.rows.get(&id) {
                            let last = &self.rows[&id];
                            self.wrong.push(format!(
                                "{release}: {id} is {read:?}, and was written as {last:?}"
                            ));
                        }
                    }
                    Err(error) => self.wrong.push(format!("{release}: read {id}: {error:?}")),
                }
            }
        }
    }
}

struct World {
    deployer: Deployer,
    plan: Plan,
}

impl World {
    async fn deploy(&self, version: &str) -> Report {
        let release = bluegreen_core::Release::new(Version::new(version).unwrap());
        let report = self
            .deployer
            .deploy(&self.plan, release, request())
            .await
            .unwrap();
        assert_eq!(report.end, Some(End::Promoted), "{version}: {report:#?}");
        report
    }
}

fn request() -> Request {
    Request::from(Signed::new("ada", "a rename")).give_up_standby("the next release is due")
}

fn plan() -> Plan {
    let half = Share::from_percent(50).unwrap();
    Plan::builder(ServiceName::new("shop").unwrap())
        .step(Step::new(half, Duration::from_millis(400)))
        .step(Step::new(Share::ALL, Duration::from_millis(200)))
        .soak(Duration::from_millis(200))
        .retention(Retention::default())
        .migrations(Migrations {
            backfill: true,
            ..Migrations::default()
        })
        .lease(LeasePlan {
            poll: Duration::from_millis(50),
            ..LeasePlan::default()
        })
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_column_is_renamed_over_three_releases_and_no_statement_fails() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add("1.0", &[CREATE]);
    releases.add("2.0", &[CREATE, ADD, FILL]);
    releases.add("3.0", &[CREATE, ADD, FILL, KEEP, DROP]);

    let log = CallLog::new(Arc::new(SystemClock::new()));
    let router = FakeRouter::new("edge", &log).with_split(Split::all(Slot::Blue));
    let host = FakeHost::new("host", &log);
    let store = MemoryStore::new();
    let observer = RecordingObserver::new();
    let postgres = migrator(&server, &releases);
    let checked = CheckedMigrator::new(
        ServiceName::new("shop").unwrap(),
        postgres.clone(),
        releases.folder(),
        Linter::new(Server::new(Engine::Postgres, "15".parse().unwrap())).in_transaction(true),
        store.clone(),
    )
    .database(postgres);
    let world = World {
        deployer: Deployer::builder(ServiceName::new("shop").unwrap())
            .store(store)
            .host(host.clone())
            .router(router.clone())
            .migrator(checked.clone())
            .observer(observer.clone())
            .build()
            .unwrap(),
        plan: plan(),
    };

    world.deploy("1.0").await;
    server
        .ask(&format!(
            "INSERT INTO customers SELECT g, 'old ' || g FROM generate_series(0, {}) g",
            OLD_ROWS - 1
        ))
        .unwrap();
    let load = Load::begin(&server, &router, &host).await;
    load.requests(200).await;

    world.deploy("2.0").await;
    assert_eq!(
        checked_migrations(&observer),
        (
            Outcome::Pass,
            "2 new migrations, safe on PostgreSQL 15".to_owned()
        )
    );
    load.requests(200).await;
    assert_eq!(differing(&server), "0", "the backfill has filled in everything");

    let back = world.deployer.rollback(request()).await.unwrap();
    assert_eq!(back.end, Some(End::RolledBack));
    load.requests(300).await;
    assert_ne!(differing(&server), "0", "the old release writes one of the two");

    world.deploy("2.0").await;
    assert_eq!(differing(&server), "0", "the backfill has run again");
    assert_eq!(
        server
            .ask("SELECT times_stale FROM bluegreen.migrations WHERE phase = 'backfill'")
            .unwrap(),
        "1"
    );
    load.requests(200).await;

    world.deploy("3.0").await;
    load.requests(300).await;
    // The way back is there, and the old name with it.
    assert_eq!(missing_for_2(&checked).await, "");
    refused(&world, &checked).await;
    assert_eq!(differing(&server), "0", "the trigger keeps the old name in step");

    world.deployer.retire(request()).await.unwrap();
    let contracted = world.deployer.contract(request()).await.unwrap();
    assert_eq!(contracted.end, Some(End::Contracted), "{contracted:#?}");
    load.requests(200).await;
    assert_eq!(missing_for_2(&checked).await, "customers.name");

    let outcomes = load.end().await;
    assert!(
        outcomes.wrong.is_empty(),
        "{} went wrong: {:#?}",
        outcomes.wrong.len(),
        &outcomes.wrong[..outcomes.wrong.len().min(5)]
    );
    for release in ["1.0", "2.0", "3.0"] {
        assert!(
            outcomes.by_release.get(release) > Some(&100),
            "{:?}",
            outcomes.by_release
        );
    }
    let rows = client(&server)
        .await
        .query("SELECT id, full_name FROM customers ORDER BY id", &[])
        .await
        .unwrap();
    let there: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(there.len(), outcomes.rows.len());
    assert!(
        there == outcomes.rows,
        "a row has another value than was written last"
    );
}

/// The contract migration would take away what the standby needs.
async fn refused(world: &World, checked: &CheckedMigrator) {
    let error = world.deployer.contract(request()).await.unwrap_err();
    assert!(matches!(error, DeployError::CannotBegin(_)), "{error}");
    let status = world.deployer.status().await.unwrap();
    let slots = status.lifecycle.slots();
    let obstacles = checked
        .obstacles(&op(), &assignment("3.0", 9), slots)
        .await
        .unwrap();
    let told: Vec<_> = obstacles.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["release 2.0 in blue (standby) needs customers.name"]);
    let verdict = checked
        .review(&op(), MigrationPhase::Contract, &assignment("3.0", 9), slots)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(verdict.outcome, Outcome::Fail);
}

fn differing(server: &server::Postgres) -> String {
    server
        .ask("SELECT count(*) FROM customers WHERE name IS DISTINCT FROM full_name")
        .unwrap()
}

/// What preflight said last of the migrations.
fn checked_migrations(observer: &RecordingObserver) -> (Outcome, String) {
    let events = observer.events().into_iter().rev();
    let mut results = events.filter_map(|event| match event {
        Event::Checked { results } => results.into_iter().find(|result| result.name == "migrations"),
        _ => None,
    });
    let check = results.next().expect("the migrations were checked");
    (check.outcome, check.evidence)
}

/// What 2.0 would miss if it came back now.
async fn missing_for_2(checked: &CheckedMigrator) -> String {
    let missing = checked.missing(&op(), &version("2.0"), &Slots::default()).await;
    let missing: Vec<_> = missing
        .unwrap()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    missing.join(", ")
}
