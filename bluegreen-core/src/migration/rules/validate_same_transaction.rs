//! A constraint that is added and validated in one transaction.

use super::prelude::*;

/// More changes of one statement are not looked at.
const LOOKED_AT: usize = 64;

pub(super) static ABOUT: About = About::new(
    "validate-same-transaction",
    Kind::Blocking,
    Severity::Unsafe,
    "VALIDATE runs in the transaction that added the constraint",
)
.why("The lock of ADD CONSTRAINT … NOT VALID is held until the transaction ends, so that the scan of VALIDATE runs under it: the same wait as without NOT VALID.")
.source("PostgreSQL manual, ALTER TABLE, notes; explicit locking")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; ALTER TABLE orders ADD CONSTRAINT paid CHECK (paid >= 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT paid; COMMIT;"),
    Example::good("ALTER TABLE orders ADD CONSTRAINT paid CHECK (paid >= 0) NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT paid;"),
    Example::good("BEGIN; ALTER TABLE orders VALIDATE CONSTRAINT paid; COMMIT;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::ValidateConstraint { name },
    } = &located.change
    else {
        return;
    };
    let same_statement = site.statement().is_some_and(|statement| {
        statement.changes.iter().take(LOOKED_AT).any(|other| {
            matches!(&other.change, Change::Table { action: TableAction::AddConstraint(added), .. } if added.name.as_ref() == Some(name))
        })
    });
    if site.is_used(table) && (same_statement || site.transaction.unvalidated.contains(name)) {
        findings
            .report(
                located.span,
                format!("the lock that added {name} is still held while every row of {table} is read"),
            )
            .rewrite(format!(
                "COMMIT;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
            ));
    }
}
