//! What hangs on a thing goes with it, unseen.

use super::prelude::*;

pub(super) static ABOUT: About = About::new("drop-cascade", Kind::DataLoss, Severity::Unsafe, "CASCADE drops what is not named")
    .why("Everything that depends on the thing is dropped as well: views, foreign keys, columns of that type. What that is shows only on the server, and may differ from one to the other.")
    .source("PostgreSQL manual, DROP TABLE, dependency tracking")
    .servers(POSTGRES)
    .right_in(&[Contract])
    .examples(&[
        Example::bad("DROP TABLE orders CASCADE"),
        Example::bad("ALTER TABLE orders DROP COLUMN note CASCADE"),
        Example::bad("TRUNCATE orders CASCADE"),
        Example::bad("ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE"),
        Example::good("DROP TABLE orders"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let cascades = match &located.change {
        Change::DropTable { table, cascade, .. } | Change::Truncate { table, cascade } => {
            *cascade && site.is_used(table)
        }
        Change::Drop { name, cascade, .. } => *cascade && !site.schema.is_new_object(name),
        Change::Table {
            table,
            action: TableAction::DropColumn { cascade, .. } | TableAction::DropConstraint { cascade, .. },
        } => *cascade && site.is_used(table),
        _ => false,
    };
    if cascades {
        findings.report(
            located.span,
            "whatever depends on it is dropped as well, without being named",
        );
    }
}
