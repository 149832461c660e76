//! Maintenance that writes a table anew.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "rewrite-command",
    Kind::Blocking,
    Severity::Unsafe,
    "Maintenance writes the whole table anew while everybody waits",
)
.why("VACUUM FULL and CLUSTER hold ACCESS EXCLUSIVE until the last row and the last index are written. pg_repack and pg_squeeze do it while others work.")
.source("PostgreSQL manual, VACUUM, CLUSTER")
.servers(POSTGRES)
.examples(&[
    Example::bad("VACUUM FULL orders"),
    Example::bad("VACUUM (ANALYZE, FULL) orders"),
    Example::bad("CLUSTER orders USING orders_by_day"),
    Example::good("VACUUM (ANALYZE) orders"),
    Example::good("ALTER TABLE orders CLUSTER ON orders_by_day"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (Change::Vacuum { full: true, table } | Change::Cluster { table }) = &located.change else {
        return;
    };
    if table.as_ref().is_some_and(|table| !site.is_used(table)) {
        return;
    }
    findings
        .report(
            located.span,
            "nobody reads or writes the table until it is written anew",
        )
        .hold(site.blocking(&located.change));
}
