//! An index that is built, and then built again.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "index-then-rewrite",
    Kind::Blocking,
    Severity::Warning,
    "An index is built before its table is written anew",
)
.why("What writes the table anew builds all its indexes again: the first build was in vain, and the second one runs under the lock.")
.source("PostgreSQL manual, ALTER TABLE, notes")
.servers(POSTGRES)
.examples(&[
    Example::bad("CREATE INDEX CONCURRENTLY days ON orders (day); ALTER TABLE orders ALTER COLUMN id TYPE bigint;"),
    Example::good("ALTER TABLE orders ALTER COLUMN id TYPE bigint; CREATE INDEX CONCURRENTLY days ON orders (day);"),
    Example::good("CREATE INDEX CONCURRENTLY days ON orders (day); ALTER TABLE orders ADD COLUMN note text;"),
    Example::good("ALTER TABLE orders ALTER COLUMN id TYPE bigint;").after("CREATE TABLE orders (id int, day date); CREATE INDEX days ON orders (day)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, .. } = &located.change else {
        return;
    };
    let rewrites = site
        .holds(&located.change)
        .iter()
        .any(|hold| hold.work == Work::Rewrite);
    if !rewrites || !site.is_used(table) {
        return;
    }
    if let Some(index) = site.schema.new_index_of(table) {
        findings.report(
            located.span,
            format!("{index}, which this release has just built, is built again with {table}"),
        );
    }
}
