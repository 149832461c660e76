//! A partition goes with its rows.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-partition",
    Kind::DataLoss,
    Severity::Unsafe,
    "A partition goes with its rows",
)
.why("The rows are gone for both releases; EXCHANGE puts others in their place.")
.source("MySQL manual, ALTER TABLE, partition operations")
.servers(MYSQL)
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders DROP PARTITION p2020"),
    Example::bad("ALTER TABLE orders TRUNCATE PARTITION p2020"),
    Example::bad("ALTER TABLE orders EXCHANGE PARTITION p2020 WITH TABLE archive"),
    Example::good("ALTER TABLE orders ADD PARTITION (PARTITION p2030 VALUES LESS THAN (2031))"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    let goes = match action {
        TableAction::DropPartition { .. } => true,
        TableAction::Partition { verb } => verb == "exchange",
        _ => false,
    };
    if goes && site.is_used(table) {
        findings.report(
            located.span,
            format!("the rows of the partition of {table} are lost"),
        );
    }
}
