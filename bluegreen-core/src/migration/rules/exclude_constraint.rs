//! An EXCLUDE constraint.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "exclude-constraint",
    Kind::Blocking,
    Severity::Unsafe,
    "An EXCLUDE constraint is built while everybody waits",
)
.why("Its index is built under ACCESS EXCLUSIVE, and there is no way to do it concurrently or NOT VALID: build a new table with it and move the rows, or let a trigger check.")
.source("PostgreSQL manual, ALTER TABLE")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE rooms ADD CONSTRAINT once EXCLUDE USING gist (room WITH =, during WITH &&)"),
    Example::good("CREATE TABLE rooms (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&))"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddConstraint(constraint),
    } = &located.change
    else {
        return;
    };
    if constraint.kind == ConstraintKind::Exclude && site.is_used(table) {
        findings
            .report(
                located.span,
                format!("nobody reads or writes {table} until the index is built"),
            )
            .hold(site.blocking(&located.change));
    }
}
