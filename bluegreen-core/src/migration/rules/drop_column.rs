//! A column goes.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("drop-column", Kind::Backward, Severity::Unsafe, "A column is dropped")
    .why("The old release still names the column: its reads and writes fail at once, and its data is gone when it comes back. First a release that no longer uses it; then, when no slot and no rollback target needs it, the drop. Unique and foreign keys, indexes and views over it go with it.")
    .source("PostgreSQL manual, ALTER TABLE, DROP COLUMN")
    .right_in(&[Contract])
    .examples(&[
        Example::bad("ALTER TABLE orders DROP COLUMN note"),
        Example::bad("ALTER TABLE orders DROP IF EXISTS note CASCADE").on(Engine::Postgres),
        Example::bad("ALTER TABLE orders DROP note").on(Engine::Mysql),
        Example::good("ALTER TABLE orders ADD COLUMN note text; ALTER TABLE orders DROP COLUMN note"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::DropColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    if !site.schema.is_new_column(table, column) {
        let keys: Vec<_> = site
            .schema
            .indexes_with(table, column)
            .map(|(name, _)| name)
            .collect();
        let with = if keys.is_empty() {
            String::new()
        } else {
            format!("; with it go the indexes {}", keys.join(", "))
        };
        findings
            .report(located.span, format!("the old release still reads and writes {table}.{column}{with}"))
            .rewrite(format!("-- in a contract migration, when no release needs it\nALTER TABLE {table} DROP COLUMN {column};"));
    }
}
