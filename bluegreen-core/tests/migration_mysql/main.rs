//! A real MariaDB does each change in the way that is said of it, and tells its schema.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "../server/mariadb.rs"]
mod server;

use bluegreen_core::migration::effect::{Algorithm, Lock};
use bluegreen_core::migration::mysql::{Probe, schema};
use bluegreen_core::migration::{Engine, Linter, Server, ServerVersion};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use server::MariaDb;

/// What was measured; see the test `migration_online`.
const MEASURED: &str = include_str!("../data/mariadb-online.txt");

fn opts(server: &MariaDb) -> Opts {
    OptsBuilder::default()
        .socket(server.socket().to_str())
        .user(Some("root"))
        .db_name(Some("scratch"))
        .into()
}

/// A database with nothing in it but what the SQL makes.
async fn fresh(server: &MariaDb, sql: &str) {
    let opts = OptsBuilder::from_opts(opts(server)).db_name(None::<&str>);
    let mut conn = Conn::new(opts).await.unwrap();
    conn.query_drop(format!(
        "DROP DATABASE IF EXISTS scratch; CREATE DATABASE scratch CHARACTER SET utf8mb4; USE scratch; {sql}"
    ))
    .await
    .unwrap();
    conn.disconnect().await.unwrap();
}

async fn linter(server: &MariaDb) -> Linter {
    let mut conn = Conn::new(OptsBuilder::from_opts(opts(server)).db_name(None::<&str>))
        .await
        .unwrap();
    let version: Option<String> = conn.query_first("SELECT VERSION()").await.unwrap();
    conn.disconnect().await.unwrap();
    let version: ServerVersion = version.unwrap().parse().unwrap();
    Linter::new(Server::new(Engine::Mariadb, version))
}

/// As the server is asked for it.
fn shown((algorithm, lock): (Algorithm, Lock)) -> String {
    let algorithm = match algorithm {
        Algorithm::Instant => return "INSTANT".to_owned(),
        Algorithm::NoCopy => "NOCOPY",
        Algorithm::Rebuild => "INPLACE",
        Algorithm::Copy => "COPY",
    };
    format!("{algorithm} {}", lock.to_string().replace("LOCK=", ""))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs mariadb"]
async fn each_change_is_done_in_the_way_that_is_said() {
    let server = MariaDb::start();
    let (tables, operations) = MEASURED.split_once("---\n").unwrap();
    let linter = linter(&server).await;
    let probe = Probe::new(opts(&server));
    let mut wrong = Vec::new();
    for line in operations.lines() {
        let (measured, operation) = line.split_once(": ").unwrap();
        let (setup, sql) = operation.split_once(" | ").unwrap_or(("", operation));
        fresh(&server, tables).await;
        // The last statement is the one that is asked about; those before it are of the same session.
        let probed = probe
            .compare(&linter.clone().schema(tables), &format!("{setup};\n{sql};"))
            .await
            .unwrap();
        let Some(last) = probed.last() else {
            panic!("{line}")
        };
        if !last.agrees() || last.seen.map(shown).as_deref() != Some(measured) {
            wrong.push(format!("{operation}: measured {measured}, {last}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs mariadb"]
async fn the_schema_of_a_live_server_makes_verdicts_exact() {
    let server = MariaDb::start();
    let (tables, operations) = MEASURED.split_once("---\n").unwrap();
    fresh(&server, tables).await;
    fresh_view(&server).await;
    let sql = schema(&opts(&server)).await.unwrap();
    let linter = linter(&server).await.schema(&sql);
    assert!(linter.known().views().any(|view| view == "seen"), "{sql}");
    // It says of each operation what the SQL says that made the tables.
    let declared = linter.server();
    let declared = Linter::new(declared).schema(tables);
    for line in operations.lines() {
        let (_, operation) = line.split_once(": ").unwrap();
        let (setup, sql) = operation.split_once(" | ").unwrap_or(("", operation));
        let verdict = |linter: &Linter| linter.clone().schema(setup).check(sql).verdict;
        assert_eq!(verdict(&linter), verdict(&declared), "{operation}");
    }
}

async fn fresh_view(server: &MariaDb) {
    let mut conn = Conn::new(opts(server)).await.unwrap();
    conn.query_drop("CREATE VIEW seen AS SELECT id FROM p")
        .await
        .unwrap();
    conn.disconnect().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs mariadb"]
async fn a_verdict_that_assumed_another_schema_is_found_out_and_rows_are_not_told() {
    let server = MariaDb::start();
    fresh(
        &server,
        "CREATE TABLE customers (name varchar(50)); INSERT INTO customers VALUES ('Ada'), ('Ada')",
    )
    .await;
    let linter = linter(&server)
        .await
        .schema("CREATE TABLE customers (name varchar(10))");
    let probed = Probe::new(opts(&server))
        .compare(
            &linter,
            "ALTER TABLE customers MODIFY name varchar(20); ALTER TABLE customers ADD UNIQUE (name); SELECT 1;",
        )
        .await
        .unwrap();
    let told: Vec<String> = probed.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "said: in a moment, LOCK=NONE; seen: copied row by row, LOCK=SHARED",
            "said: in place, LOCK=NONE; seen: refused: the value of a row does not fit (error 1062)",
            "said: nothing; seen: it cannot be asked for",
        ]
    );
    assert!(!probed[0].agrees());
}
