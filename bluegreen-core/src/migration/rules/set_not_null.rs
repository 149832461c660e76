//! A column that exists becomes NOT NULL.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "set-not-null",
    Kind::Blocking,
    Severity::Unsafe,
    "Every row is read under the lock to make a column NOT NULL",
)
.why("SET NOT NULL reads the table under ACCESS EXCLUSIVE. Since PostgreSQL 12 it trusts a valid CHECK (column IS NOT NULL), which can be validated while others work; since 18 NOT NULL itself can be NOT VALID.")
.source("PostgreSQL manual, ALTER TABLE, SET NOT NULL; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("ALTER TABLE orders ALTER note SET NOT NULL"),
    Example::bad("ALTER TABLE orders ALTER note SET NOT NULL").after("CREATE TABLE orders (note text, CHECK (note IS NOT NULL))").version(11, 0, 0),
    Example::good("ALTER TABLE orders ALTER note SET NOT NULL").after("CREATE TABLE orders (note text, CHECK (note IS NOT NULL))").version(12, 0, 0),
    Example::good("ALTER TABLE orders VALIDATE CONSTRAINT n; ALTER TABLE orders ALTER note SET NOT NULL").after("CREATE TABLE orders (note text); ALTER TABLE orders ADD CONSTRAINT n CHECK (note IS NOT NULL) NOT VALID"),
    Example::bad("ALTER TABLE orders ALTER note SET NOT NULL").after("CREATE TABLE orders (note text); ALTER TABLE orders ADD CONSTRAINT n CHECK (note IS NOT NULL) NOT VALID"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::SetNotNull { column },
    } = &located.change
    else {
        return;
    };
    let Some(hold) = site.blocking(&located.change).filter(|_| site.is_used(table)) else {
        return;
    };
    let name = format!("{}_{}_not_null", table.name.as_str(), column.as_str());
    let rewrite = if site.server.at_least(Engine::Postgres, 18, 0, 0) {
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
        )
    } else if site.server.at_least(Engine::Postgres, 12, 0, 0) {
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};\nALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\nALTER TABLE {table} DROP CONSTRAINT {name};"
        )
    } else {
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
        )
    };
    findings
        .report(located.span, format!("nobody reads or writes {table} until every row has been read; and a release that writes no {column} fails from then on"))
        .hold(Some(hold))
        .rewrite(rewrite);
}
