//! Indexes that are built anew while writers wait.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("reindex", Kind::Blocking, Severity::Unsafe, "Indexes are built anew while writers wait")
        .why("REINDEX holds SHARE on the table and ACCESS EXCLUSIVE on the index, which queries need as well. CONCURRENTLY exists since PostgreSQL 12.")
        .source("PostgreSQL manual, REINDEX")
        .servers(POSTGRES)
        .examples(&[
            Example::bad("REINDEX TABLE orders"),
            Example::bad("REINDEX INDEX orders_by_day"),
            Example::good("REINDEX TABLE CONCURRENTLY orders"),
            Example::good("REINDEX (CONCURRENTLY, VERBOSE) INDEX orders_by_day"),
        ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Reindex {
        concurrently: false,
        target,
        system,
    } = &located.change
    else {
        return;
    };
    if target.as_ref().is_some_and(|target| !site.is_used(target)) {
        return;
    }
    let reported = findings
        .report(
            located.span,
            "writers wait until every row has been read, and queries wait for the index",
        )
        .hold(site.blocking(&located.change));
    if !system && site.server.at_least(Engine::Postgres, 12, 0, 0) {
        let written = site.source(located.span);
        let mut words = written.splitn(3, char::is_whitespace);
        if let (Some(reindex), Some(kind), Some(rest)) = (words.next(), words.next(), words.next()) {
            reported.rewrite(format!("{reindex} {kind} CONCURRENTLY {rest};"));
        }
    }
}
