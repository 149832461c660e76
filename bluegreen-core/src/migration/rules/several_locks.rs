//! Several tables are locked in one transaction.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "several-locks",
    Kind::Blocking,
    Severity::Warning,
    "One transaction holds several tables locked",
)
.why("Each lock is held until the end, also while the next one is waited for: everybody who needs one of the tables waits for all of them, and two such transactions can stand in each other's way for ever.")
.source("PostgreSQL manual, explicit locking, deadlocks")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; ALTER TABLE orders ADD a int; ALTER TABLE lines ADD b int; COMMIT;"),
    Example::good("BEGIN; ALTER TABLE orders ADD a int; ALTER TABLE orders ADD b int; COMMIT;"),
    Example::good("ALTER TABLE orders ADD a int; ALTER TABLE lines ADD b int;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, .. } = &located.change else {
        return;
    };
    let [first] = site.transaction.locked.as_slice() else {
        return;
    };
    if !site.same(first, table) && site.is_used(table) {
        let hold = site
            .holds(&located.change)
            .into_iter()
            .find(|hold| hold.lock == Lock::AccessExclusive);
        if hold.is_some() {
            findings
                .report(
                    located.span,
                    format!("{first} stays locked while {table} is waited for"),
                )
                .hold(hold);
        }
    }
}
