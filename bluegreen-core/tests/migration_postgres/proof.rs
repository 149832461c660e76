//! Recorded statements of both releases, prepared on a scratch database of a real server.

use bluegreen_core::lifecycle::{SlotState, Slots};
use bluegreen_core::migration::postgres::PostgresScratch;
use bluegreen_core::migration::{CheckedMigrator, Engine, Linter, NEEDS_STATEMENTS_FILE, Proof, Server};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{MigrationPhase, Migrator, Outcome, Release, Role, ServiceName};

use super::{Releases, assignment, config, migrator, op, server, version};

const CREATE: (&str, &str) = (
    "1.sql",
    "CREATE TYPE state AS ENUM ('new', 'paid'); CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, state state DEFAULT 'new'); GRANT SELECT ON customers TO nobody_here;",
);
const OLD: &str = "SELECT id, name FROM customers WHERE id = $1;
    INSERT INTO customers (name) VALUES ($1) RETURNING id;
    UPDATE customers SET state = 'paid' WHERE id = ANY ($1);
    SELECT gone FROM customers;";
const NEW: &str = "SELECT id, full_name FROM customers WHERE full_name ILIKE $1 || '%';
    SELECT count(*) FROM customers;";

struct World {
    releases: Releases,
    checked: CheckedMigrator,
    _server: server::Postgres,
}

impl World {
    /// 1.0 is live, with the statements that it was seen to send.
    async fn new() -> Self {
        let (_, bin) = server::Postgres::installed().pop().unwrap();
        let server = server::Postgres::start(&bin);
        server.ask("CREATE DATABASE scratch").unwrap();
        let releases = Releases::new();
        let mut scratch = config(&server);
        scratch.dbname("scratch");
        let checked = CheckedMigrator::new(
            ServiceName::new("shop").unwrap(),
            migrator(&server, &releases),
            releases.folder(),
            Linter::new(Server::new(Engine::Postgres, "15".parse().unwrap())),
            MemoryStore::new(),
        )
        .scratch(PostgresScratch::new(scratch));
        releases.add("1.0", &[("1.sql", CREATE.1), (NEEDS_STATEMENTS_FILE, OLD)]);
        // The role that is granted to is not there: rights are no part of a proof, but of a run they are.
        server.ask("CREATE ROLE nobody_here").unwrap();
        checked
            .migrate(&op(), MigrationPhase::Expand, &assignment("1.0", 1))
            .await
            .unwrap();
        Self {
            releases,
            checked,
            _server: server,
        }
    }

    fn slots() -> Slots {
        let live = SlotState {
            role: Role::Live,
            release: Some(Release::new(version("1.0"))),
            ..SlotState::default()
        };
        Slots {
            blue: live,
            ..Slots::default()
        }
    }

    async fn prove(&self, sql: &str, statements: &str) -> (Proof, Outcome, String) {
        self.releases.add(
            "2.0",
            &[
                ("1.sql", CREATE.1),
                ("2.sql", sql),
                (NEEDS_STATEMENTS_FILE, statements),
            ],
        );
        let assignment = assignment("2.0", 2);
        let slots = Self::slots();
        let proof = self
            .checked
            .prove(&op(), &assignment, &slots)
            .await
            .unwrap()
            .unwrap();
        let said = self
            .checked
            .review(&op(), MigrationPhase::Expand, &assignment, &slots)
            .await
            .unwrap()
            .unwrap();
        (proof, said.outcome, said.evidence)
    }
}

#[tokio::test]
#[ignore = "needs postgresql"]
async fn what_both_releases_send_is_prepared_before_and_after_the_migrations() {
    let world = World::new().await;
    let (proof, outcome, said) = world
        .prove(
            "ALTER TABLE customers ADD COLUMN full_name text; CREATE INDEX CONCURRENTLY names ON customers (full_name);",
            NEW,
        )
        .await;
    assert_eq!(outcome, Outcome::Pass, "{said}");
    assert!(
        said.ends_with("4 statements of the live release and 2 of this one prepared on a scratch database (1 of these need the migrations first)"),
        "{said}"
    );
    assert_eq!(
        proof.to_string(),
        "old: SELECT id, name FROM customers WHERE id = $1: prepared before and after
old: INSERT INTO customers (name) VALUES ($1) RETURNING id: prepared before and after
old: UPDATE customers SET state = 'paid' WHERE id = ANY ($1): prepared before and after
old: SELECT gone FROM customers: refused before and after: column \"gone\" does not exist
new: SELECT id, full_name FROM customers WHERE full_name ILIKE $1 || '%': refused before: column \"full_name\" does not exist
new: SELECT count(*) FROM customers: prepared before and after
"
    );
}

#[tokio::test]
#[ignore = "needs postgresql"]
async fn a_statement_that_the_migrations_break_is_refused_by_name_though_a_comment_allows_it() {
    let world = World::new().await;
    let (proof, outcome, said) = world
        .prove(
            "-- bluegreen:allow rename-column: nobody reads it, we think\nALTER TABLE customers RENAME COLUMN name TO full_name;",
            NEW,
        )
        .await;
    assert_eq!(proof.broken().count(), 2);
    assert_eq!(outcome, Outcome::Fail);
    assert_eq!(
        said,
        "a statement of the live release: SELECT id, name FROM customers WHERE id = $1: refused after: column \"name\" does not exist; and 1 more"
    );

    let (_, outcome, said) = world
        .prove(
            "ALTER TABLE customers ADD COLUMN full_name text;",
            "SELECT surname FROM customers",
        )
        .await;
    assert_eq!(outcome, Outcome::Fail);
    assert!(
        said.starts_with("a statement of this release on its own schema: SELECT surname"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "needs postgresql"]
async fn the_scratch_database_is_left_as_it_was() {
    let world = World::new().await;
    for _ in 0..2 {
        let (_, outcome, said) = world
            .prove("ALTER TABLE customers ADD COLUMN full_name text;", NEW)
            .await;
        assert_eq!(outcome, Outcome::Pass, "{said}");
    }
    world.releases.add(
        "3.0",
        &[
            ("1.sql", "ALTER TABLE nowhere ADD COLUMN a int"),
            (NEEDS_STATEMENTS_FILE, NEW),
        ],
    );
    let refused = world
        .checked
        .prove(&op(), &assignment("3.0", 3), &World::slots())
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains(
            "refuses a migration (ALTER TABLE nowhere ADD COLUMN a int): relation \"nowhere\" does not exist"
        ),
        "{refused}"
    );
}
