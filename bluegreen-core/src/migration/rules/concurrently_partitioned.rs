//! An index on a partitioned table cannot be built concurrently.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "concurrently-partitioned",
    Kind::Hygiene,
    Severity::Unsafe,
    "An index on a partitioned table cannot be built concurrently",
)
.why("The server refuses CONCURRENTLY on the parent. Build the index on each partition concurrently, create it ON ONLY the parent, and attach them.")
.source("PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently")
.servers(POSTGRES)
.examples(&[
    Example::bad("CREATE INDEX CONCURRENTLY days ON orders (day)").after("CREATE TABLE orders (day date) PARTITION BY RANGE (day)"),
    Example::good("CREATE INDEX CONCURRENTLY days ON orders (day)").after("CREATE TABLE orders (day date)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateIndex(index) = &located.change else {
        return;
    };
    if index.concurrently
        && site
            .schema
            .table(&index.table)
            .is_some_and(|table| table.partitioned)
    {
        findings.report(
            located.span,
            format!("the server refuses it: {} has partitions", index.table),
        );
    }
}
