//! A foreign key of a partitioned table cannot be NOT VALID.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "partitioned-not-valid",
    Kind::Hygiene,
    Severity::Unsafe,
    "A partitioned table takes no foreign key that is not valid yet",
)
.why("Before PostgreSQL 18 the server refuses NOT VALID for a foreign key of a table that has partitions. Add it NOT VALID to each partition and validate it there; then the parent's takes them over.")
.source("PostgreSQL's source, ATAddForeignKeyConstraint; release notes of 18")
.servers(&[Range::all(Engine::Postgres).before(ServerVersion::new(18, 0, 0))])
.examples(&[
    Example::bad("ALTER TABLE events ADD CONSTRAINT c FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID").after("CREATE TABLE events (customer int) PARTITION BY HASH (customer)").on(Engine::Postgres).version(17, 0, 0),
    Example::good("ALTER TABLE events ADD CONSTRAINT c FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID").after("CREATE TABLE events (customer int)").on(Engine::Postgres).version(17, 0, 0),
    Example::good("ALTER TABLE events ADD CONSTRAINT c CHECK (customer > 0) NOT VALID").after("CREATE TABLE events (customer int) PARTITION BY HASH (customer)").on(Engine::Postgres).version(17, 0, 0),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action:
            TableAction::AddConstraint(Constraint {
                kind: ConstraintKind::ForeignKey { .. },
                not_valid: true,
                ..
            }),
    } = &located.change
    else {
        return;
    };
    if site.schema.table(table).is_some_and(|facts| facts.partitioned) {
        findings.report(
            located.span,
            format!("the server refuses it: {table} has partitions"),
        );
    }
}
