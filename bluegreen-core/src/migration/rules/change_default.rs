//! A default changes.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "change-default",
    Kind::Backward,
    Severity::Warning,
    "The rows of the old release get another default",
)
.why("What the old release leaves out is filled with the new default at once.")
.source("PostgreSQL manual, ALTER TABLE, SET DEFAULT")
.examples(&[
    Example::bad("ALTER TABLE orders ALTER COLUMN region SET DEFAULT 'us'").on(Engine::Postgres),
    Example::good(
        "ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ALTER COLUMN region SET DEFAULT 'us'",
    )
    .on(Engine::Postgres),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::SetDefault { column, default },
    } = &located.change
    else {
        return;
    };
    if !default.is_null() && !site.schema.is_new_column(table, column) {
        findings.report(
            located.span,
            format!("rows that the old release inserts into {table} get another {column}"),
        );
    }
}
