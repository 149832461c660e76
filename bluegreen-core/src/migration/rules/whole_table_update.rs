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
        ..
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
    let found = findings
        .report(
            located.span,
            format!("writers of {table} wait until the last row is done; do it in batches, after the release has all traffic"),
        )
        .hold(Some(Hold::new(table, Lock::RowExclusive, Work::Rewrite)));
    let source = site.source(located.span);
    if is_plain(source) {
        let key = match site.schema.table(table).map(|facts| facts.primary_key.as_slice()) {
            Some([key]) => key.to_string(),
            _ => "id".to_owned(),
        };
        let joint = if filter.is_some() { "AND" } else { "WHERE" };
        found.rewrite(format!(
            "-- a range of the primary key at a time, with a pause between, up to the last one\n{source} {joint} {key} >= 1 AND {key} < 1001;"
        ));
    }
}

/// `UPDATE t SET …` of one table and no other: a condition can be added at its end.
fn is_plain(source: &str) -> bool {
    let mut words = source.split_whitespace();
    let is =
        |word: Option<&str>, expected: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(expected));
    is(words.next(), "update")
        && words.next().is_some()
        && is(words.next(), "set")
        && !words.any(|word| is(Some(word), "from") || is(Some(word), "returning"))
}

#[cfg(test)]
mod tests {
    use crate::migration::{Engine, Linter, Server};

    #[test]
    fn the_rewrite_goes_along_the_primary_key_of_a_plain_update() {
        let linter = Linter::new(Server::newest(Engine::Mysql))
            .schema("CREATE TABLE t (a int, k int, PRIMARY KEY (k))");
        let rewrite = |sql: &str| linter.check(sql).findings[0].rewrite.clone();
        let along = rewrite("UPDATE t SET a = 1").unwrap();
        assert!(
            along.ends_with("\nUPDATE t SET a = 1 WHERE k >= 1 AND k < 1001;"),
            "{along}"
        );
        let filtered = rewrite("UPDATE t SET a = 1 WHERE true").unwrap();
        assert!(
            filtered.ends_with("WHERE true AND k >= 1 AND k < 1001;"),
            "{filtered}"
        );
        assert_eq!(rewrite("UPDATE t JOIN u ON t.k = u.k SET a = 1"), None);
    }
}
