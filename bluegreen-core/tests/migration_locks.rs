//! The locks that are said of PostgreSQL are those that it takes: measured on 10 to 18.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod server;

use std::collections::BTreeMap;
use std::path::Path;

use bluegreen_core::migration::effect::{Hold, Lock, Work, holds};
use bluegreen_core::migration::{Engine, Linter, Server, ServerVersion};

/// What is there before each operation.
const SCHEMA: &str = "
    CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE t (id int PRIMARY KEY, a int, v varchar(20), w varchar(20), n numeric(10,2), ts timestamp, x text, pid int);
    CREATE INDEX t_w ON t (w);
    CREATE DOMAIN d AS int;
    CREATE TABLE td (c d);
    CREATE TABLE pt (a int) PARTITION BY RANGE (a);
    CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10);
    CREATE TABLE pt2 (a int);
    CREATE TYPE mood AS ENUM ('sad');
    CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a;
    CREATE UNIQUE INDEX mv_a ON mv (a);
    INSERT INTO p VALUES (1);
    INSERT INTO t (id, a, v, w, n, ts, x, pid) VALUES (1, 1, 'a', 'a', 1, '2020-01-01', 'a', 1);
    INSERT INTO td VALUES (1);
    INSERT INTO pt2 VALUES (11);";

/// The operation, what else is there before it, and how it is asked for.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("ADD COLUMN nullable", "", "ALTER TABLE t ADD COLUMN c int"),
    (
        "ADD COLUMN DEFAULT constant",
        "",
        "ALTER TABLE t ADD COLUMN c int DEFAULT 1",
    ),
    (
        "ADD COLUMN NOT NULL DEFAULT constant",
        "",
        "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 1",
    ),
    (
        "ADD COLUMN DEFAULT now()",
        "",
        "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()",
    ),
    (
        "ADD COLUMN DEFAULT clock_timestamp() (volatile)",
        "",
        "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT clock_timestamp()",
    ),
    ("ADD COLUMN serial", "", "ALTER TABLE t ADD COLUMN c serial"),
    (
        "ADD COLUMN identity",
        "",
        "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS IDENTITY",
    ),
    (
        "ADD COLUMN GENERATED STORED",
        "",
        "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a + 1) STORED",
    ),
    (
        "ADD COLUMN GENERATED VIRTUAL",
        "",
        "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a + 1) VIRTUAL",
    ),
    (
        "ADD COLUMN nullable REFERENCES p",
        "",
        "ALTER TABLE t ADD COLUMN c int REFERENCES p",
    ),
    (
        "ADD COLUMN CHECK",
        "",
        "ALTER TABLE t ADD COLUMN c int CHECK (c > 0)",
    ),
    ("ADD COLUMN UNIQUE", "", "ALTER TABLE t ADD COLUMN c int UNIQUE"),
    ("SET NOT NULL", "", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
    (
        "SET NOT NULL after validated CHECK",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a IS NOT NULL)",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
    ),
    (
        "ADD NOT NULL ... NOT VALID",
        "",
        "ALTER TABLE t ADD CONSTRAINT k NOT NULL a NOT VALID",
    ),
    (
        "VALIDATE NOT NULL",
        "ALTER TABLE t ADD CONSTRAINT k NOT NULL a NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT k",
    ),
    ("ADD CHECK", "", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)"),
    (
        "ADD CHECK NOT VALID",
        "",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
    ),
    (
        "VALIDATE CHECK",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT k",
    ),
    (
        "ADD FK",
        "",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id)",
    ),
    (
        "ADD FK NOT VALID",
        "",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id) NOT VALID",
    ),
    (
        "VALIDATE FK",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id) NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT k",
    ),
    (
        "ADD FK NOT ENFORCED",
        "",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id) NOT ENFORCED",
    ),
    ("ADD UNIQUE", "", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)"),
    (
        "ADD UNIQUE USING INDEX",
        "CREATE UNIQUE INDEX i ON t (a)",
        "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i",
    ),
    (
        "varchar(20)->varchar(50)",
        "",
        "ALTER TABLE t ALTER COLUMN v TYPE varchar(50)",
    ),
    ("varchar(20)->text", "", "ALTER TABLE t ALTER COLUMN v TYPE text"),
    (
        "varchar(20)->varchar(10)",
        "",
        "ALTER TABLE t ALTER COLUMN v TYPE varchar(10)",
    ),
    (
        "text->varchar(50)",
        "",
        "ALTER TABLE t ALTER COLUMN x TYPE varchar(50)",
    ),
    ("int->bigint", "", "ALTER TABLE t ALTER COLUMN a TYPE bigint"),
    (
        "numeric(10,2)->numeric(12,2)",
        "",
        "ALTER TABLE t ALTER COLUMN n TYPE numeric(12,2)",
    ),
    (
        "timestamp->timestamptz, TimeZone=UTC",
        "SET TimeZone = 'UTC'",
        "ALTER TABLE t ALTER COLUMN ts TYPE timestamptz",
    ),
    (
        "timestamp->timestamptz, TimeZone=Paris",
        "SET TimeZone = 'Europe/Paris'",
        "ALTER TABLE t ALTER COLUMN ts TYPE timestamptz",
    ),
    (
        "varchar->text with dependent CHECK",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (v <> '')",
        "ALTER TABLE t ALTER COLUMN v TYPE text",
    ),
    (
        "varchar(20)->text, indexed",
        "",
        "ALTER TABLE t ALTER COLUMN w TYPE text",
    ),
    ("DROP COLUMN", "", "ALTER TABLE t DROP COLUMN a"),
    ("RENAME COLUMN", "", "ALTER TABLE t RENAME COLUMN a TO b"),
    ("SET DEFAULT", "", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1"),
    (
        "DROP NOT NULL",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
    ),
    (
        "SET STATISTICS",
        "",
        "ALTER TABLE t ALTER COLUMN a SET STATISTICS 100",
    ),
    ("SET (fillfactor)", "", "ALTER TABLE t SET (fillfactor = 80)"),
    ("CREATE INDEX", "", "CREATE INDEX i ON t (a)"),
    ("DROP INDEX", "", "DROP INDEX t_w"),
    ("REINDEX TABLE", "", "REINDEX TABLE t"),
    (
        "CREATE TRIGGER",
        "",
        "CREATE TRIGGER tg BEFORE INSERT ON t FOR EACH ROW EXECUTE PROCEDURE tf()",
    ),
    (
        "ALTER TYPE ADD VALUE (in a transaction)",
        "",
        "ALTER TYPE mood ADD VALUE 'ok'",
    ),
    (
        "ALTER DOMAIN ADD CHECK",
        "",
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0)",
    ),
    (
        "ALTER DOMAIN VALIDATE",
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID",
        "ALTER DOMAIN d VALIDATE CONSTRAINT k",
    ),
    (
        "ATTACH PARTITION (unvalidated)",
        "",
        "ALTER TABLE pt ATTACH PARTITION pt2 FOR VALUES FROM (10) TO (20)",
    ),
    ("DETACH PARTITION", "", "ALTER TABLE pt DETACH PARTITION pt1"),
    (
        "REFRESH MATVIEW CONCURRENTLY",
        "",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    ),
    (
        "ALTER CONSTRAINT DEFERRABLE",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id)",
        "ALTER TABLE t ALTER CONSTRAINT k DEFERRABLE",
    ),
    (
        "DROP CONSTRAINT FK",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p (id)",
        "ALTER TABLE t DROP CONSTRAINT k",
    ),
];

