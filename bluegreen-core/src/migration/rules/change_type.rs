//! A column gets another type, and every row is written anew.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "change-type",
    Kind::Blocking,
    Severity::Unsafe,
    "A change of type rewrites or reads the whole table",
)
.why("Unless the new type holds every old value as it is stored (a longer varchar, text, more digits), each row is written anew, and with it each index, under ACCESS EXCLUSIVE. A CHECK on the column is checked again, some indexes are built anew.")
.source("PostgreSQL's source, ATColumnChangeRequiresRewrite; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ALTER id TYPE bigint").after("CREATE TABLE orders (id int)"),
    Example::bad("ALTER TABLE orders ALTER id TYPE bigint"),
    Example::bad("ALTER TABLE orders ALTER note TYPE varchar(10)").after("CREATE TABLE orders (note varchar(20))"),
    Example::bad("ALTER TABLE orders ALTER note TYPE text").after("CREATE TABLE orders (note varchar(20), CHECK (note <> ''))"),
    Example::good("ALTER TABLE orders ALTER note TYPE varchar(50)").after("CREATE TABLE orders (note varchar(20))"),
    Example::good("ALTER TABLE orders ALTER note TYPE text").after("CREATE TABLE orders (note varchar(20))"),
    Example::good("ALTER TABLE orders ALTER price TYPE numeric(12,2)").after("CREATE TABLE orders (price numeric(10,2))"),
    Example::good("SET timezone TO 'UTC'; ALTER TABLE orders ALTER at TYPE timestamptz").after("CREATE TABLE orders (at timestamp)"),
    Example::bad("ALTER TABLE orders ALTER note TYPE text COLLATE \"C\"").after("CREATE TABLE orders (note text); CREATE INDEX notes ON orders (note)"),
    Example::bad("ALTER TABLE orders ALTER at TYPE timestamptz").after("CREATE TABLE orders (at timestamp)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::SetType { column, to, .. },
    } = &located.change
    else {
        return;
    };
    let Some(hold) = site.blocking(&located.change).filter(|_| site.is_used(table)) else {
        return;
    };
    let known = site
        .schema
        .column(table, column)
        .and_then(|column| column.kind.as_ref());
    let from = known.map_or_else(|| "a type that is not known here".to_owned(), ToString::to_string);
    let done = if hold.work == Work::Rewrite {
        "written anew"
    } else {
        "read, or its index built anew"
    };
    findings
        .report(located.span, format!("from {from} to {to}: nobody reads or writes {table} until every row is {done}"))
        .hold(Some(hold))
        .rewrite(format!("ALTER TABLE {table} ADD COLUMN {column}_new {to};\n-- write both columns, fill the new one in batches, read it in the next release,\n-- and drop the old one when no release needs it"));
}
