//! A run that ends at any point leaves what the next one understands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bluegreen_core::{MigrationPhase, Migrator};

use super::{Releases, assignment, migrator, op, server};

const FILES: &[(&str, &str)] = &[
    (
        "1.sql",
        "CREATE TABLE a (id int PRIMARY KEY, v int, w int); CREATE TABLE b (id int);",
    ),
    (
        "2.sql",
        "INSERT INTO a SELECT g, g FROM generate_series(1, 450) g; INSERT INTO b SELECT generate_series(1, 3);",
    ),
    (
        "3.sql",
        "CREATE INDEX CONCURRENTLY a_v ON a (v); INSERT INTO b VALUES (4); CREATE INDEX CONCURRENTLY a_w ON a (w);",
    ),
    (
        "4.sql",
        "-- no-transaction\nINSERT INTO b VALUES (5); INSERT INTO b VALUES (6); DROP INDEX CONCURRENTLY a_w; VACUUM a;",
    ),
    ("5.sql", "REINDEX INDEX CONCURRENTLY a_v;"),
    // Counts how often each row was filled in.
    (
        "6.backfill.sql",
        "UPDATE a SET w = coalesce(w, 0) + 1; INSERT INTO b VALUES (7);",
    ),
    (
        "7.contract.sql",
        "DROP TABLE b CASCADE; CREATE TABLE c AS SELECT 1 AS one;",
    ),
];

const PHASES: [MigrationPhase; 3] = [
    MigrationPhase::Expand,
    MigrationPhase::Backfill,
    MigrationPhase::Contract,
];

/// Everything that the migrations make; `b` as it was before it was dropped.
fn picture(server: &server::Postgres) -> String {
    server
        .ask(
            "SELECT coalesce((SELECT string_agg(c.relname || ' ' || coalesce(i.indisvalid::text, ''), ',' ORDER BY c.relname)
                     FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace), '')",
        )
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_run_that_is_killed_after_any_step_is_finished_by_the_next() {
    let server = server::Postgres::newest();
    let releases = Releases::new();
    releases.add("1.0", FILES);
    let all = PHASES.map(|phase| (phase, 1));
    let mut killed = 0;
    for point in 1.. {
        server
            .ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS bluegreen CASCADE")
            .unwrap();
        let steps = Arc::new(AtomicU32::new(0));
        let mut died = false;
        for (phase, deployment) in all {
            let counting = Arc::clone(&steps);
            let dying = migrator(&server, &releases).progress(move |_| {
                // As a process that is killed: everything is dropped on the spot.
                assert!(counting.fetch_add(1, Ordering::SeqCst) + 1 != point, "killed");
            });
            let run = tokio::spawn(async move {
                dying
                    .migrate(&op(), phase, &assignment("1.0", deployment))
                    .await
                    .unwrap();
            });
            if run.await.is_err() {
                died = true;
                let again = migrator(&server, &releases);
                again
                    .migrate(&op(), phase, &assignment("1.0", deployment))
                    .await
                    .unwrap_or_else(|fault| panic!("after point {point} in {phase}: {fault}"));
            }
            let (sql, expected) = match phase {
                MigrationPhase::Expand => (
                    "SELECT (SELECT string_agg(id::text, '' ORDER BY id) FROM b) || ' ' || (SELECT count(*) FROM a WHERE w IS NULL)",
                    "123456 450",
                ),
                MigrationPhase::Backfill => (
                    "SELECT (SELECT string_agg(id::text, '' ORDER BY id) FROM b) || ' ' || (SELECT count(*) FROM a WHERE w = 1)",
                    "1234567 450",
                ),
                MigrationPhase::Contract => ("SELECT count(*) FROM c", "1"),
            };
            assert_eq!(
                server.ask(sql).unwrap(),
                expected,
                "after point {point} in {phase}"
            );
        }
        assert_eq!(
            picture(&server),
            "a ,a_pkey true,a_v true,c",
            "after point {point}"
        );
        if !died {
            break;
        }
        killed += 1;
    }
    assert!(killed > 25, "only {killed} points");
}
