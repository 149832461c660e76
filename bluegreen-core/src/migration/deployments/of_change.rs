//! Which deployments which change takes.

use super::sync::Pair;
use super::{Draft, Precondition};
use crate::MigrationPhase;
use crate::migration::schema::Schema;
use crate::migration::statement::{
    Change, Column, Constraint, ConstraintKind, Name, ObjectName, SqlType, TableAction,
};
use crate::migration::{Engine, Server};

type Drafts = (String, Vec<Draft>);

pub(super) fn drafts(change: &Change, schema: &Schema, server: Server) -> Option<Drafts> {
    match change {
        Change::DropTable { table, .. } => {
            Some(drop_thing(&table.to_string(), &format!("DROP TABLE {table};")))
        }
        Change::Table { table, action } => of_table(table, action, schema, server),
        _ => None,
    }
}

fn of_table(table: &ObjectName, action: &TableAction, schema: &Schema, server: Server) -> Option<Drafts> {
    let kind = |column: &Name| {
        let known = schema
            .column(table, column)
            .and_then(|column| column.kind.clone());
        known.map_or_else(|| "…".to_owned(), |kind| kind.to_string())
    };
    match action {
        TableAction::DropColumn { column, .. } => Some(drop_thing(
            &format!("{table}.{column}"),
            &format!("ALTER TABLE {table} DROP COLUMN {column};"),
        )),
        TableAction::RenameColumn { from, to } => Some(rename_column(table, from, to, &kind(from), server)),
        TableAction::Redefine { old, column, .. } if *old != column.name => Some(rename_column(
            table,
            old,
            &column.name,
            &column.kind.to_string(),
            server,
        )),
        TableAction::RenameTable { to } => Some(rename_table(table, to, server)),
        TableAction::SetType { column, to, .. } => {
            Some(change_type(table, column, &kind(column), to, server))
        }
        TableAction::Redefine { column, .. } => Some(change_type(
            table,
            &column.name,
            &kind(&column.name),
            &column.kind,
            server,
        )),
        TableAction::SetNotNull { column } => Some(not_null(table, column, server)),
        TableAction::AddColumn { column, .. } if column.not_null => {
            Some(required_column(table, column, server))
        }
        TableAction::AddConstraint(constraint) => constrained(table, constraint, server),
        _ => None,
    }
}

fn drop_thing(what: &str, sql: &str) -> Drafts {
    let drafts = vec![
        Draft::expand(
            1,
            format!("the release no longer reads or writes {what}; nothing changes in the database"),
            "",
        ),
        Draft::contract(
            2,
            format!("when no release that uses it may come back, {what} goes"),
            sql,
        ),
    ];
    // The contract migration may come with the release that no longer uses the thing.
    (format!("{what} goes"), with_contract_of(1, drafts))
}

/// The last step needs what release `release` no longer does.
fn with_contract_of(release: usize, mut drafts: Vec<Draft>) -> Vec<Draft> {
    if let Some(last) = drafts.last_mut() {
        last.precondition = Precondition::NoReleaseBefore(release);
    }
    drafts
}

fn rename_column(table: &ObjectName, old: &Name, new: &Name, kind: &str, server: Server) -> Drafts {
    let (table, old, new) = (table.to_string(), old.to_string(), new.to_string());
    let pair = Pair {
        table: &table,
        old: &old,
        new: &new,
        types: None,
    };
    (
        format!("{table}.{old} becomes {table}.{new}"),
        in_three(&pair, kind, server.engine, ""),
    )
}

fn change_type(table: &ObjectName, column: &Name, from: &str, to: &SqlType, server: Server) -> Drafts {
    let (table, old) = (table.to_string(), column.to_string());
    let new = Name::new(format!("{}_new", column.as_str())).to_string();
    let pair = Pair {
        table: &table,
        old: &old,
        new: &new,
        types: Some((from.to_owned(), to.to_string())),
    };
    (
        format!("{table}.{old} becomes a {to}, under the name {new}"),
        in_three(
            &pair,
            &to.to_string(),
            server.engine,
            " (choose the name as you like)",
        ),
    )
}

/// Add and keep in step; read the new one; drop the old one.
fn in_three(pair: &Pair<'_>, kind: &str, engine: Engine, note: &str) -> Vec<Draft> {
    let Pair { table, old, new, .. } = pair;
    let by = if super::keeps_in_step(engine) {
        "a trigger keeps both in step"
    } else {
        "the release writes both"
    };
    let drafts = vec![
        Draft::expand(
            1,
            format!("{new} is there{note}, and {by}; the release still reads {old}"),
            format!(
                "ALTER TABLE {table} ADD COLUMN {new} {kind};\n{}",
                pair.create(engine)
            ),
        ),
        Draft::backfill(
            1,
            format!("{new} of the old rows is filled in, in batches"),
            pair.fill(engine),
        ),
        Draft::expand(2, format!("the release reads and writes {new} only"), ""),
        Draft::contract(
            3,
            format!("when no release that uses {old} may come back, it goes"),
            format!("{}ALTER TABLE {table} DROP COLUMN {old};", pair.drop(engine)),
        ),
    ];
    with_contract_of(2, drafts)
}