/// As the table writes it: `p:SRX t:AX REWRITE scan`.
fn shown(mut holds: Vec<Hold>) -> String {
    holds.sort_by(|a, b| a.table.cmp(&b.table));
    let one = |hold: &Hold| {
        let lock = match hold.lock {
            Lock::ShareUpdateExclusive => "SUX",
            Lock::Share => "S",
            Lock::ShareRowExclusive => "SRX",
            Lock::Exclusive => "X",
            Lock::AccessExclusive => "AX",
            _ => "?",
        };
        let work = match hold.work {
            Work::Instant => "",
            Work::Scan => " scan",
            Work::Rewrite => " REWRITE scan",
        };
        format!("{}:{lock}{work}", hold.table)
    };
    if holds.is_empty() {
        "-".to_owned()
    } else {
        holds.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

/// What is said of an operation on a version.
fn said(setup: &str, sql: &str, version: u16) -> String {
    let server = Server::new(Engine::Postgres, ServerVersion::new(version, 0, 0));
    let linter = Linter::new(server).schema(SCHEMA).schema(setup);
    let script = linter.read(sql);
    let change = &script.statements()[0].changes[0].change;
    shown(holds(change, linter.known(), server))
}

/// What was measured: by operation and version, as [`shown`] writes it, or `ERR` and what the server said.
fn measured() -> BTreeMap<String, BTreeMap<u16, String>> {
    serde_json::from_str(include_str!("data/postgres-locks.json")).unwrap()
}

#[test]
fn what_is_said_is_what_was_measured_on_each_version() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (operation, versions) in &measured() {
        let Some((_, setup, sql)) = OPERATIONS.iter().find(|(name, ..)| name == operation) else {
            panic!("{operation} is measured and not asked for")
        };
        for (version, measured) in versions
            .iter()
            .filter(|(_, measured)| !measured.starts_with("ERR"))
        {
            compared += 1;
            let said = said(setup, sql, *version);
            if said != *measured {
                wrong.push(format!(
                    "{operation} on {version}: said {said}, measured {measured}"
                ));
            }
        }
    }
    assert!(compared > 400, "only {compared} were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The locks that this session holds on ordinary tables, the tables with other files, and those that were read.
const SEEN: &str = "
    SELECT coalesce(string_agg(line, ' ' ORDER BY relname::text COLLATE \"C\"), '-') FROM (
        SELECT c.relname, c.relname || ':' || k.code
            || CASE WHEN f.before IS DISTINCT FROM pg_relation_filenode(c.oid) THEN ' REWRITE scan'
                    WHEN pg_stat_get_xact_numscans(c.oid) > 0 THEN ' scan' ELSE '' END AS line
        FROM pg_class c
        JOIN files f ON f.oid = c.oid
        JOIN LATERAL (
            SELECT m.code FROM pg_locks l
            JOIN (VALUES (1, 'ShareUpdateExclusiveLock', 'SUX'), (2, 'ShareLock', 'S'), (3, 'ShareRowExclusiveLock', 'SRX'),
                         (4, 'ExclusiveLock', 'X'), (5, 'AccessExclusiveLock', 'AX')) AS m (strength, mode, code) ON m.mode = l.mode
            WHERE l.relation = c.oid AND l.pid = pg_backend_pid() ORDER BY m.strength DESC LIMIT 1) k ON true
        WHERE c.relkind IN ('r', 'p', 'm')) AS seen";

#[test]
#[ignore = "needs postgresql"]
fn what_is_said_is_what_each_server_does() {
    let installed = server::Postgres::installed();
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(
            installed.len() >= 2,
            "`make setup` installs more than {installed:?}"
        );
    }
    let measured = measured();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let servers: Vec<_> = installed
            .iter()
            .map(|(version, bin)| scope.spawn(|| differences(*version, bin, &measured)))
            .collect();
        servers
            .into_iter()
            .flat_map(|server| server.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a server does not do what is said of it, or what was measured.
fn differences(version: u16, bin: &Path, measured: &BTreeMap<String, BTreeMap<u16, String>>) -> Vec<String> {
    let postgres = server::Postgres::start(bin);
    let mut wrong = Vec::new();
    for (operation, setup, sql) in OPERATIONS {
        let measured = &measured[*operation][&version];
        match seen(&postgres, setup, sql) {
            Ok(seen) => {
                let said = said(setup, sql, version);
                if seen != said || seen != *measured {
                    wrong.push(format!(
                        "{operation} on {version}: said {said}, measured {measured}, seen {seen}"
                    ));
                }
            }
            // What this version does not have.
            Err(error) => {
                let told = measured
                    .strip_prefix("ERR ")
                    .is_some_and(|told| error.contains(told));
                if !told {
                    wrong.push(format!(
                        "{operation} on {version}: measured {measured}, refused: {error}"
                    ));
                }
            }
        }
    }
    wrong
}

/// Does an operation on a schema of its own.
fn seen(postgres: &server::Postgres, setup: &str, sql: &str) -> Result<String, String> {
    postgres.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")?;
    postgres.ask(SCHEMA)?;
    // What is said of the session has to be said in it.
    let session = if setup.starts_with("SET ") { setup } else { "" };
    if session != setup {
        postgres.ask(setup)?;
    }
    let files = "CREATE TEMPORARY TABLE files AS SELECT oid, pg_relation_filenode(oid) AS before FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let seen = postgres.ask(&format!("{session}; {files}; BEGIN; {sql}; {SEEN}; ROLLBACK;"))?;
    // How the referenced table is read when a foreign key is checked is the planner's choice.
    Ok(seen.replace("p:SRX scan t:SRX", "p:SRX t:SRX"))
}
