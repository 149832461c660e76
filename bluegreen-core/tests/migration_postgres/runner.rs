//! What the runner promises, one thing at a time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::migration::Engine;
use bluegreen_core::migration::{Linter, LiveDatabase, Needs, Server};
use bluegreen_core::{FaultKind, MigrationPhase, Migrator};

use super::{Releases, assignment, client, hasty, migrator, op, server, version};

const EXPAND: MigrationPhase = MigrationPhase::Expand;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn each_phase_runs_its_own_once() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add(
        "1.0",
        &[
            ("1_a.sql", "CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'x' FROM generate_series(1, 250) g"),
            ("2_fill.backfill.sql", "UPDATE a SET v = 'y' WHERE v = 'x'"),
            ("3_drop.contract.sql", "ALTER TABLE a DROP COLUMN v"),
            ("10_index.sql", "CREATE INDEX CONCURRENTLY a_v ON a (v)"),
        ],
    );
    let migrator = migrator(&server, &releases);
    let (op, first) = (op(), assignment("1.0", 1));
    let run = async |phase| migrator.migrate(&op, phase, &first).await.unwrap();
    assert_eq!(run(EXPAND).await, "applied 1_a.sql, 10_index.sql");
    assert_eq!(run(EXPAND).await, "nothing to apply for expand");
    assert_eq!(server.ask("SELECT count(*) FROM a WHERE v = 'x'").unwrap(), "250");
    assert_eq!(
        run(MigrationPhase::Backfill).await,
        "250 rows by 2_fill.backfill.sql"
    );
    assert_eq!(
        run(MigrationPhase::Backfill).await,
        "nothing to apply for backfill"
    );
    assert_eq!(run(MigrationPhase::Contract).await, "applied 3_drop.contract.sql");
    let columns = "SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(server.ask(columns).unwrap(), "id");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_stale_backfill_runs_again_and_only_then() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add(
        "1.0",
        &[
            ("1.sql", "CREATE TABLE a (id int PRIMARY KEY, v int, w int); INSERT INTO a SELECT g, g FROM generate_series(1, 250) g"),
            ("2.backfill.sql", "UPDATE a SET w = v WHERE w IS DISTINCT FROM v"),
        ],
    );
    let migrator = migrator(&server, &releases);
    let op = op();
    let fill = async |deployment| {
        migrator
            .migrate(&op, MigrationPhase::Backfill, &assignment("1.0", deployment))
            .await
            .unwrap()
    };
    migrator
        .migrate(&op, EXPAND, &assignment("1.0", 1))
        .await
        .unwrap();
    assert_eq!(fill(1).await, "250 rows by 2.backfill.sql");
    server.ask("UPDATE a SET v = 0 WHERE id <= 5").unwrap();
    assert_eq!(fill(2).await, "nothing to apply for backfill");
    let stale = [version("1.0")];
    migrator
        .mark_stale(&op, &stale, &assignment("1.0", 2))
        .await
        .unwrap();
    assert_eq!(fill(2).await, "5 rows by 2.backfill.sql");
    // The same deployment, resumed after a crash: what it has filled in is not stale.
    migrator
        .mark_stale(&op, &stale, &assignment("1.0", 2))
        .await
        .unwrap();
    assert_eq!(fill(2).await, "nothing to apply for backfill");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_file_that_was_changed_after_it_ran_is_refused() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add("1.0", &[("1.sql", "CREATE TABLE a (id int)")]);
    releases.add("1.1", &[("1.sql", "CREATE TABLE a (id bigint)")]);
    let migrator = migrator(&server, &releases);
    let op = op();
    migrator
        .migrate(&op, EXPAND, &assignment("1.0", 1))
        .await
        .unwrap();
    let refused = migrator
        .migrate(&op, EXPAND, &assignment("1.1", 2))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Rejected);
    assert!(
        refused.message.contains("was changed after it was applied"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn what_the_server_refuses_leaves_nothing_and_can_be_mended() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add("1.0", &[("1.sql", "CREATE TABLE a (id int); SELECT 1 / 0")]);
    let migrator = migrator(&server, &releases);
    let op = op();
    let refused = migrator
        .migrate(&op, EXPAND, &assignment("1.0", 1))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Rejected);
    assert_eq!(
        refused.to_string(),
        "postgres: migrate of 1.sql: rejected: division by zero"
    );
    assert_eq!(server.ask("SELECT to_regclass('a') IS NULL").unwrap(), "t");
    releases.add("1.0", &[("1.sql", "CREATE TABLE a (id int)")]);
    migrator
        .migrate(&op, EXPAND, &assignment("1.0", 2))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_lock_that_is_not_given_is_tried_for_again_and_nobody_waits_behind_it_for_long() {
    let server = server::Postgres::newest();
    server.ask("CREATE TABLE a (id int PRIMARY KEY)").unwrap();
    let releases = Releases::new();
    releases.add("1.0", &[("1.sql", "ALTER TABLE a ADD COLUMN v int")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let migrator = migrator(&server, &releases)
        .progress(move |progress| telling.lock().unwrap().push(progress.doing.clone()));
    let holder = client(&server).await;
    holder.batch_execute("BEGIN; SELECT * FROM a").await.unwrap();
    let run = tokio::spawn(async move { migrator.migrate(&op(), EXPAND, &assignment("1.0", 1)).await });
    // A reader that comes while the migration waits for its lock waits behind it: for the lock timeout.
    let reader = client(&server).await;
    let mut longest = Duration::ZERO;
    for _ in 0..40 {
        let began = std::time::Instant::now();
        reader.query("SELECT * FROM a", &[]).await.unwrap();
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        longest < hasty().lock_timeout * 4,
        "a reader waited for {longest:?}"
    );
    assert!(!run.is_finished());
    holder.batch_execute("COMMIT").await.unwrap();
    run.await.unwrap().unwrap();
    let told = told.lock().unwrap().join("\n");
    assert!(told.contains("tries again in"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn two_runs_at_once_are_one_after_the_other_and_an_index_is_built_all_the_same() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add(
        "1.0",
        &[
            (
                "1.sql",
                "CREATE TABLE a (id int); INSERT INTO a SELECT generate_series(1, 100000)",
            ),
            ("2.sql", "SELECT pg_sleep(0.5)"),
            ("3.sql", "CREATE INDEX CONCURRENTLY a_id ON a (id)"),
        ],
    );
    let run = || {
        let migrator = migrator(&server, &releases);
        async move {
            migrator
                .migrate(&op(), EXPAND, &assignment("1.0", 1))
                .await
                .unwrap()
        }
    };
    let (one, other) = tokio::join!(run(), run());
    let mut both = [one, other];
    both.sort();
    assert_eq!(
        both,
        ["applied 1.sql, 2.sql, 3.sql", "nothing to apply for expand"]
    );
    assert_eq!(
        server
            .ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass")
            .unwrap(),
        "t"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn an_index_that_a_broken_build_left_is_built_again() {
    let server = server::Postgres::newest();
    server
        .ask("CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1)")
        .unwrap();
    let releases = Releases::new();
    releases.add(
        "1.0",
        &[(
            "1.sql",
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id)",
        )],
    );
    let migrator = migrator(&server, &releases);
    let refused = migrator
        .migrate(&op(), EXPAND, &assignment("1.0", 1))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Rejected);
    assert_eq!(
        server.ask("SELECT to_regclass('a_id') IS NULL").unwrap(),
        "t",
        "every write pays for it"
    );
    // One that somebody else has left.
    let _ = server
        .ask("CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)")
        .unwrap_err();
    server.ask("DELETE FROM a").unwrap();
    migrator
        .migrate(&op(), EXPAND, &assignment("1.0", 1))
        .await
        .unwrap();
    assert_eq!(
        server
            .ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass")
            .unwrap(),
        "t"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn the_schema_of_a_live_database_is_read_to_the_last_thing() {
    let server = server::Postgres::newest();
    let schema = "CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
        CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
        CREATE FUNCTION later() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';
        CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x', feels mood, \"Odd one\" positive);
        CREATE TABLE orders (id int, customer bigint REFERENCES customers, at date NOT NULL, twice int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (at);
        CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        ALTER TABLE customers ADD CONSTRAINT named CHECK (feels IS NOT NULL) NOT VALID;
        CREATE INDEX customers_feels ON customers (feels);
        CREATE VIEW names AS SELECT name FROM customers;
        CREATE SCHEMA audit; CREATE TABLE audit.log (at timestamptz)";
    server.ask(schema).unwrap();
    let releases = Releases::new();
    let dump = migrator(&server, &releases).schema(&op()).await.unwrap();
    let linter = Linter::new(Server::newest(Engine::Postgres));
    let unknown: Vec<_> = linter
        .read(&dump)
        .statements()
        .iter()
        .filter(|statement| format!("{:?}", statement.changes).contains("Unknown"))
        .map(|statement| statement.span.of(&dump).to_owned())
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let read = Needs::of_schema(linter.clone().schema(&dump).known());
    let made = Needs::of_schema(linter.clone().schema(schema).known());
    let missing: Vec<_> = made.without(&read).map(|loss| loss.to_string()).collect();
    assert!(missing.is_empty(), "{missing:?} in\n{dump}");
    // What is known decides: the column widens, and is not written anew.
    let linter = linter.schema(&dump);
    let report = linter.check("ALTER TABLE customers ALTER COLUMN name TYPE varchar(50)");
    assert!(
        report.findings.iter().all(|finding| !finding.counts()),
        "{report:?}"
    );
    let report = linter.check("ALTER TABLE customers VALIDATE CONSTRAINT named");
    assert!(
        report.findings.iter().all(|finding| !finding.counts()),
        "{report:?}"
    );
}
