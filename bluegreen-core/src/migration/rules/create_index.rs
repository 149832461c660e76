//! An index that is built while writers wait.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "create-index",
    Kind::Blocking,
    Severity::Unsafe,
    "An index is built while writers wait",
)
.why("CREATE INDEX holds SHARE on the table until every row has been read: nobody writes meanwhile. CONCURRENTLY takes longer, but lets writers pass; it cannot run in a transaction.")
.source("PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently")
.servers(POSTGRES)
.examples(&[
    Example::bad("CREATE INDEX orders_by_day ON orders (day)"),
    Example::bad("CREATE UNIQUE INDEX ON orders (number) WHERE paid"),
    Example::good("CREATE INDEX CONCURRENTLY orders_by_day ON orders (day)"),
    Example::good("CREATE TABLE orders (day date); CREATE INDEX orders_by_day ON orders (day)"),
    Example::good("CREATE INDEX orders_by_day ON ONLY orders (day)").after("CREATE TABLE orders (day date) PARTITION BY RANGE (day)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateIndex(index) = &located.change else {
        return;
    };
    let partitioned = site
        .schema
        .table(&index.table)
        .is_some_and(|table| table.partitioned);
    if index.concurrently || !site.is_used(&index.table) || (index.only && partitioned) {
        return;
    }
    let written = site.source(located.span);
    let concurrently = insert_word(
        written,
        index.after_index.saturating_sub(located.span.start),
        "CONCURRENTLY",
    );
    let advice = if partitioned {
        format!(
            "writers of {} and of each partition wait; build it on each partition concurrently, then on ONLY the parent, and attach them",
            index.table
        )
    } else {
        format!("writers of {} wait until every row has been read", index.table)
    };
    let reported = findings
        .report(located.span, advice)
        .hold(site.blocking(&located.change));
    if !partitioned {
        reported.rewrite(format!("{concurrently};"));
    }
}

fn insert_word(sql: &str, at: usize, word: &str) -> String {
    let (before, after) = sql.split_at_checked(at).unwrap_or((sql, ""));
    format!("{before} {word}{after}")
}
