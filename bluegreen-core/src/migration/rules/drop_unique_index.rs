//! An index that the old release may rely on is dropped.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-unique-index",
    Kind::Backward,
    Severity::Warning,
    "The old release may rely on the index",
)
.why("INSERT … ON CONFLICT names columns that a unique index must have; without it the statement fails. Queries that were fast read the whole table.")
.source("PostgreSQL manual, INSERT, ON CONFLICT")
.servers(POSTGRES)
.right_in(&[Contract])
.examples(&[
    Example::bad("DROP INDEX CONCURRENTLY orders_number").after("CREATE TABLE orders (number int); CREATE UNIQUE INDEX orders_number ON orders (number)"),
    Example::good("DROP INDEX CONCURRENTLY orders_day").after("CREATE TABLE orders (day int); CREATE INDEX orders_day ON orders (day)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::DropIndex { index, .. } = &located.change else {
        return;
    };
    let Some(facts) = site.schema.index(index) else {
        return;
    };
    if facts.unique && site.is_used(&facts.table) {
        findings.report(
            located.span,
            format!(
                "{index} is unique: a release that inserts ON CONFLICT into {} fails",
                facts.table
            ),
        );
    }
}
