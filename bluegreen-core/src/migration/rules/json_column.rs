//! A column of the type json.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("json-column", Kind::Backward, Severity::Unsafe, "A json column breaks SELECT DISTINCT")
    .why("The type json has no equality operator: a SELECT DISTINCT or UNION over all columns, which worked for the old release, fails as soon as the table has such a column. jsonb has one.")
    .source("PostgreSQL manual, JSON types")
    .servers(POSTGRES)
    .examples(&[
        Example::bad("ALTER TABLE orders ADD COLUMN extra json"),
        Example::good("ALTER TABLE orders ADD COLUMN extra jsonb"),
        Example::good("CREATE TABLE orders (extra json)"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    if column.kind.name == "json" && column.kind.dimensions == 0 && site.is_used(table) {
        findings
            .report(
                located.span,
                format!("queries of the old release that are DISTINCT over all of {table} fail"),
            )
            .rewrite(format!("ALTER TABLE {table} ADD COLUMN {} jsonb;", column.name));
    }
}
