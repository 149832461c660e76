//! A table or view gets another name.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("rename-table", Kind::Backward, Severity::Unsafe, "A table is renamed")
    .why("The moment it has the new name, every statement of the old release that names it fails. A view with the old name, made in the same transaction, keeps the old release working: a view of one table can be written to.")
    .source("PostgreSQL manual, CREATE VIEW, updatable views")
    .examples(&[
        Example::bad("ALTER TABLE orders RENAME TO purchases"),
        Example::bad("RENAME TABLE orders TO purchases").on(Engine::Mysql),
        Example::bad("ALTER TABLE orders SET SCHEMA archive").on(Engine::Postgres),
        Example::bad("ALTER VIEW days RENAME TO dates").on(Engine::Postgres),
        Example::bad("ALTER TABLE orders RENAME TO purchases; CREATE VIEW orders AS SELECT * FROM purchases").on(Engine::Postgres),
        Example::good("BEGIN; ALTER TABLE orders RENAME TO purchases; CREATE VIEW orders AS SELECT * FROM purchases; COMMIT;").on(Engine::Postgres),
        Example::good("BEGIN; ALTER TABLE orders RENAME TO purchases; CREATE VIEW public.orders AS SELECT * FROM purchases; COMMIT;").on(Engine::Postgres),
        Example::good("CREATE TABLE a (b int); ALTER TABLE a RENAME TO c"),
    ]);

/// Statements after a rename among which the view is looked for.
const VIEW_WITHIN: usize = 16;

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (table, to) = match &located.change {
        Change::Table {
            table,
            action: TableAction::RenameTable { to },
        } => (table, to.to_string()),
        Change::Table {
            table,
            action: TableAction::SetSchema { schema },
        } => (table, format!("{schema}.{}", table.name)),
        Change::Rename {
            kind: ObjectKind::View | ObjectKind::MaterializedView,
            from,
            to,
        } => (from, to.to_string()),
        Change::SetSchema {
            kind: ObjectKind::View | ObjectKind::MaterializedView,
            name,
        } => (name, format!("….{}", name.name)),
        _ => return,
    };
    let rebuilt =
        site.engine() == Engine::Sqlite && super::sqlite_rebuild::Rebuild::of(site.script, site.at).is_some();
    if !site.is_used(table) || rebuilt {
        return;
    }
    let stands_in = site.transaction.open
        && site
            .following()
            .take(VIEW_WITHIN)
            .take_while(|statement| !statement.changes.iter().any(|located| matches!(located.change, Change::Commit)))
            .flat_map(|statement| statement.changes.iter().take(VIEW_WITHIN))
            .any(|located| matches!(&located.change, Change::CreateView(view) if site.same(&view.name, table) && !view.materialized));
    if !stands_in {
        let statement = site.statement().filter(|statement| statement.changes.len() == 1);
        let written = site.source(statement.map_or(located.span, |statement| statement.span));
        findings
            .report(
                located.span,
                format!("the old release fails wherever it names {table}"),
            )
            .rewrite(format!(
                "BEGIN;\n{written};\nCREATE VIEW {table} AS SELECT * FROM {to};\nCOMMIT;"
            ));
    }
}