fn rename_table(from: &ObjectName, to: &ObjectName, server: Server) -> Drafts {
    // A view over all columns of one table can be written to, on every engine but SQLite.
    let sql = if server.engine.is_mysql_like() {
        format!("RENAME TABLE {from} TO {to};\nCREATE VIEW {from} AS SELECT * FROM {to};")
    } else {
        format!(
            "BEGIN;\nALTER TABLE {from} RENAME TO {to};\nCREATE VIEW {from} AS SELECT * FROM {to};\nCOMMIT;"
        )
    };
    let drafts = vec![
        Draft::expand(
            1,
            format!("a view with the old name serves the old release; this one uses {to}"),
            sql,
        ),
        Draft::contract(
            2,
            "when no release that uses the old name may come back, the view goes",
            format!("DROP VIEW {from};"),
        ),
    ];
    (format!("{from} becomes {to}"), with_contract_of(1, drafts))
}

fn not_null(table: &ObjectName, column: &Name, server: Server) -> Drafts {
    (
        format!("{table}.{column} is NOT NULL"),
        not_null_steps(table, column, server, 1, None),
    )
}

/// From a release that writes it always to NOT NULL.
fn not_null_steps(
    table: &ObjectName,
    column: &Name,
    server: Server,
    writes: usize,
    add: Option<String>,
) -> Vec<Draft> {
    let name = Name::new(format!("{}_{}_not_null", table.name.as_str(), column.as_str()));
    let mut drafts = vec![
        Draft::expand(
            writes,
            format!("the release writes {column} in every row"),
            add.unwrap_or_default(),
        ),
        Draft::backfill(
            writes,
            format!("{column} of the old rows is filled in, in batches: put in the value that is right"),
            format!("UPDATE {table} SET {column} = … WHERE {column} IS NULL;"),
        ),
    ];
    let (hold, check) = if server.at_least(Engine::Postgres, 18, 0, 0) {
        (
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID;"),
            format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"),
        )
    } else if server.engine == Engine::Postgres {
        let finish = if server.at_least(Engine::Postgres, 12, 0, 0) {
            format!(
                "\nALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\nALTER TABLE {table} DROP CONSTRAINT {name};"
            )
        } else {
            // The constraint stays: before 12, SET NOT NULL reads the table in spite of it.
            String::new()
        };
        (
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID;"),
            format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};{finish}"),
        )
    } else {
        drafts.push(Draft::contract(
            writes + 1,
            format!("when no release that leaves {column} out may come back, it has to have a value"),
            format!("ALTER TABLE {table} MODIFY COLUMN {column} … NOT NULL;"),
        ));
        return with_contract_of(writes, drafts);
    };
    drafts.push(Draft::contract(
        writes + 1,
        format!("when no release that leaves {column} out may come back, it has to have a value"),
        hold,
    ));
    let mut drafts = with_contract_of(writes, drafts);
    drafts.push(
        Draft {
            phase: MigrationPhase::Contract,
            ..Draft::backfill(
                writes + 1,
                "the rows are read while others work, and the constraint is trusted",
                check,
            )
        }
        .reversible(),
    );
    drafts
}

fn required_column(table: &ObjectName, column: &Column, server: Server) -> Drafts {
    let add = format!("ALTER TABLE {table} ADD COLUMN {} {};", column.name, column.kind);
    (
        format!("{table} has {}, in every row", column.name),
        not_null_steps(table, &column.name, server, 1, Some(add)),
    )
}

fn constrained(table: &ObjectName, constraint: &Constraint, server: Server) -> Option<Drafts> {
    if server.engine != Engine::Postgres {
        return None;
    }
    let listed = |columns: &[Name]| {
        let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
        columns.join(", ")
    };
    let name = |end: &str| {
        let name = constraint.name.clone();
        name.unwrap_or_else(|| Name::new(format!("{}_{end}", table.name.as_str())))
    };
    let meets = Draft::expand(
        1,
        format!("the release writes to {table} only what meets the constraint"),
        "",
    );
    let (what, hold, check) = match &constraint.kind {
        ConstraintKind::Unique { columns, .. } => {
            let (name, columns) = (name("key"), listed(columns));
            (
                format!("({columns}) of {table} is unique"),
                format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns});"),
                format!("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name};"),
            )
        }
        ConstraintKind::Check(expr) => {
            let (name, text) = (name("check"), expr.text.trim());
            (
                format!("{table} meets CHECK ({text})"),
                format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({text}) NOT VALID;"),
                format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"),
            )
        }
        ConstraintKind::ForeignKey {
            columns,
            references,
            referenced,
            ..
        } => {
            let (name, columns) = (name("fkey"), listed(columns));
            let referenced = if referenced.is_empty() {
                String::new()
            } else {
                format!(" ({})", listed(referenced))
            };
            (
                format!("({columns}) of {table} points to {references}"),
                format!(
                    "ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {references}{referenced} NOT VALID;"
                ),
                format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};"),
            )
        }
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::NotNull(_) | ConstraintKind::Exclude => {
            return None;
        }
    };
    let drafts = vec![
        meets,
        Draft::contract(
            2,
            "when no release that breaks it may come back, what is written has to meet it",
            hold,
        )
        .reversible(),
        Draft {
            phase: MigrationPhase::Contract,
            ..Draft::backfill(
                2,
                "the rows are read while others work, and the constraint is trusted",
                check,
            )
        },
    ];
    let mut drafts = drafts;
    if let Some(hold) = drafts.get_mut(1) {
        hold.precondition = Precondition::NoReleaseBefore(1);
    }
    Some((what, drafts))
}
