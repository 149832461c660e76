//! A table is locked by name.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("lock-table", Kind::Blocking, Severity::Unsafe, "A table is locked for the rest of the transaction")
        .why("LOCK TABLE holds its lock until the transaction ends, LOCK TABLES of MySQL until it is told otherwise; ACCESS EXCLUSIVE when no mode is said.")
        .source("PostgreSQL manual, LOCK; MySQL manual, LOCK TABLES")
        .examples(&[
            Example::bad("BEGIN; LOCK TABLE orders; COMMIT;").on(Engine::Postgres),
            Example::bad("BEGIN; LOCK TABLE orders IN SHARE MODE; COMMIT;").on(Engine::Postgres),
            Example::bad("LOCK TABLES orders WRITE").on(Engine::Mysql),
            Example::good("BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE; COMMIT;").on(Engine::Postgres),
        ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Lock(lock) = &located.change else {
        return;
    };
    if !lock.tables.is_empty() && !lock.tables.iter().any(|table| site.is_used(table)) {
        return;
    }
    let strongest = site
        .holds(&located.change)
        .into_iter()
        .find(|hold| hold.lock.blocks_writers());
    if strongest.is_some() || lock.tables.is_empty() {
        findings
            .report(located.span, "others wait until the transaction ends")
            .hold(strongest);
    }
}
