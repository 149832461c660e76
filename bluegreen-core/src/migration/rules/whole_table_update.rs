//! Every row is changed in one statement.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "whole-table-update",
    Kind::Blocking,
    Severity::Unsafe,
    "Every row is changed in one statement",
)
.why("Each changed row stays locked until the transaction ends, so that writers of those rows wait; every row is written anew, replicas fall behind, and what is done is lost when it is interrupted.")
.source("PostgreSQL manual, explicit locking, row-level locks; MySQL manual, InnoDB locking")
.right_in(&[Backfill])
.examples(&[
    Example::bad("UPDATE orders SET region = 'eu'"),
    Example::bad("UPDATE orders SET region = 'eu' WHERE true"),
    Example::bad("ALTER TABLE orders ADD COLUMN region text; UPDATE orders SET region = 'eu' WHERE region IS NULL"),
    Example::good("ALTER TABLE orders ADD COLUMN region text; UPDATE orders SET region = 'eu' WHERE region IS NULL AND id < 1000"),
    Example::good("UPDATE orders SET region = 'eu' WHERE id BETWEEN 1 AND 1000"),
    Example::good("CREATE TABLE regions (name text); UPDATE regions SET name = 'eu'"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Update {
        table,
        filter,
        limited: false,
        columns,
    } = &located.change
    else {
        return;
    };
    // What was added just now is NULL in every row.
    let is_null = |column: &Name| {
        let facts = site.schema.column(table, column);
        site.schema.is_new_column(table, column) && facts.is_some_and(|facts| facts.null_in_old_rows)
    };
    let filtered = filter.as_ref().is_some_and(|filter| {
        !super::delete_rows::always(&filter.text)
            && when_null(&filter.text, site.engine(), &is_null) != Truth::True
    });
    if filtered || !site.has_rows_of_others(table) {
        return;
    }
    let column = columns
        .first()
        .map_or_else(|| "…".to_owned(), ToString::to_string);
    findings
        .report(located.span, format!("writers of {table} wait until the last row is done; do it in batches, after the release has all traffic"))
        .hold(Some(Hold::new(table, Lock::RowExclusive, Work::Rewrite)))
        .rewrite(format!("-- repeat until no row is left, with a pause between\n{} WHERE id IN (SELECT id FROM {table} WHERE {column} IS NULL LIMIT 1000);", site.source(located.span)));
}
