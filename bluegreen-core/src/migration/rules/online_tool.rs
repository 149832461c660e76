//! A table that tools for online changes do not take.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "online-tool",
    Kind::Blocking,
    Severity::Warning,
    "Tools that copy in the background do not take this table",
)
.why("gh-ost refuses tables with foreign keys or triggers, spirit those with foreign keys; pt-online-schema-change needs the triggers for itself (before MySQL 5.7.2), and has to rebuild what points to the table. Where the server itself has to copy, there is no easy way then: change it over several releases.")
.source("gh-ost, requirements and limitations; pt-online-schema-change, --alter-foreign-keys-method; spirit, unsupported features")
.servers(MYSQL)
.examples(&[
    Example::bad("ALTER TABLE lines MODIFY id bigint").after("CREATE TABLE lines (id int, o int, FOREIGN KEY (o) REFERENCES orders (id))"),
    Example::bad("ALTER TABLE orders MODIFY id bigint").after("CREATE TABLE orders (id int); CREATE TABLE lines (o int, FOREIGN KEY (o) REFERENCES orders (id))"),
    Example::bad("ALTER TABLE orders MODIFY id bigint").after("CREATE TABLE orders (id int); CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.id = 1"),
    Example::good("ALTER TABLE orders MODIFY id bigint").after("CREATE TABLE orders (id int)"),
    Example::good("ALTER TABLE lines ADD COLUMN a int").after("CREATE TABLE lines (id int, o int, FOREIGN KEY (o) REFERENCES orders (id))"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, .. } = &located.change else {
        return;
    };
    let copied =
        algorithm(&located.change, site.schema, site.server).is_some_and(|(best, _)| best == Algorithm::Copy);
    if !copied || !site.is_used(table) {
        return;
    }
    let facts = site.schema.table(table);
    let why = if facts.is_some_and(|facts| !facts.references.is_empty()) {
        "has foreign keys"
    } else if site.schema.is_referenced(table) {
        "is what foreign keys point to"
    } else if facts.is_some_and(|facts| facts.triggers) {
        "has triggers"
    } else {
        return;
    };
    findings.report(
        located.span,
        format!("{table} {why}: gh-ost and its like do not take it"),
    );
}
