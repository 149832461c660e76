//! The locks of PostgreSQL.
//!
//! Source: `AlterTableGetLockLevel` and what follows it in `tablecmds.c`, the manual's chapter on explicit
//! locking, and measurements on 10 to 18 (see the test `effects_postgres`).

use super::{Hold, Lock, Retype, Work, retype};
use crate::migration::schema::Schema;
use crate::migration::server::{Engine, Server};
use crate::migration::statement::{
    Change, Column, Constraint, ConstraintKind, CreateTable, DomainAction, Expr, Generated, Name, ObjectKind,
    ObjectName, SqlType, TableAction, Volatility,
};

pub(super) fn holds(change: &Change, schema: &Schema, server: Server) -> Vec<Hold> {
    use Lock::{AccessExclusive, Exclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};
    use Work::{Instant, Rewrite, Scan};
    let one = |table: &ObjectName, lock, work| vec![Hold::new(table, lock, work)];
    match change {
        Change::Table { table, action } => alter(table, action, schema, server),
        Change::CreateTable(created) => references(created),
        Change::DropTable { table, .. } | Change::Truncate { table, .. } => {
            let mut all = one(table, AccessExclusive, Instant);
            if let Some(facts) = schema.table(table) {
                all.extend(
                    facts
                        .references
                        .iter()
                        .map(|to| Hold::new(to, AccessExclusive, Instant)),
                );
            }
            all
        }
        Change::CreateIndex(index) => {
            let lock = if index.concurrently {
                ShareUpdateExclusive
            } else {
                Share
            };
            one(&index.table, lock, Scan)
        }
        Change::DropIndex {
            index, concurrently, ..
        } => {
            let table = schema.index(index).map_or(index, |facts| &facts.table);
            one(
                table,
                if *concurrently {
                    ShareUpdateExclusive
                } else {
                    AccessExclusive
                },
                Instant,
            )
        }
        Change::Reindex {
            concurrently,
            target: Some(target),
            ..
        } => {
            let table = schema.index(target).map_or(target, |facts| &facts.table);
            one(
                table,
                if *concurrently {
                    ShareUpdateExclusive
                } else {
                    Share
                },
                Scan,
            )
        }
        Change::Refresh {
            view, concurrently, ..
        } => {
            if *concurrently {
                one(view, Exclusive, Scan)
            } else {
                one(view, AccessExclusive, Rewrite)
            }
        }
        Change::CreateTrigger {
            table: Some(table), ..
        } => one(table, ShareRowExclusive, Instant),
        Change::Policy { table, .. } => one(table, AccessExclusive, Instant),
        Change::Drop {
            kind: ObjectKind::View | ObjectKind::MaterializedView,
            name,
            ..
        } => one(name, AccessExclusive, Instant),
        Change::Domain { name, action } => domain(name, action, schema),
        Change::Insert {
            table: Some(table), ..
        } => one(table, RowExclusive, Instant),
        Change::Update { table, .. } | Change::Delete { table, .. } => one(table, RowExclusive, Scan),
        Change::Vacuum {
            full: true,
            table: Some(table),
        }
        | Change::Cluster { table: Some(table) } => one(table, AccessExclusive, Rewrite),
        Change::Lock(lock) => lock
            .tables
            .iter()
            .map(|table| Hold::new(table, mode(&lock.mode), Instant))
            .collect(),
        _ => Vec::new(),
    }
}

/// The lock that LOCK TABLE names.
pub(super) fn mode(text: &str) -> Lock {
    match text {
        "access share" => Lock::AccessShare,
        "row share" => Lock::RowShare,
        "row exclusive" => Lock::RowExclusive,
        "share update exclusive" => Lock::ShareUpdateExclusive,
        "share" => Lock::Share,
        "share row exclusive" => Lock::ShareRowExclusive,
        "exclusive" => Lock::Exclusive,
        _ => Lock::AccessExclusive,
    }
}

/// A new table locks those that its foreign keys point to.
fn references(table: &CreateTable) -> Vec<Hold> {
    let mut all: Vec<Hold> = crate::migration::read::references(table)
        .map(|to| Hold::new(to, Lock::ShareRowExclusive, Work::Instant))
        .collect();
    if let Some(parent) = &table.partition_of {
        all.push(Hold::new(parent, Lock::AccessExclusive, Work::Instant));
    }
    all
}

