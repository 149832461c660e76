//! Statements that change one table one after the other.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "merge-alters",
    Kind::Blocking,
    Severity::Off,
    "Several statements change one table, where one could",
)
.why("Each ALTER TABLE waits for the lock of its own, and everybody waits behind it each time; in MySQL each may build the table anew. One with several actions does it once. It is off by default: where each is a moment, the difference is small.")
.source("PostgreSQL manual, ALTER TABLE, notes; MySQL manual, online DDL")
.servers(&[
    Range::all(Engine::Postgres),
    Range::all(Engine::Mysql),
    Range::all(Engine::Mariadb),
])
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN a int; ALTER TABLE orders ADD COLUMN b int;"),
    Example::good("ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int;"),
    Example::good("ALTER TABLE orders ADD COLUMN a int; ALTER TABLE lines ADD COLUMN b int;"),
    Example::good("ALTER TABLE orders ADD CONSTRAINT p CHECK (price > 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT p;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let altered = |located: &Located| match &located.change {
        // These two are apart on purpose.
        Change::Table {
            action: TableAction::ValidateConstraint { .. },
            ..
        } => None,
        Change::Table { table, .. } => Some(table.clone()),
        _ => None,
    };
    let first = site.statement().and_then(|statement| statement.changes.first());
    let next = site.following().next().and_then(|next| next.changes.first());
    let (Some(table), Some(next)) = (altered(located), next) else {
        return;
    };
    if first == Some(located) && altered(next).as_ref() == Some(&table) && site.is_used(&table) {
        findings.report(
            located.span,
            format!("the next statement waits for the lock on {table} once more: make one of both"),
        );
    }
}
