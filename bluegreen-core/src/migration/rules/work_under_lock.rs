//! A scan under a lock that the transaction holds from before.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "work-under-lock",
    Kind::Blocking,
    Severity::Unsafe,
    "Rows are read or written while a transaction holds a table locked",
)
.why("A lock is held until the transaction ends. After a statement that took ACCESS EXCLUSIVE, everybody waits for whatever else the transaction does: an UPDATE of every row, a scan that would not have blocked by itself.")
.source("PostgreSQL manual, explicit locking: locks are held until the end of the transaction")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; ALTER TABLE orders ADD region text; UPDATE orders SET region = 'eu' WHERE id < 1000; COMMIT;"),
    Example::bad("BEGIN; ALTER TABLE orders ADD region text; ALTER TABLE orders VALIDATE CONSTRAINT paid; COMMIT;"),
    Example::good("BEGIN; ALTER TABLE orders ADD region text; UPDATE alembic_version SET version_num = 'b'; COMMIT;"),
    Example::bad("BEGIN; ALTER TABLE orders ADD region text; SELECT count(*) FROM orders; COMMIT;"),
    Example::good("BEGIN; ALTER TABLE orders ADD region text; SELECT setval('orders_id_seq', max(id)) FROM orders; COMMIT;"),
    Example::good("ALTER TABLE orders ADD region text; UPDATE orders SET region = 'eu' WHERE id < 1000;"),
    Example::good("BEGIN; CREATE TABLE regions (id int); INSERT INTO regions VALUES (1); COMMIT;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    if !site.transaction.open {
        return;
    }
    let Some(locked) = site.transaction.locked.first() else {
        return;
    };
    let works = match &located.change {
        Change::Update { table, .. } | Change::Delete { table, .. } => site.has_rows_of_others(table),
        Change::Insert {
            table: Some(_),
            from: Some(from),
            ..
        } => site.is_used(from),
        // The largest and smallest value are found in an index.
        Change::Read {
            calls,
            all_of: Some(table),
        } => {
            let by_index = ["max", "min", "setval"];
            let short = calls.iter().any(|call| by_index.contains(&call.as_str()));
            !short && !table.name.as_str().starts_with("pg_") && site.has_rows_of_others(table)
        }
        Change::Table {
            table,
            action: TableAction::ValidateConstraint { name },
        } => site.is_used(table) && !site.transaction.unvalidated.contains(name),
        _ => false,
    };
    if works {
        findings
            .report(
                located.span,
                format!(
                    "everybody who needs {locked} waits until this is done: the transaction holds it locked"
                ),
            )
            .rewrite(format!("COMMIT;\n{};", site.source(located.span)));
    }
}
