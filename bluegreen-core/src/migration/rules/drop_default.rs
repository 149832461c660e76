//! A required column loses its default.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-default",
    Kind::Backward,
    Severity::Unsafe,
    "A column that is NOT NULL loses its default",
)
.why("The old release inserts without the column, which worked because of the default. ORMs write it so: ADD COLUMN … NOT NULL DEFAULT …, then DROP DEFAULT.")
.source("Django's schema editor; PostgreSQL manual, ALTER TABLE")
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu' NOT NULL; ALTER TABLE orders ALTER COLUMN region DROP DEFAULT").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ALTER COLUMN region DROP DEFAULT").on(Engine::Postgres).after("CREATE TABLE orders (region text NOT NULL DEFAULT 'eu')"),
    Example::good("ALTER TABLE orders ALTER COLUMN region DROP DEFAULT").on(Engine::Postgres).after("CREATE TABLE orders (region text DEFAULT 'eu')"),
    Example::good("ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu'; ALTER TABLE orders ALTER COLUMN region DROP DEFAULT").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders MODIFY region varchar(9) NOT NULL").on(Engine::Mysql).after("CREATE TABLE orders (region varchar(9) NOT NULL DEFAULT 'eu')"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    let column = match action {
        TableAction::DropDefault { column } | TableAction::DropIdentity { column } => column,
        TableAction::SetDefault { column, default } if default.is_null() => column,
        TableAction::Redefine { old, column, .. }
            if column.default.is_none() && column.generated.is_none() && column.not_null =>
        {
            old
        }
        _ => return,
    };
    if !site.is_used(table) {
        return;
    }
    let known = site.schema.column(table, column);
    let required = known
        .is_some_and(|facts| facts.not_null == Some(true) && (facts.default.is_some() || facts.generated));
    let redefines = matches!(action, TableAction::Redefine { .. });
    if required {
        findings.report(
            located.span,
            format!("a release that inserts into {table} without {column} is refused"),
        );
    } else if !redefines && known.and_then(|facts| facts.not_null).is_none() {
        findings
            .report(
                located.span,
                format!("if {column} is NOT NULL, a release that inserts into {table} without it is refused"),
            )
            .warning();
    }
}
