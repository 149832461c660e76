//! What a scratch copy does is what is said of it; and where it is not, it is told.

use bluegreen_core::migration::postgres::Probe;
use bluegreen_core::migration::{Engine, Linter, Server};

use super::{config, server};

const SCHEMA: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(20), size int);
    CREATE TABLE orders (id int PRIMARY KEY, customer int);
    INSERT INTO customers VALUES (1, 'a', 1); INSERT INTO orders VALUES (1, 1);";

const SCRIPT: &str = "ALTER TABLE customers ADD COLUMN note text;
    ALTER TABLE customers ALTER COLUMN name TYPE varchar(40), ALTER COLUMN size SET NOT NULL;
    ALTER TABLE customers ALTER COLUMN size TYPE bigint;
    ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
    ALTER TABLE orders VALIDATE CONSTRAINT who;
    CREATE INDEX CONCURRENTLY names ON customers (name);
    CREATE INDEX sizes ON customers (size);
    CREATE TABLE fresh (id int);
    ALTER TABLE fresh ADD COLUMN other int;
    DROP INDEX sizes;
    SELECT 1 / 0;";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn what_is_said_of_a_script_is_what_a_scratch_copy_does() {
    for (version, bin) in server::Postgres::installed() {
        let server = server::Postgres::start(&bin);
        server.ask(SCHEMA).unwrap();
        let linter = Linter::new(Server::new(
            Engine::Postgres,
            version.to_string().parse().unwrap(),
        ));
        let probed = Probe::new(config(&server))
            .compare(&linter.schema(SCHEMA), SCRIPT)
            .await
            .unwrap();
        let (last, others) = probed.split_last().unwrap();
        let wrong: Vec<_> = others
            .iter()
            .filter(|probed| !probed.agrees())
            .map(|probed| format!("{}: {probed}", probed.span.of(SCRIPT)))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(last.refused.as_deref(), Some("division by zero"));
        let concurrently = &others[5];
        assert_eq!(concurrently.seen, None, "it cannot be looked at");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql"]
async fn a_verdict_that_assumed_another_schema_is_found_out() {
    let server = server::Postgres::newest();
    server.ask("CREATE TABLE customers (name varchar(50))").unwrap();
    let linter =
        Linter::new(Server::newest(Engine::Postgres)).schema("CREATE TABLE customers (name varchar(10))");
    let probed = Probe::new(config(&server))
        .compare(
            &linter,
            "ALTER TABLE customers ALTER COLUMN name TYPE varchar(20)",
        )
        .await
        .unwrap();
    assert!(!probed[0].agrees());
    assert_eq!(
        probed[0].to_string(),
        "said: ACCESS EXCLUSIVE on customers, a moment; seen: ACCESS EXCLUSIVE on customers, while every row is written anew"
    );
}
