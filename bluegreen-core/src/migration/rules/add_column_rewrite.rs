//! A new column for which every row is written anew.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "add-column-rewrite",
    Kind::Blocking,
    Severity::Unsafe,
    "A new column rewrites the whole table",
)
.why("A default that is the same for all rows is kept in the catalogue since PostgreSQL 11. What differs from row to row (random values, serial, identity, a stored expression, a domain with a check) is written into each row, under ACCESS EXCLUSIVE.")
.source("PostgreSQL's source, ATExecAddColumn; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ADD token uuid DEFAULT gen_random_uuid()"),
    Example::bad("ALTER TABLE orders ADD token text DEFAULT make_token()"),
    Example::good("ALTER TABLE orders ADD token text DEFAULT make_token()").after("CREATE FUNCTION make_token() RETURNS text IMMUTABLE LANGUAGE sql AS 'select 1'"),
    Example::bad("ALTER TABLE orders ADD id bigserial"),
    Example::bad("ALTER TABLE orders ADD id int GENERATED ALWAYS AS IDENTITY"),
    Example::bad("ALTER TABLE orders ADD total int GENERATED ALWAYS AS (a + b) STORED"),
    Example::good("ALTER TABLE orders ADD total int GENERATED ALWAYS AS (a + b) VIRTUAL"),
    Example::bad("ALTER TABLE orders ADD paid boolean DEFAULT false").version(10, 0, 0),
    Example::good("ALTER TABLE orders ADD paid boolean DEFAULT false").version(11, 0, 0),
    Example::good("ALTER TABLE orders ADD at timestamptz DEFAULT now()"),
    Example::good("ALTER TABLE orders ADD kind varchar(10) DEFAULT 'a'::character varying(10)"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    let hold = site
        .blocking(&located.change)
        .filter(|hold| hold.work == Work::Rewrite && site.is_used(table));
    let Some(hold) = hold else { return };
    let name = &column.name;
    let rewrite = match &column.default {
        Some(default) if column.generated.is_none() && !column.kind.is_serial() => Some(format!(
            "ALTER TABLE {table} ADD COLUMN {name} {};\nALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {};\n-- then fill the old rows in batches",
            column.kind, default.text
        )),
        _ if matches!(column.generated, Some(Generated::Stored(_))) => None,
        _ => Some(format!(
            "ALTER TABLE {table} ADD COLUMN {name} bigint;\nCREATE SEQUENCE {0}_{1}_seq OWNED BY {table}.{name};\nALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT nextval('{0}_{1}_seq');\n-- then fill the old rows in batches",
            table.name.as_str(),
            name.as_str()
        )),
    };
    let reported = findings
        .report(
            located.span,
            format!("nobody reads or writes {table} until every row has been written anew with its {name}"),
        )
        .hold(Some(hold));
    if let Some(rewrite) = rewrite {
        reported.rewrite(rewrite);
    }
}
