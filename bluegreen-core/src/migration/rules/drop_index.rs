//! An index that is dropped while everybody waits.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "drop-index",
    Kind::Blocking,
    Severity::Unsafe,
    "An index is dropped under a lock for which everybody waits",
)
.why("DROP INDEX takes ACCESS EXCLUSIVE on the table. It is short, but it queues behind the longest running query, and everybody else queues behind it. CONCURRENTLY waits without standing in the way.")
.source("PostgreSQL manual, DROP INDEX")
.servers(POSTGRES)
.examples(&[
    Example::bad("DROP INDEX orders_by_day"),
    Example::good("DROP INDEX CONCURRENTLY orders_by_day"),
    Example::good("CREATE TABLE orders (day date); CREATE INDEX orders_by_day ON orders (day); DROP INDEX orders_by_day"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::DropIndex {
        index,
        concurrently: false,
        if_exists,
        ..
    } = &located.change
    else {
        return;
    };
    let known = site.schema.index(index);
    if known.is_some_and(|facts| !site.is_used(&facts.table)) {
        return;
    }
    let hold = site.holds(&located.change).into_iter().next();
    let if_exists = if *if_exists { " IF EXISTS" } else { "" };
    findings
        .report(
            located.span,
            "readers and writers of its table queue behind it, and it behind the longest query",
        )
        .hold(hold)
        .rewrite(format!("DROP INDEX CONCURRENTLY{if_exists} {index};"));
}
