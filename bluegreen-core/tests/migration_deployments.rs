//! The deployments that a change takes: each step of them is one that the linter lets through.

#![expect(clippy::panic, reason = "a panic is how a test fails")]

use bluegreen_core::MigrationPhase;
use bluegreen_core::migration::{Deployments, Engine, Linter, Precondition, Server, Verdict};

const SCHEMA: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), size int, region text);
    CREATE TABLE orders (id int PRIMARY KEY, customer int);";

/// A change, and how many releases it takes.
const CHANGES: &[(&str, usize)] = &[
    ("ALTER TABLE customers RENAME COLUMN name TO full_name", 3),
    ("ALTER TABLE customers ALTER COLUMN size TYPE bigint", 3),
    ("ALTER TABLE customers DROP COLUMN name", 2),
    ("DROP TABLE customers", 2),
    ("ALTER TABLE customers RENAME TO clients", 2),
    ("ALTER TABLE customers ALTER COLUMN name SET NOT NULL", 2),
    ("ALTER TABLE customers ADD COLUMN age int NOT NULL", 2),
    ("ALTER TABLE customers ADD CONSTRAINT named UNIQUE (name)", 2),
    ("ALTER TABLE customers ADD CONSTRAINT some CHECK (size > 0)", 2),
    (
        "ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (customer) REFERENCES customers (id)",
        2,
    ),
];

fn linter(server: Server) -> Linter {
    Linter::new(server).schema(SCHEMA)
}

fn deployments(sql: &str, server: Server) -> Deployments {
    let report = linter(server).check(sql);
    assert_eq!(report.verdict, Verdict::Unsafe, "{sql}");
    report
        .deployments
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{sql} has no plan"))
}

/// Lints each step in its phase, each release on what those before it made.
fn refused(plan: &Deployments, server: Server) -> Vec<String> {
    let mut linter = linter(server);
    let mut release = 0;
    let mut refused = Vec::new();
    for (at, step) in plan.steps.iter().enumerate() {
        // A contract migration runs when its release is live: what came before it is old.
        if step.release != release || step.phase == MigrationPhase::Contract {
            linter.begin_release();
            release = step.release;
        }
        linter = linter.phase(step.phase);
        // What is to be put in is put in.
        let report = linter.check_next(&step.sql.replace('…', "1"));
        for finding in report.findings.iter().filter(|finding| finding.counts()) {
            refused.push(format!("step {}: {}: {}", at + 1, finding.rule, step.sql));
        }
    }
    refused
}

#[test]
fn every_step_is_safe_in_its_phase() {
    for version in ["11", "15", "18"] {
        let server = Server::new(Engine::Postgres, version.parse().unwrap());
        for (sql, releases) in CHANGES {
            let plan = deployments(sql, server);
            assert_eq!(plan.releases(), *releases, "{sql}: {plan}");
            let refused = refused(&plan, server);
            assert!(refused.is_empty(), "{sql} on {version}: {refused:#?}");
        }
        let schema = linter(server);
        let plan = Deployments::split_table(
            "customers",
            &["size", "region"],
            "customer_details",
            "id",
            server,
            schema.known(),
        );
        assert_eq!(plan.releases(), 3);
        let refused = refused(&plan, server);
        assert!(refused.is_empty(), "split on {version}: {refused:#?}");
    }
}

#[test]
fn what_is_taken_away_waits_for_those_who_use_it() {
    for (sql, _) in CHANGES {
        let plan = deployments(sql, Server::newest(Engine::Postgres));
        let last = plan
            .steps
            .iter()
            .find(|step| step.phase == MigrationPhase::Contract)
            .unwrap();
        assert!(
            matches!(last.precondition, Precondition::NoReleaseBefore(release) if release < last.release),
            "{sql}: {last:?}"
        );
        assert!(
            plan.steps
                .iter()
                .filter(|step| step.phase == MigrationPhase::Expand)
                .all(|step| step.reversible)
        );
    }
}

#[test]
fn mysql_and_mariadb_have_triggers_of_their_own() {
    for engine in [Engine::Mysql, Engine::Mariadb] {
        let plan = deployments(
            "ALTER TABLE customers CHANGE name full_name varchar(40)",
            Server::newest(engine),
        );
        assert_eq!(plan.releases(), 3);
        assert!(plan.steps.iter().any(|step| step.sql.contains("<=>")), "{plan}");
    }
}

#[test]
fn a_plan_is_data_and_reads_well() {
    let plan = deployments(
        "ALTER TABLE customers RENAME COLUMN name TO full_name",
        Server::newest(Engine::Postgres),
    );
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Deployments>(&json).unwrap(), plan);
    let text = plan.to_string();
    for line in [
        "customers.name becomes customers.full_name: 3 deployments",
        "  step 1 of 4: release 1, expand",
        "    allowed at once",
        "    lock: ACCESS EXCLUSIVE on customers, a moment",
        "  step 2 of 4: release 1, backfill",
        "      UPDATE customers SET full_name = name WHERE full_name IS DISTINCT FROM name;",
        "  step 4 of 4: release 3, contract",
        "    allowed when no slot has, or may get back, a release before release 2 of these",
        "    no way back after it",
        "      ALTER TABLE customers DROP COLUMN name;",
    ] {
        assert!(
            text.lines().any(|there| there == line),
            "no line {line:?} in\n{text}"
        );
    }
}
