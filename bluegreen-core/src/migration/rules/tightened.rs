//! A constraint that the old release may not meet.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "tightened",
    Kind::Backward,
    Severity::Warning,
    "A new constraint binds the old release as well",
)
.why("NOT VALID and CONCURRENTLY spare the rows and the locks; from that moment every INSERT and UPDATE of the old release has to meet the constraint. It is safe when the old release already does.")
.source("PostgreSQL manual, ALTER TABLE, NOT VALID")
.servers(POSTGRES)
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders ADD CONSTRAINT p CHECK (price > 0) NOT VALID"),
    Example::bad("CREATE UNIQUE INDEX CONCURRENTLY numbers ON orders (number)"),
    Example::good("ALTER TABLE orders ADD COLUMN tax int; ALTER TABLE orders ADD CONSTRAINT p CHECK (tax > 0) NOT VALID"),
    Example::good("CREATE INDEX CONCURRENTLY days ON orders (day)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let table = match &located.change {
        Change::Table {
            table,
            action: TableAction::AddConstraint(constraint),
        } if constraint.not_valid => {
            let only_new = match &constraint.kind {
                ConstraintKind::ForeignKey { columns, .. } => columns
                    .iter()
                    .all(|column| site.schema.is_new_column(table, column)),
                ConstraintKind::Check(check) => site.schema.table(table).is_some_and(|facts| {
                    let mut named = facts.columns.keys().filter(|name| check.names(name));
                    named.any(|name| site.schema.is_new_column(table, name))
                }),
                _ => false,
            };
            if only_new {
                return;
            }
            table
        }
        Change::CreateIndex(index) if index.unique && index.concurrently => {
            if index
                .columns
                .iter()
                .any(|column| site.schema.is_new_column(&index.table, column))
            {
                return;
            }
            &index.table
        }
        _ => return,
    };
    if site.is_used(table) {
        findings.report(
            located.span,
            format!("what the old release writes to {table} has to meet it from now on"),
        );
    }
}
