//! What runs cannot be seen.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("hidden", Kind::Hygiene, Severity::Unknown, "What runs cannot be seen")
    .why("A block with dynamic SQL, a procedure or a function of your own can do anything: what it does is not in the script.")
    .source("PostgreSQL manual, DO, CALL, EXECUTE")
    .examples(&[
        Example::bad("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$").on(Engine::Postgres),
        Example::bad("CALL migrate_orders()"),
        Example::bad("SELECT migrate_orders()").on(Engine::Postgres),
        Example::good("SELECT setval('orders_id_seq', 10)").on(Engine::Postgres),
        Example::good("DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$").on(Engine::Postgres),
    ]);

pub(super) fn change(located: &Located, _: &Site<'_>, findings: &mut Findings<'_>) {
    if let Change::Dynamic { why } = &located.change {
        findings.report(located.span, why.as_str());
    }
}
