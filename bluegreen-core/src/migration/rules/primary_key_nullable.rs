//! A primary key over columns that may be NULL.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "primary-key-nullable",
    Kind::Blocking,
    Severity::Unsafe,
    "A primary key makes its columns NOT NULL, with a scan",
)
.why("PRIMARY KEY USING INDEX takes the index over in a moment, but first makes its columns NOT NULL: with a scan under ACCESS EXCLUSIVE, unless they are, or a valid CHECK proves it (since PostgreSQL 12).")
.source("PostgreSQL's source, index_check_primary_key")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ADD PRIMARY KEY USING INDEX i").after("CREATE TABLE orders (id int); CREATE UNIQUE INDEX i ON orders (id)"),
    Example::good("ALTER TABLE orders ADD PRIMARY KEY USING INDEX i").after("CREATE TABLE orders (id int NOT NULL); CREATE UNIQUE INDEX i ON orders (id)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddConstraint(constraint),
    } = &located.change
    else {
        return;
    };
    let ConstraintKind::PrimaryKey {
        using_index: Some(index),
        ..
    } = &constraint.kind
    else {
        return;
    };
    if !site.is_used(table) {
        return;
    }
    // Without knowledge of the index nothing can be said: the usual case is a key that is NOT NULL.
    let known = site.schema.index_named(index).is_some_and(|facts| {
        facts.columns.iter().all(|column| {
            site.schema
                .column(table, column)
                .is_some_and(|column| column.not_null.is_some())
        })
    });
    let Some(hold) = site.blocking(&located.change) else {
        return;
    };
    let reported = findings
        .report(
            located.span,
            format!("every row of {table} is read under the lock, to make sure that the key is never NULL"),
        )
        .hold(Some(hold));
    if !known {
        reported.warning();
    }
}
