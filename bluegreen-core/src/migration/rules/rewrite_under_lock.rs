//! A table is read or written anew while another one is held.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "rewrite-under-lock",
    Kind::Blocking,
    Severity::Unsafe,
    "A table stays locked while another one is read or written anew",
)
.why("Locks are held until the transaction ends. Who needs the table that was locked first waits for all the rows of the second one, which has nothing to do with it.")
.source("PostgreSQL manual, explicit locking: locks are held until the end of the transaction")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; ALTER TABLE lines ADD COLUMN a int; ALTER TABLE orders ALTER COLUMN id TYPE bigint; COMMIT;"),
    Example::bad("BEGIN; ALTER TABLE lines ADD COLUMN a int; CREATE INDEX days ON orders (day); COMMIT;"),
    Example::good("ALTER TABLE lines ADD COLUMN a int; ALTER TABLE orders ALTER COLUMN id TYPE bigint;"),
    Example::good("BEGIN; ALTER TABLE lines ADD COLUMN a int; ALTER TABLE orders ADD COLUMN a int; COMMIT;"),
    Example::good("BEGIN; ALTER TABLE lines ADD COLUMN a int; CREATE TABLE days (day date); CREATE INDEX ON days (day); COMMIT;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (Change::Table { table, .. } | Change::CreateIndex(CreateIndex { table, .. })) = &located.change
    else {
        return;
    };
    if !site.transaction.open || !site.is_used(table) {
        return;
    }
    let other = site
        .transaction
        .locked
        .iter()
        .find(|locked| !site.same(locked, table));
    if let (Some(other), Some(hold)) = (other, site.blocking(&located.change)) {
        findings
            .report(
                located.span,
                format!("everybody who needs {other} waits as well, until every row of {table} is done"),
            )
            .hold(Some(hold))
            .rewrite(format!("COMMIT;\n{};", site.source(located.span)));
    }
}
