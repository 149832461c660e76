//! A table goes to another place or another way of storage.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "storage-rewrite",
    Kind::Blocking,
    Severity::Unsafe,
    "The whole table is written to another place while everybody waits",
)
.why("SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD and SET EXPRESSION copy or rewrite the table under ACCESS EXCLUSIVE. An unlogged table is empty after a crash.")
.source("PostgreSQL manual, ALTER TABLE")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders SET UNLOGGED"),
    Example::bad("ALTER TABLE orders SET TABLESPACE fast"),
    Example::bad("ALTER TABLE orders SET ACCESS METHOD heap2"),
    Example::good("ALTER TABLE orders SET (fillfactor = 80)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    let moves = matches!(
        action,
        TableAction::SetLogged { .. }
            | TableAction::SetTablespace
            | TableAction::SetAccessMethod
            | TableAction::SetExpression { .. }
    );
    if moves && site.is_used(table) {
        findings
            .report(
                located.span,
                format!("nobody reads or writes {table} until all of it is written"),
            )
            .hold(site.blocking(&located.change));
    }
}
