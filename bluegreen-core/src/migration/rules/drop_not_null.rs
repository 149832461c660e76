//! A column may be NULL from now on.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-not-null",
    Kind::Backward,
    Severity::Warning,
    "The old release may read NULL where there was none",
)
.why("The statement itself is a moment. As soon as the new release writes NULL, the old one reads it, and may fail: write it only when no old release runs.")
.source("PostgreSQL manual, ALTER TABLE, DROP NOT NULL")
.examples(&[
    Example::bad("ALTER TABLE orders ALTER COLUMN note DROP NOT NULL").on(Engine::Postgres),
    Example::good("CREATE TABLE orders (note text NOT NULL); ALTER TABLE orders ALTER COLUMN note DROP NOT NULL").on(Engine::Postgres),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::DropNotNull { column },
    } = &located.change
    else {
        return;
    };
    if !site.schema.is_new_column(table, column) {
        findings.report(
            located.span,
            format!("the old release may read NULL from {table}.{column} as soon as the new one writes it"),
        );
    }
}
