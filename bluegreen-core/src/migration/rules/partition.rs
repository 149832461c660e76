//! Partitions that come and go.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "partition",
    Kind::Blocking,
    Severity::Unsafe,
    "A partition comes or goes while others wait",
)
.why("ATTACH reads the new partition under ACCESS EXCLUSIVE, unless a valid CHECK proves its bounds, and reads the default partition too; CREATE TABLE … PARTITION OF locks the parent. DETACH takes ACCESS EXCLUSIVE on the parent; CONCURRENTLY exists since PostgreSQL 14.")
.source("PostgreSQL manual, ALTER TABLE, ATTACH PARTITION; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders DETACH PARTITION orders_2020"),
    Example::good("ALTER TABLE orders DETACH PARTITION orders_2020 CONCURRENTLY"),
    Example::bad("ALTER TABLE orders ATTACH PARTITION orders_2020 FOR VALUES FROM (1) TO (2)"),
    Example::good("ALTER TABLE orders ATTACH PARTITION orders_2020 FOR VALUES FROM (1) TO (2)").after("CREATE TABLE orders_2020 (a int, CHECK (a >= 1 AND a < 2 AND a IS NOT NULL))"),
    Example::bad("CREATE TABLE orders_2020 PARTITION OF orders FOR VALUES FROM (1) TO (2)").after("CREATE TABLE orders (a int) PARTITION BY RANGE (a); CREATE TABLE rest PARTITION OF orders DEFAULT"),
    Example::good("CREATE TABLE orders_2020 PARTITION OF orders FOR VALUES FROM (1) TO (2)").after("CREATE TABLE orders (a int) PARTITION BY RANGE (a)"),
    Example::good("CREATE TABLE orders_2020 (a int); ALTER TABLE orders ATTACH PARTITION orders_2020 FOR VALUES FROM (1) TO (2)"),
]);

const DEFAULT_IS_READ: &str =
    "the default partition of {} is read under ACCESS EXCLUSIVE, unless a valid CHECK excludes the bounds";

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let beside_default = |parent: &ObjectName| {
        let facts = site.schema.table(parent);
        facts.is_some_and(|facts| facts.default_partition) && site.is_used(parent)
    };
    if let Change::CreateTable(created) = &located.change
        && let Some(parent) = &created.partition_of
        && beside_default(parent)
    {
        findings.report(located.span, DEFAULT_IS_READ.replace("{}", &parent.to_string()));
    }
    let Change::Table { table, action } = &located.change else {
        return;
    };
    match action {
        TableAction::DetachPartition {
            partition,
            concurrently: false,
            finalize: false,
        } if site.is_used(table) => {
            let hold = site.holds(&located.change).into_iter().next();
            findings
                .report(located.span, format!("everybody who reads or writes {table} queues behind it; and the rows of {partition} are gone for the old release"))
                .hold(hold)
                .rewrite(format!("ALTER TABLE {table} DETACH PARTITION {partition} CONCURRENTLY;"));
        }
        TableAction::AttachPartition { partition, .. } => {
            let scanned = site.blocking(&located.change).filter(|_| site.is_used(partition));
            if let Some(hold) = scanned {
                findings
                    .report(located.span, format!("every row of {partition} is read under the lock, unless a valid CHECK proves its bounds"))
                    .hold(Some(hold))
                    .rewrite(format!("ALTER TABLE {partition} ADD CONSTRAINT bounds CHECK (…) NOT VALID;\nALTER TABLE {partition} VALIDATE CONSTRAINT bounds;\n{};", site.source(located.span)));
            } else if beside_default(table) {
                findings.report(located.span, DEFAULT_IS_READ.replace("{}", &table.to_string()));
            }
        }
        _ => {}
    }
}
