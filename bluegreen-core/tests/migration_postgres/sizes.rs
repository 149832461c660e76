//! How large tables are, as a real server reckons.

use bluegreen_core::migration::{Engine, Linter, LiveDatabase, Server, Verdict};

use super::{Releases, migrator, op, server};

#[tokio::test]
#[ignore = "needs postgresql"]
async fn the_server_tells_how_many_rows_there_are_and_says_nothing_where_nobody_has_counted() {
    for (_, bin) in server::Postgres::installed() {
        let server = server::Postgres::start(&bin);
        server
            .ask(
                "CREATE TABLE counted AS SELECT n FROM generate_series(1, 5000) n; ANALYZE counted;
                 CREATE TABLE grown AS SELECT n FROM generate_series(1, 1000) n; ANALYZE grown;
                 INSERT INTO grown SELECT n FROM generate_series(1, 200000) n;
                 CREATE TABLE uncounted (n int); ALTER TABLE uncounted SET (autovacuum_enabled = false);
                 INSERT INTO uncounted SELECT n FROM generate_series(1, 5000) n;
                 CREATE SCHEMA audit; CREATE TABLE audit.log (n int); ANALYZE audit.log;
                 CREATE TABLE parts (n int) PARTITION BY LIST (n);
                 CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
                 INSERT INTO parts SELECT 1 + n % 2 FROM generate_series(1, 6000) n; ANALYZE parts_1, parts_2;",
            )
            .unwrap();
        let releases = Releases::new();
        let rows = migrator(&server, &releases).rows(&op()).await.unwrap();
        let about = |table: &str, expected: u64| {
            let rows = rows.get(table).copied().unwrap_or(u64::MAX);
            assert!(
                rows >= expected * 9 / 10 && rows <= expected * 11 / 10,
                "{table} has {rows} rows"
            );
        };
        about("counted", 5_000);
        about("audit.log", 0);
        about("parts", 6_000);
        assert!(!rows.contains_key("uncounted"), "{rows:?}");
        // What was counted long ago is reckoned by the size of now.
        assert!(rows["grown"] > 100_000, "{rows:?}");

        let linter = Linter::new(Server::newest(Engine::Postgres));
        let linter = rows
            .iter()
            .fold(linter, |linter, (table, rows)| linter.rows(table, *rows));
        for (table, verdict) in [
            ("counted", Verdict::Safe),
            ("public.parts_1", Verdict::Safe),
            ("grown", Verdict::Unsafe),
            ("uncounted", Verdict::Unsafe),
        ] {
            let report = linter.check(&format!("CREATE INDEX ON {table} (n)"));
            assert_eq!(report.verdict, verdict, "{table}: {:#?}", report.findings);
        }
    }
}
