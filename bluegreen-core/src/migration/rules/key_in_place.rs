//! A UNIQUE constraint or a primary key whose index is built under the lock.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "key-in-place",
    Kind::Blocking,
    Severity::Unsafe,
    "The index of a key is built while everybody waits",
)
.why("ADD UNIQUE and ADD PRIMARY KEY build their index under ACCESS EXCLUSIVE: nobody reads or writes meanwhile. An index that was built concurrently is taken over in a moment with USING INDEX.")
.source("PostgreSQL manual, ALTER TABLE, ADD table_constraint_using_index")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ADD CONSTRAINT number UNIQUE (number)"),
    Example::bad("ALTER TABLE orders ADD PRIMARY KEY (id)"),
    Example::good("ALTER TABLE orders ADD CONSTRAINT number UNIQUE USING INDEX orders_number").after("CREATE TABLE orders (number int NOT NULL); CREATE UNIQUE INDEX orders_number ON orders (number)"),
    Example::good("CREATE TABLE orders (id int); ALTER TABLE orders ADD PRIMARY KEY (id)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddConstraint(constraint),
    } = &located.change
    else {
        return;
    };
    if !site.is_used(table) {
        return;
    }
    let (columns, word) = match &constraint.kind {
        ConstraintKind::Unique {
            columns,
            using_index: None,
        } => (columns, "UNIQUE"),
        ConstraintKind::PrimaryKey {
            columns,
            using_index: None,
        } => (columns, "PRIMARY KEY"),
        _ => return,
    };
    let list: Vec<_> = columns.iter().map(ToString::to_string).collect();
    let list = list.join(", ");
    let name = constraint
        .name
        .clone()
        .unwrap_or_else(|| Name::new(format!("{}_{}_key", table.name.as_str(), list.replace(", ", "_"))));
    findings
        .report(located.span, format!("nobody reads or writes {table} until the index is built"))
        .hold(site.blocking(&located.change))
        .rewrite(format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({list});\nALTER TABLE {table} ADD CONSTRAINT {name} {word} USING INDEX {name};"
        ));
}
