//! A primary key or the identity of rows for replication goes.

use super::prelude::*;

/// More changes of one statement are not looked at.
const LOOKED_AT: usize = 64;

pub(super) static ABOUT: About = About::new("drop-key", Kind::Backward, Severity::Unsafe, "A primary key is dropped")
    .why("ON CONFLICT of the old release names it, logical replication refuses UPDATE and DELETE without it, and MySQL copies the table.")
    .source("PostgreSQL manual, logical replication, REPLICA IDENTITY")
    .right_in(&[Contract])
    .examples(&[
        Example::bad("ALTER TABLE orders DROP CONSTRAINT orders_pkey").on(Engine::Postgres),
        Example::bad("ALTER TABLE orders DROP CONSTRAINT id").on(Engine::Postgres).after("CREATE TABLE orders (id int, CONSTRAINT id PRIMARY KEY (id))"),
        Example::bad("ALTER TABLE orders DROP PRIMARY KEY").on(Engine::Mysql),
        Example::bad("ALTER TABLE orders REPLICA IDENTITY NOTHING").on(Engine::Postgres),
        Example::good("ALTER TABLE orders DROP CONSTRAINT positive").on(Engine::Postgres),
    ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    if !site.is_used(table) {
        return;
    }
    let primary = match action {
        TableAction::DropPrimaryKey => true,
        TableAction::ReplicaIdentity { nothing } => *nothing,
        TableAction::DropConstraint { name, .. } => {
            let known = site
                .schema
                .table(table)
                .and_then(|facts| facts.constraints.get(name));
            known.map_or_else(
                || name.as_str() == format!("{}_pkey", table.name.as_str()) || name.as_str() == "primary",
                |constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }),
            )
        }
        _ => false,
    };
    // Another key in the same statement takes its place.
    let replaced = site.statement().is_some_and(|statement| {
        statement.changes.iter().take(LOOKED_AT).any(|other| {
            matches!(
                &other.change,
                Change::Table {
                    action: TableAction::AddConstraint(Constraint {
                        kind: ConstraintKind::PrimaryKey {
                            using_index: Some(_),
                            ..
                        },
                        ..
                    }),
                    ..
                }
            )
        })
    });
    if primary && !replaced {
        findings.report(
            located.span,
            format!("the rows of {table} have no identity any more for ON CONFLICT and for replication"),
        );
    }
}
