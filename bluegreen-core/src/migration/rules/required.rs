//! A column that exists becomes required, on MySQL and MariaDB.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("required", Kind::Backward, Severity::Unsafe, "A column that exists becomes NOT NULL")
    .why("The old release is refused when it writes NULL. The table is built anew, and the statement fails when a row is NULL.")
    .source("MySQL manual, Online DDL Operations, Making a column NOT NULL")
    .servers(MYSQL)
    .right_in(&[Contract])
    .examples(&[
        Example::bad("ALTER TABLE orders MODIFY note text NOT NULL").after("CREATE TABLE orders (note text)"),
        Example::bad("ALTER TABLE orders MODIFY note text NOT NULL"),
        Example::good("ALTER TABLE orders MODIFY note text NOT NULL").after("CREATE TABLE orders (note text NOT NULL)"),
        Example::good("ALTER TABLE orders MODIFY note text"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::Redefine { old, column, .. },
    } = &located.change
    else {
        return;
    };
    let before = site.schema.column(table, old).and_then(|facts| facts.not_null);
    if column.not_null && before != Some(true) && site.is_used(table) {
        findings.report(
            located.span,
            format!("a release that writes NULL to {table}.{old} is refused"),
        );
    }
}
