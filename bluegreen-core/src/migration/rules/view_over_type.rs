//! A view stands in the way of another type.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "view-over-type",
    Kind::Hygiene,
    Severity::Unsafe,
    "A column that a view reads cannot get another type",
)
.why("The server refuses it, whatever the type: what the view gives has a type of its own. Drop the view, change the column and make the view anew in one transaction.")
.source("PostgreSQL's source, RememberAllDependentForRebuilding")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ALTER note TYPE varchar(20)").after("CREATE TABLE orders (note varchar(10)); CREATE VIEW notes AS SELECT note FROM orders"),
    Example::bad("ALTER TABLE orders ALTER note TYPE varchar(20)").after("CREATE TABLE orders (note varchar(10)); CREATE VIEW notes AS SELECT o.* FROM public.orders o"),
    Example::good("ALTER TABLE orders ALTER note TYPE varchar(20)").after("CREATE TABLE orders (id int, note varchar(10)); CREATE VIEW counted AS SELECT count(*), id * 2 FROM orders GROUP BY id"),
    Example::good("BEGIN; DROP VIEW notes; ALTER TABLE orders ALTER note TYPE varchar(20); CREATE VIEW notes AS SELECT note FROM orders; COMMIT;").after("CREATE TABLE orders (note varchar(10)); CREATE VIEW notes AS SELECT note FROM orders"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::SetType { column, .. },
    } = &located.change
    else {
        return;
    };
    if let Some(view) = site.schema.view_over(table, column) {
        findings.report(
            located.span,
            format!("the server refuses it: {view} reads {table}.{column}"),
        );
    }
}
