//! The steps of a plan on a real server: old and new code work at each of them.

use bluegreen_core::MigrationPhase;
use bluegreen_core::migration::{Deployments, Engine, Linter, Server};

use super::server;

const SCHEMA: &str = "CREATE TABLE customers (id int PRIMARY KEY, name varchar(40), size int);";

fn plan(sql: &str, version: u16) -> Deployments {
    let server = Server::new(Engine::Postgres, version.to_string().parse().unwrap());
    let report = Linter::new(server).schema(SCHEMA).check(sql);
    report.deployments.into_iter().next().unwrap()
}

/// Runs a step as the runner would: what is alone by itself.
fn run(server: &server::Postgres, sql: &str) {
    if sql.contains("CONCURRENTLY") || sql.is_empty() {
        server.ask(sql).unwrap();
    } else {
        let begun = sql.trim_start().starts_with("BEGIN");
        let sql = if begun {
            sql.to_owned()
        } else {
            format!("BEGIN; {sql} COMMIT;")
        };
        server
            .ask(&sql)
            .unwrap_or_else(|error| panic!("{error} in {sql}"));
    }
}

/// A change, what the old and the new code write and read of row $1, and that the old code must still be
/// able to do it until the contract step.
struct Case {
    change: &'static str,
    old: &'static str,
    new: &'static str,
    /// True of every row at the end.
    holds: &'static str,
}

const CASES: &[Case] = &[
    Case {
        change: "ALTER TABLE customers RENAME COLUMN name TO full_name",
        old: "INSERT INTO customers (id, name) VALUES ($, 'old'); UPDATE customers SET name = name || '!' WHERE id = $;",
        new: "INSERT INTO customers (id, full_name) VALUES ($, 'new'); UPDATE customers SET full_name = full_name || '?' WHERE id = $;",
        holds: "full_name IN ('before', 'old!', 'new?')",
    },
    Case {
        change: "ALTER TABLE customers ALTER COLUMN size TYPE bigint",
        old: "INSERT INTO customers (id, size) VALUES ($, 1); UPDATE customers SET size = size + 1 WHERE id = $;",
        new: "INSERT INTO customers (id, size_new) VALUES ($, 5); UPDATE customers SET size_new = size_new + 1 WHERE id = $;",
        holds: "size_new IN (0, 2, 6)",
    },
];

#[test]
#[ignore = "needs postgresql"]
fn old_and_new_code_work_at_each_step_and_no_value_is_lost() {
    for (version, bin) in server::Postgres::installed() {
        let server = server::Postgres::start(&bin);
        for case in CASES {
            server
                .ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                .unwrap();
            server.ask(SCHEMA).unwrap();
            server
                .ask("INSERT INTO customers SELECT g, 'before', 0 FROM generate_series(1, 10) g")
                .unwrap();
            let mut id = 100;
            let mut write = |sql: &str| {
                id += 1;
                server
                    .ask(&sql.replace('$', &id.to_string()))
                    .unwrap_or_else(|error| panic!("{}: {error}", case.change));
            };
            let plan = plan(case.change, version);
            write(case.old);
            let mut new_code = false;
            for step in &plan.steps {
                if step.phase == MigrationPhase::Contract {
                    run(&server, &step.sql);
                    write(case.new);
                    continue;
                }
                run(&server, &step.sql);
                new_code |= step.release > 1;
                write(case.old);
                if new_code {
                    write(case.new);
                    write(case.old);
                }
            }
            let broken = server
                .ask(&format!(
                    "SELECT count(*) FROM customers WHERE ({}) IS NOT TRUE",
                    case.holds
                ))
                .unwrap();
            assert_eq!(
                broken,
                "0",
                "{}\n{}",
                case.change,
                server.ask("SELECT * FROM customers").unwrap()
            );
        }
    }
}
