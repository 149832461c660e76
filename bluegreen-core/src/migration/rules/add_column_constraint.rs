//! A new column with a constraint that reads every row.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "add-column-constraint",
    Kind::Blocking,
    Severity::Unsafe,
    "A new column brings a constraint that reads every row",
)
.why("UNIQUE and PRIMARY KEY build an index, CHECK checks every row, all under the ACCESS EXCLUSIVE of ADD COLUMN. REFERENCES does not, when the column has no default: all of it is NULL.")
.source("PostgreSQL's source, transformFKConstraints; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ADD number text UNIQUE"),
    Example::bad("ALTER TABLE orders ADD number int CHECK (number > 0)"),
    Example::bad("ALTER TABLE orders ADD customer int DEFAULT 1 REFERENCES customers"),
    Example::good("ALTER TABLE orders ADD customer int REFERENCES customers"),
    Example::good("ALTER TABLE orders ADD number text"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    if column.constraints.is_empty() || !site.is_used(table) {
        return;
    }
    let Some(hold) = site
        .blocking(&located.change)
        .filter(|hold| hold.work == Work::Scan)
    else {
        return;
    };
    findings
        .report(located.span, format!("nobody reads or writes {table} until the constraint on {} is built or checked", column.name))
        .hold(Some(hold))
        .rewrite(format!("ALTER TABLE {table} ADD COLUMN {} {};\n-- then the constraint by itself: an index CONCURRENTLY, or NOT VALID and VALIDATE", column.name, column.kind));
}
