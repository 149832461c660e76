//! A table that is used before it is made.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "order",
    Kind::Hygiene,
    Severity::Warning,
    "A table is made that was used or made before",
)
.why("Either an earlier statement fails, because the table is not there, or this one, because it is. Often files are sorted in another order than they were meant to run, or two branches make the same table.")
.source("PostgreSQL manual, CREATE TABLE")
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN a int; CREATE TABLE orders (id int);"),
    Example::bad("CREATE TABLE orders (id int)").after("CREATE TABLE orders (id int)"),
    Example::good("CREATE TABLE IF NOT EXISTS orders (id int)").after("CREATE TABLE orders (id int)"),
    Example::good("DROP TABLE orders; CREATE TABLE orders (id int)").after("CREATE TABLE orders (id int)"),
    Example::good("CREATE TABLE orders (id int); ALTER TABLE orders ADD COLUMN a int"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::CreateTable(created) = &located.change else {
        return;
    };
    if created.if_not_exists || created.or_replace || created.temporary {
        return;
    }
    let table = &created.table;
    if let Some(known) = site.schema.table(table) {
        let message = if known.complete {
            format!("{table} is there already")
        } else {
            format!("{table} was used before, and is made only here")
        };
        findings.report(located.span, message);
    }
}
