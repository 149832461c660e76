//! Existing columns become unique.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("unique", Kind::Backward, Severity::Unsafe, "Columns that exist become unique")
    .why("Rows that are the same make the statement fail, and the old release, which does not know of it, is refused when it writes another. First a release that writes no duplicates; then the rows; then the key.")
    .source("MySQL manual, CREATE INDEX; SQLite, CREATE INDEX")
    .servers(&[Range::all(Engine::Mysql), Range::all(Engine::Mariadb), Range::all(Engine::Sqlite)])
    .right_in(&[Contract])
    .examples(&[
        Example::bad("ALTER TABLE orders ADD UNIQUE KEY numbers (number)").on(Engine::Mysql),
        Example::bad("CREATE UNIQUE INDEX numbers ON orders (number)").on(Engine::Sqlite),
        Example::good("ALTER TABLE orders ADD COLUMN number int; CREATE UNIQUE INDEX numbers ON orders (number)").on(Engine::Mysql),
        Example::good("CREATE TABLE orders (number int); CREATE UNIQUE INDEX numbers ON orders (number)").on(Engine::Mysql),
        Example::good("CREATE INDEX numbers ON orders (number)").on(Engine::Mysql),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (table, columns) = match &located.change {
        Change::CreateIndex(index) if index.unique => (&index.table, &index.columns),
        Change::Table {
            table,
            action: TableAction::AddConstraint(constraint),
        } => match &constraint.kind {
            ConstraintKind::Unique { columns, .. } => (table, columns),
            _ => return,
        },
        _ => return,
    };
    let new = columns
        .iter()
        .any(|column| site.schema.is_new_column(table, column));
    let already = site
        .schema
        .table(table)
        .is_some_and(|facts| facts.has_key(columns));
    if site.is_used(table) && !new && !already {
        findings.report(located.span, format!("the old release is refused when it writes what is in {table} already, and so is this statement when something is there twice"));
    }
}
