//! A column gets another name.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("rename-column", Kind::Backward, Severity::Unsafe, "A column is renamed")
    .why("The moment it has the new name, every statement of the old release that names it fails; until then, every one of the new. Add the new column, write both, fill the old rows, read the new one, drop the old one: three deployments.")
    .source("PostgreSQL manual, ALTER TABLE, RENAME")
    .examples(&[
        Example::bad("ALTER TABLE orders RENAME COLUMN note TO remark"),
        Example::bad("ALTER TABLE orders CHANGE note remark text").on(Engine::Mysql),
        Example::good("ALTER TABLE orders CHANGE note note text").on(Engine::Mysql),
        Example::good("ALTER TABLE orders ADD COLUMN a int; ALTER TABLE orders RENAME COLUMN a TO b"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    let (from, to) = match action {
        TableAction::RenameColumn { from, to } => (from, to),
        TableAction::Redefine { old, column, .. } if *old != column.name => (old, &column.name),
        _ => return,
    };
    if site.schema.is_new_column(table, from) {
        return;
    }
    let kind = site
        .schema
        .column(table, from)
        .and_then(|column| column.kind.as_ref());
    let kind = kind.map_or_else(|| "…".to_owned(), ToString::to_string);
    findings
        .report(located.span, format!("the old release fails wherever it names {table}.{from}"))
        .rewrite(format!("ALTER TABLE {table} ADD COLUMN {to} {kind};\n-- write both, fill {to} in batches, read {to} in the next release, drop {from} when no release needs it"));
}