fn domain(name: &ObjectName, action: &DomainAction, schema: &Schema) -> Vec<Hold> {
    let scans = match action {
        DomainAction::AddConstraint { not_valid } => !not_valid,
        DomainAction::Validate | DomainAction::SetNotNull => true,
        _ => false,
    };
    let users = schema
        .domain(name)
        .map(|domain| domain.used_by.as_slice())
        .unwrap_or_default();
    if scans {
        users
            .iter()
            .map(|table| Hold::new(table, Lock::Share, Work::Scan))
            .collect()
    } else {
        Vec::new()
    }
}

fn alter(table: &ObjectName, action: &TableAction, schema: &Schema, server: Server) -> Vec<Hold> {
    use Lock::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    use Work::{Instant, Rewrite, Scan};
    let own = |lock, work| vec![Hold::new(table, lock, work)];
    match action {
        TableAction::AddColumn { column, .. } => add_column(table, column, schema, server),
        TableAction::SetType {
            column,
            to,
            collation,
            using,
        } => {
            let facts = schema.column(table, column);
            let sorts_anew = collation.is_some()
                && facts.is_some_and(|facts| facts.indexed && facts.collation != *collation);
            let work = set_type(table, column, to, using.as_ref(), schema, server);
            own(AccessExclusive, if sorts_anew { work.max(Scan) } else { work })
        }
        TableAction::SetNotNull { column } => {
            own(AccessExclusive, set_not_null(table, column, schema, server))
        }
        TableAction::AddConstraint(constraint) => add_constraint(table, constraint, schema, server),
        TableAction::ValidateConstraint { .. } => own(ShareUpdateExclusive, Scan),
        TableAction::DropConstraint { name, .. } => {
            let mut all = own(AccessExclusive, Instant);
            let facts = schema.table(table).and_then(|facts| facts.constraints.get(name));
            if let Some(ConstraintKind::ForeignKey { references, .. }) =
                facts.map(|constraint| &constraint.kind)
            {
                all.push(Hold::new(references, AccessExclusive, Instant));
            }
            all
        }
        TableAction::AttachPartition { partition, .. } => attach(table, partition, schema, server),
        TableAction::DetachPartition {
            partition,
            concurrently,
            ..
        } => {
            if *concurrently {
                return vec![
                    Hold::new(table, ShareUpdateExclusive, Instant),
                    Hold::new(partition, AccessExclusive, Instant),
                ];
            }
            let lock = if server.at_least(Engine::Postgres, 14, 0, 0) {
                AccessExclusive
            } else {
                ShareUpdateExclusive
            };
            vec![
                Hold::new(table, AccessExclusive, Instant),
                Hold::new(partition, lock, Instant),
            ]
        }
        TableAction::SetLogged { .. }
        | TableAction::SetTablespace
        | TableAction::SetAccessMethod
        | TableAction::SetExpression { .. } => own(AccessExclusive, Rewrite),
        TableAction::SetParameters => own(ShareUpdateExclusive, Instant),
        TableAction::Trigger { .. } => own(ShareRowExclusive, Instant),
        _ => own(AccessExclusive, Instant),
    }
}

fn add_column(table: &ObjectName, column: &Column, schema: &Schema, server: Server) -> Vec<Hold> {
    let mut all = vec![Hold::new(
        table,
        Lock::AccessExclusive,
        add_column_work(column, schema, server),
    )];
    for constraint in &column.constraints {
        if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
            all.push(Hold::new(references, Lock::ShareRowExclusive, Work::Instant));
        }
    }
    all
}

fn add_column_work(column: &Column, schema: &Schema, server: Server) -> Work {
    let counted = column.kind.is_serial() || column.generated == Some(Generated::Counted);
    let stored = matches!(column.generated, Some(Generated::Stored(_)));
    // `DomainHasConstraints`: each row's NULL has to be checked.
    let constrained = schema
        .domain_of(&column.kind)
        .is_some_and(|domain| domain.constrained);
    let default = column.default.as_ref().filter(|default| !default.is_null());
    let rewrites = default.is_some_and(|default| {
        !server.at_least(Engine::Postgres, 11, 0, 0)
            || default.volatility(|call| schema.volatility(call)) == Volatility::Volatile
    });
    if counted || stored || constrained || rewrites {
        return Work::Rewrite;
    }
    let checked = column.constraints.iter().any(|constraint| match constraint.kind {
        // A new column that is NULL everywhere needs no look at the other table.
        ConstraintKind::ForeignKey { .. } => default.is_some(),
        _ => true,
    });
    // NOT NULL with no default: the rows are looked at, and the first one refuses it.
    let required = column.not_null && default.is_none() && column.generated.is_none();
    if checked || required {
        Work::Scan
    } else {
        Work::Instant
    }
}

