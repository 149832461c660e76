//! An index that seldom pays.

use super::prelude::*;

/// An index over more columns than these is called wide.
const WIDE: usize = 5;

pub(super) static ABOUT: About = About::new("index-choice", Kind::Style, Severity::Off, "An index that seldom pays for itself")
    .why("A hash index answers equality only. One over many columns is as large as the table, and every write pays for it. One whose columns are the first columns of another is answered by that one.")
    .source("PostgreSQL manual, index types, multicolumn indexes; MySQL manual, multiple-column indexes")
    .servers(&[Range::all(Engine::Postgres), Range::all(Engine::Mysql), Range::all(Engine::Mariadb)])
    .examples(&[
        Example::bad("CREATE INDEX CONCURRENTLY numbers ON orders USING hash (number)").on(Engine::Postgres),
        Example::bad("CREATE INDEX CONCURRENTLY wide ON orders (a, b, c, d, e, f)").on(Engine::Postgres),
        Example::bad("CREATE INDEX days ON orders (day)").after("CREATE TABLE orders (day date, shop int); CREATE INDEX days_and_shops ON orders (day, shop)"),
        Example::good("CREATE INDEX shops ON orders (shop)").after("CREATE TABLE orders (day date, shop int); CREATE INDEX days_and_shops ON orders (day, shop)"),
        Example::good("CREATE UNIQUE INDEX days ON orders (day)").after("CREATE TABLE orders (day date, shop int); CREATE INDEX days_and_shops ON orders (day, shop)"),
        Example::good("CREATE INDEX CONCURRENTLY days ON orders (day)").on(Engine::Postgres).after("CREATE TABLE orders (day date, shop int); CREATE INDEX days_and_shops ON orders (day, shop) WHERE shop > 1"),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateIndex(index) = &located.change else {
        return;
    };
    let tree = |kind: Option<&str>| kind.is_none_or(|kind| kind == "btree");
    if index.kind.as_deref() == Some("hash") {
        findings.report(
            located.span,
            "a hash index answers equality only, which a btree does as well",
        );
    }
    if index.columns.len() > WIDE {
        findings.report(
            located.span,
            format!(
                "an index over {} columns: every write pays for it",
                index.columns.len()
            ),
        );
    }
    let Some(first) = index
        .columns
        .first()
        .filter(|_| index.plain && !index.unique && tree(index.kind.as_deref()))
    else {
        return;
    };
    let longer = site.schema.indexes_with(&index.table, first).find(|(_, other)| {
        other.plain && tree(other.kind.as_deref()) && other.columns.starts_with(&index.columns)
    });
    if let Some((name, _)) = longer {
        findings.report(
            located.span,
            format!("{name} begins with the same columns, and answers the same queries"),
        );
    }
}
