//! Nobody said how long a lock may be waited for.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "lock-timeout",
    Kind::Hygiene,
    Severity::Off,
    "A lock is waited for without a limit",
)
.why("A statement that waits for ACCESS EXCLUSIVE makes everybody after it wait as well. With a lock_timeout it gives up, and is tried again. The runner of this project sets one, so that the rule is off by default.")
.source("PostgreSQL manual, lock_timeout")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN note text"),
    Example::good("SET lock_timeout = '2s'; ALTER TABLE orders ADD COLUMN note text"),
    Example::good("CREATE TABLE orders (id int)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    if site.transaction.lock_timeout {
        return;
    }
    let Change::Table { table, .. } = &located.change else {
        return;
    };
    let hold = site
        .holds(&located.change)
        .into_iter()
        .find(|hold| hold.lock == Lock::AccessExclusive);
    if hold.is_some() && site.is_used(table) {
        findings
            .report(
                located.span,
                "everybody waits behind it for as long as it waits itself",
            )
            .hold(hold)
            .rewrite("SET lock_timeout = '2s';");
    }
}
