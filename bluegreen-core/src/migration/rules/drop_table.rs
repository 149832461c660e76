//! A table goes.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("drop-table", Kind::Backward, Severity::Unsafe, "A table is dropped")
    .why("Every statement of the old release that names it fails, and its rows are gone when the old release comes back. Tables that its foreign keys point to are locked as well.")
    .source("PostgreSQL manual, DROP TABLE")
    .right_in(&[Contract])
    .examples(&[
        Example::bad("DROP TABLE orders"),
        Example::bad("DROP TABLE IF EXISTS orders, lines"),
        Example::bad("CREATE OR REPLACE TABLE orders (id int)").on(Engine::Mariadb),
        Example::good("CREATE TABLE orders (id int); DROP TABLE orders"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let table = match &located.change {
        Change::DropTable { table, .. } => table,
        Change::CreateTable(created) if created.or_replace => &created.table,
        _ => return,
    };
    let rebuilt =
        site.engine() == Engine::Sqlite && super::sqlite_rebuild::Rebuild::of(site.script, site.at).is_some();
    let temporary = site.schema.table(table).is_some_and(|facts| facts.temporary);
    if site.is_used(table) && !rebuilt && !temporary {
        findings
            .report(
                located.span,
                format!("the old release still uses {table}, and its rows are lost"),
            )
            .rewrite(format!(
                "-- in a contract migration, when no release needs it\nDROP TABLE {table};"
            ));
    }
}
