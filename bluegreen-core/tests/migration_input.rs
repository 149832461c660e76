//! Whatever the input is: never a panic, never quadratic, and what is broken is never safe.

#![expect(
    clippy::format_collect,
    clippy::type_complexity,
    reason = "texts of a table of shapes"
)]

use bluegreen_core::migration::{Engine, Linter, Server, Verdict};
use proptest::prelude::*;

/// Pieces of SQL, whole and broken, from which nonsense is made.
const PIECES: &[&str] = &[
    "ALTER TABLE ",
    "CREATE TABLE ",
    "CREATE INDEX CONCURRENTLY ",
    "DROP ",
    "ADD COLUMN ",
    "CHECK (",
    "'",
    "\"",
    "`",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "#",
    ";",
    "(",
    ")",
    ",",
    ".",
    "\n",
    "\r\n",
    "\0",
    "a",
    "\"A b\"",
    "ü",
    "日本",
    "\u{fffd}",
    "int",
    "NOT NULL",
    "DEFAULT ",
    "BEGIN",
    "END",
    "ATOMIC ",
    "DELIMITER //\n",
    "//",
    "COPY a FROM stdin",
    "\\.\n",
    "\\i x\n",
    "DO ",
    "FUNCTION f() ",
    "REFERENCES b (c)",
    "::text",
    "1e9",
    "$1",
    "?",
    "@x",
    "UPDATE a SET b = ",
    "WHERE ",
    "SELECT ",
    "FROM ",
    "WITH a AS (",
    "⇂ ",
    "-- bluegreen:allow drop-table: x\n",
    "-- +goose Down\n",
    "RENAME TO ",
    "TYPE ",
    "USING ",
    "PARTITION OF ",
    "IF NOT EXISTS ",
    "EXPLAIN ANALYZE ",
    "E'\\",
    "U&'",
    "X'",
    "[",
    "]",
    "MODIFY ",
    "CHANGE ",
    "ENUM('a','b')",
    "\u{feff}",
    "\u{1}",
    "LANGUAGE plpgsql",
];

fn check_all(sql: &str) {
    for engine in Engine::ALL {
        let mut linter = Linter::new(Server::newest(engine));
        linter.replay(sql);
        let report = linter.check_next(sql);
        for finding in &report.findings {
            assert!(
                sql.get(finding.span.range()).is_some(),
                "a span that is not in the text"
            );
            assert!(finding.line >= 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_made_of_sql_is_survived(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let sql: Vec<&str> = pieces.iter().map(|at| PIECES[*at]).collect();
        check_all(&sql.concat());
        check_all(&sql.join(" "));
    }

    #[test]
    fn any_text_is_survived(sql in ".{0,80}") {
        check_all(&sql);
    }
}

#[test]
fn every_prefix_of_a_migration_is_survived() {
    let sql = "BEGIN; ALTER TABLE \"ü\".\"a.b\" ADD COLUMN c numeric(10, 2) DEFAULT round(1.5, 2) CHECK (c IS NOT NULL), DROP d; \
        DO $x$ BEGIN EXECUTE 'x'; END $x$; CREATE TABLE t (a int, CONSTRAINT u UNIQUE (a)); /* c /* d */ */ UPDATE a SET b = 'it''s'; COMMIT;";
    for (end, _) in sql.char_indices() {
        check_all(&sql[..end]);
    }
}

#[test]
fn what_no_server_would_read_is_never_safe() {
    for sql in [
        "ALTER TABLE a ADD COLUMN b int DEFAULT 'x",
        "CREATE TABLE a (b int",
        "CREATE TABLE a (b int))",
        "ALTER TABLE a ADD COLUMN b int \0",
        "ALTER TABLE a ADD COLUMN `b` int",
        "ALTER TABLE a ADD COLUMN b int b int c",
        "CREATE TABLE \u{fffd} (a int)",
        "/* open",
        "SELECT $$ 1",
        "\\i other.sql",
    ] {
        assert_eq!(
            Linter::new(Server::newest(Engine::Postgres)).check(sql).verdict,
            Verdict::Unknown,
            "{sql}"
        );
    }
}

/// Time grows with the size, and not faster: ten times the text takes less than thirty times as long.
#[test]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn nothing_is_quadratic() {
    let shapes: &[(&str, fn(usize) -> String)] = &[
        ("parentheses", |n| {
            format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n))
        }),
        ("a check in parentheses", |n| {
            format!("ALTER TABLE a ADD CHECK {}a{}", "(".repeat(n), ")".repeat(n))
        }),
        ("open parentheses", |n| {
            format!("CREATE TABLE a ({}", "(".repeat(n))
        }),
        ("quotes", |n| "'".repeat(n * 2 + 1)),
        ("dollar quotes", |n| {
            (0..n).map(|at| format!("$a{at}$ ;")).collect()
        }),
        ("comments", |n| "/* ".repeat(n)),
        ("one insert", |n| {
            format!("INSERT INTO a VALUES {}(1)", "(1, 'x'), ".repeat(n))
        }),
        ("columns", |n| {
            format!(
                "ALTER TABLE a {} ADD COLUMN z int",
                (0..n)
                    .map(|at| format!("ADD COLUMN c{at} int CHECK (c{at} > 0),"))
                    .collect::<String>()
            )
        }),
        ("drops", |n| {
            format!(
                "DROP TABLE {} z",
                (0..n).map(|at| format!("t{at}, ")).collect::<String>()
            )
        }),
        ("renames", |n| {
            format!(
                "RENAME TABLE {} y TO z",
                (0..n).map(|at| format!("t{at} TO u{at}, ")).collect::<String>()
            )
        }),
        ("bodies without an end", |n| {
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SELECT 1; ".repeat(n)
        }),
        ("rules", |n| {
            format!("CREATE RULE r AS ON INSERT TO a DO ({}", "a;".repeat(n))
        }),
        ("explains", |n| "EXPLAIN ANALYZE ".repeat(n)),
        ("conditions", |n| {
            format!(
                "ALTER TABLE a ADD CHECK ({} b IS NOT NULL)",
                "(a IS NOT NULL) AND ".repeat(n)
            )
        }),
        ("one line", |n| "DROP TABLE a; ".repeat(n)),
        ("one line without blanks", |n| "a;".repeat(n)),
        ("allowances", |n| {
            format!("{} DROP TABLE a", "-- bluegreen:allow drop-table: x\n".repeat(n))
        }),
    ];
    for (name, shape) in shapes {
        for engine in [Engine::Postgres, Engine::Mysql, Engine::Sqlite] {
            let took = |n: usize| {
                let sql = shape(n);
                let begin = std::time::Instant::now();
                let _ = Linter::new(Server::newest(engine)).check(&sql);
                begin.elapsed()
            };
            // Other things run on the machine: one try that was not disturbed is enough.
            let linear =
                (0..5).any(|_| took(20_000) < took(2_000) * 30 + std::time::Duration::from_millis(400));
            assert!(
                linear,
                "{name} on {engine}: {:?} grows to {:?}",
                took(2_000),
                took(20_000)
            );
        }
    }
}
