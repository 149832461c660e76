//! A transaction that is begun and not ended, or ended and not begun.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "open-transaction",
    Kind::Hygiene,
    Severity::Warning,
    "BEGIN and COMMIT do not match",
)
.why("A second BEGIN is ignored with a warning, and so is a COMMIT without one; inside the transaction of a tool, COMMIT ends that. A transaction that is left open is undone when the connection closes.")
.source("PostgreSQL manual, BEGIN, COMMIT")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; BEGIN; SELECT 1; COMMIT;"),
    Example::bad("COMMIT;"),
    Example::bad("BEGIN; SELECT 1;"),
    Example::good("BEGIN; SELECT 1; COMMIT;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    match &located.change {
        Change::Begin if site.transaction.open => {
            findings.report(located.span, "a transaction is open already");
        }
        Change::Commit | Change::Rollback if !site.transaction.explicit => {
            findings.report(located.span, "the script has begun no transaction");
        }
        _ => {}
    }
}

pub(super) fn statement(site: &Site<'_>, findings: &mut Findings<'_>) {
    let last = site.at + 1 == site.script.len();
    if let Some(statement) = site.statement().filter(|_| last && site.transaction.explicit) {
        findings.report(
            statement.span,
            "the transaction is not ended: all of it is undone when the connection closes",
        );
    }
}
