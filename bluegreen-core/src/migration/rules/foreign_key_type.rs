//! A foreign key between columns of different types.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "foreign-key-type",
    Kind::Forward,
    Severity::Warning,
    "A foreign key joins columns of different types",
)
.why("Each check converts one side. MySQL refuses it, and an int that points to a bigint runs out of numbers first.")
.source("PostgreSQL manual, foreign keys; MySQL manual, FOREIGN KEY constraints")
.examples(&[
    Example::bad("ALTER TABLE lines ADD CONSTRAINT o FOREIGN KEY (o) REFERENCES orders (id) NOT VALID").on(Engine::Postgres).after("CREATE TABLE orders (id bigint); CREATE TABLE lines (o int)"),
    Example::good("ALTER TABLE lines ADD CONSTRAINT o FOREIGN KEY (o) REFERENCES orders (id) NOT VALID").on(Engine::Postgres).after("CREATE TABLE orders (id bigint); CREATE TABLE lines (o bigint)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddConstraint(constraint),
    } = &located.change
    else {
        return;
    };
    let ConstraintKind::ForeignKey {
        columns,
        references,
        referenced,
        ..
    } = &constraint.kind
    else {
        return;
    };
    let kind = |table: &ObjectName, column: &Name| {
        let kind = site.schema.column(table, column)?.kind.clone()?;
        // A serial is the integer below it.
        Some(match kind.name.as_str() {
            "serial" | "serial4" => "integer".to_owned(),
            "bigserial" | "serial8" => "bigint".to_owned(),
            _ => kind.name,
        })
    };
    for (column, other) in columns.iter().zip(referenced) {
        if let (Some(here), Some(there)) = (kind(table, column), kind(references, other))
            && here != there
        {
            findings.report(
                located.span,
                format!("{table}.{column} is {here}, {references}.{other} is {there}"),
            );
        }
    }
}