fn set_not_null(table: &ObjectName, column: &Name, schema: &Schema, server: Server) -> Work {
    let known = schema.column(table, column);
    let proved =
        known.is_some_and(|column| column.proved_not_null) && server.at_least(Engine::Postgres, 12, 0, 0);
    let already = known.and_then(|column| column.not_null) == Some(true);
    if proved || already {
        Work::Instant
    } else {
        Work::Scan
    }
}

/// What is done to the rows when a column gets another type; a rewrite when the old one is not known.
pub(super) fn set_type(
    table: &ObjectName,
    column: &Name,
    to: &SqlType,
    using: Option<&Expr>,
    schema: &Schema,
    server: Server,
) -> Work {
    // A USING that computes touches every row; a plain cast is judged as the change of type that it is.
    let computes = using.is_some_and(|using| {
        let bare = using.text.split("::").next().unwrap_or_default();
        bare.trim_matches(|c: char| matches!(c, '(' | ')' | '"') || c.is_whitespace()) != column.as_str()
            || !using.calls.is_empty()
    });
    let Some(facts) = schema.column(table, column) else {
        return Work::Rewrite;
    };
    let Some(from) = &facts.kind else {
        return Work::Rewrite;
    };
    let domain = schema.domain_of(from).map(|domain| &domain.base);
    let to_domain = schema.domain_of(to);
    if computes || to_domain.is_some_and(|domain| domain.constrained) {
        return Work::Rewrite;
    }
    let to = to_domain.map_or(to, |domain| &domain.base);
    match retype(domain.unwrap_or(from), to, server, schema.is_utc()) {
        Retype::Rewrites => Work::Rewrite,
        Retype::Reindexes if facts.indexed => Work::Scan,
        Retype::Widens | Retype::Reindexes if facts.checked => Work::Scan,
        Retype::Same | Retype::Widens | Retype::Reindexes => Work::Instant,
    }
}

fn add_constraint(table: &ObjectName, constraint: &Constraint, schema: &Schema, server: Server) -> Vec<Hold> {
    let unchecked = constraint.not_valid || constraint.not_enforced;
    let work = |checked: Work| if unchecked { Work::Instant } else { checked };
    let own = |lock, work| vec![Hold::new(table, lock, work)];
    match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => vec![
            Hold::new(table, Lock::ShareRowExclusive, work(Work::Scan)),
            Hold::new(references, Lock::ShareRowExclusive, Work::Instant),
        ],
        ConstraintKind::Unique { using_index, .. } => own(
            Lock::AccessExclusive,
            if using_index.is_some() {
                Work::Instant
            } else {
                Work::Scan
            },
        ),
        ConstraintKind::PrimaryKey {
            using_index: Some(index),
            ..
        } => {
            // Columns of the index that may be NULL are made NOT NULL, with a scan.
            let columns = schema
                .index_named(index)
                .map(|index| index.columns.as_slice())
                .unwrap_or_default();
            let scans = columns.is_empty()
                || columns
                    .iter()
                    .any(|column| set_not_null(table, column, schema, server) == Work::Scan);
            own(
                Lock::AccessExclusive,
                if scans { Work::Scan } else { Work::Instant },
            )
        }
        ConstraintKind::NotNull(column) => own(
            Lock::AccessExclusive,
            work(set_not_null(table, column, schema, server)),
        ),
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Check(_) | ConstraintKind::Exclude => {
            own(Lock::AccessExclusive, work(Work::Scan))
        }
    }
}

fn attach(table: &ObjectName, partition: &ObjectName, schema: &Schema, server: Server) -> Vec<Hold> {
    // Whether a CHECK implies the bounds is the planner's proof; that there is a valid one is the best hint.
    let proved = schema.table(partition).is_some_and(|facts| {
        facts.constraints.values().any(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check(_))
                && !constraint.not_valid
                && !constraint.not_enforced
        })
    });
    let parent = if server.at_least(Engine::Postgres, 12, 0, 0) {
        Lock::ShareUpdateExclusive
    } else {
        Lock::AccessExclusive
    };
    vec![
        Hold::new(table, parent, Work::Instant),
        Hold::new(
            partition,
            Lock::AccessExclusive,
            if proved { Work::Instant } else { Work::Scan },
        ),
    ]
}
