//! A trigger or rule is switched off.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "trigger-off",
    Kind::Backward,
    Severity::Unsafe,
    "A trigger is switched off",
)
.why("What it kept right is no longer kept, for both releases: with ALL, foreign keys neither.")
.source("PostgreSQL manual, ALTER TABLE, DISABLE TRIGGER")
.servers(POSTGRES)
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders DISABLE TRIGGER ALL"),
    Example::good("ALTER TABLE orders ENABLE TRIGGER sync"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::Trigger {
            state: TriggerState::Disabled,
        },
    } = &located.change
    else {
        return;
    };
    if site.is_used(table) {
        findings.report(
            located.span,
            format!("what it does for {table} is no longer done, whoever writes"),
        );
    }
}
