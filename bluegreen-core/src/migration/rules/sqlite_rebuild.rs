//! SQLite's way to change a table: a new one, the rows, the old name.

use super::prelude::*;
use crate::migration::statement::{CreateTable, Statement};

pub(super) static ABOUT: About = About::new(
    "sqlite-rebuild",
    Kind::Backward,
    Severity::Unsafe,
    "A table is built anew in a way that the old release does not work with",
)
.why("SQLite alters little in place, so that tools create the table anew, copy the rows and swap the names: one change, and judged as one. What counts is how the new table differs: a column that is gone, renamed, or required.")
.source("SQLite, Making Other Kinds Of Table Schema Changes")
.servers(&[Range::all(Engine::Sqlite)])
.examples(&[
    Example::bad("CREATE TABLE new_t (id int, a int NOT NULL); INSERT INTO new_t (id, a) SELECT id, 1 FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t"),
    Example::bad("ALTER TABLE t RENAME TO t_old; CREATE TABLE t (id int, a int NOT NULL); INSERT INTO t (id, a) SELECT id, 1 FROM t_old; DROP TABLE t_old"),
    Example::bad("CREATE TABLE new_t (id int, b int); INSERT INTO new_t (id, b) SELECT id, a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t"),
    Example::bad("CREATE TABLE new_t (id int); INSERT INTO new_t (id) SELECT id FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t").after("CREATE TABLE t (id int, a int)"),
    Example::bad("CREATE TABLE new_t (id int, a int NOT NULL); INSERT INTO new_t (id, a) SELECT id, a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t").after("CREATE TABLE t (id int, a int)"),
    Example::bad("CREATE TABLE new_t (id int, a int UNIQUE); INSERT INTO new_t (id, a) SELECT id, a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t").after("CREATE TABLE t (id int, a int)"),
    Example::good("CREATE TABLE new_t (id int, a int, b int DEFAULT 1 NOT NULL); INSERT INTO new_t (id, a) SELECT id, a FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t").after("CREATE TABLE t (id int, a int)"),
]);

/// How far from each other the statements of one rebuild may stand.
const WITHIN: usize = 12;

/// Whoever does more in one statement rebuilds nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `filter` gives")]
fn few(statement: &&Statement) -> bool {
    statement.changes.len() <= 4
}

/// A table that is built anew.
pub(super) struct Rebuild<'a> {
    /// What it is called for the releases.
    table: &'a ObjectName,
    created: &'a CreateTable,
    inserted: &'a [Name],
    selected: &'a [Option<Name>],
}

impl<'a> Rebuild<'a> {
    /// The rebuild that a statement is part of.
    pub(super) fn of(script: &'a [Statement], at: usize) -> Option<Self> {
        let from = at.saturating_sub(WITHIN);
        let window = script.get(from..script.len().min(at + WITHIN))?;
        let changes = || {
            window
                .iter()
                .filter(few)
                .flat_map(|statement| &statement.changes)
                .map(|located| &located.change)
        };
        let own: Vec<&Change> = script
            .get(at)
            .filter(few)?
            .changes
            .iter()
            .map(|located| &located.change)
            .collect();
        // Around every copy from one table to another that the statement has to do with.
        changes().find_map(|change| {
            let Change::Insert { table: Some(new), columns, from: Some(old), selected } = change else { return None };
            let created = changes().find_map(|change| match change {
                Change::CreateTable(created) if created.table == *new => Some(created),
                _ => None,
            })?;
            let swapped = changes().any(|change| matches!(change, Change::Table { table, action: TableAction::RenameTable { to } } if table == new && to.name == old.name));
            let moved = changes().find_map(|change| match change {
                Change::Table { table, action: TableAction::RenameTable { to } } if to.name == old.name && table.name == new.name => Some(table),
                _ => None,
            });
            let table = if swapped { old } else { moved? };
            let part = own.iter().any(|change| match change {
                Change::DropTable { table, .. } => table == old,
                Change::Table { table: renamed, action: TableAction::RenameTable { .. } } => renamed == new || renamed == table,
                Change::Insert { table: Some(filled), .. } => filled == new,
                _ => false,
            });
            part.then_some(Self { table, created, inserted: columns, selected })
        })
    }
}

/// The columns of each unique key.
fn unique(created: &CreateTable) -> impl Iterator<Item = &Vec<Name>> {
    let of_columns = created.columns.iter().flat_map(|column| &column.constraints);
    of_columns
        .chain(&created.constraints)
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::Unique { columns, .. } => Some(columns),
            _ => None,
        })
}

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Insert { from: Some(_), .. } = &located.change else {
        return;
    };
    let Some(rebuild) = Rebuild::of(site.script, site.at) else {
        return;
    };
    for column in &rebuild.created.columns {
        let at = rebuild.inserted.iter().position(|name| *name == column.name);
        let source = at.and_then(|at| rebuild.selected.get(at));
        let key = column
            .constraints
            .iter()
            .any(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }));
        let filled = column.default.is_some() || column.generated.is_some() || key;
        let before = site
            .schema
            .column(rebuild.table, &column.name)
            .and_then(|facts| facts.not_null);
        if column.not_null && !filled && before == Some(false) {
            findings.report(
                located.span,
                format!(
                    "the old release may write NULL to {}.{}, and is refused",
                    rebuild.table, column.name
                ),
            );
            continue;
        }
        match source {
            Some(Some(name)) if *name != column.name => {
                findings.report(
                    located.span,
                    format!(
                        "the old release still names {}.{name}, which becomes {}",
                        rebuild.table, column.name
                    ),
                );
            }
            None | Some(None) if column.not_null && !filled => {
                findings.report(
                    located.span,
                    format!(
                        "the old release inserts into {} without {}, and is refused",
                        rebuild.table, column.name
                    ),
                );
            }
            _ => {}
        }
    }
    let before = site
        .schema
        .table(rebuild.table)
        .or_else(|| match &located.change {
            Change::Insert { from: Some(old), .. } => site.schema.table(old),
            _ => None,
        });
    let Some(before) = before.filter(|facts| facts.complete) else {
        return;
    };
    for columns in unique(rebuild.created) {
        let old = columns.iter().all(|column| before.columns.contains_key(column));
        if old && !before.has_key(columns) {
            let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
            findings.report(
                located.span,
                format!(
                    "the old release is refused when it writes to {} what is in ({}) already",
                    rebuild.table,
                    columns.join(", ")
                ),
            );
        }
    }
    let mut gone: Vec<_> = before
        .columns
        .keys()
        .filter(|name| !rebuild.created.columns.iter().any(|column| column.name == **name))
        .collect();
    gone.sort();
    for name in gone {
        findings.report(
            located.span,
            format!(
                "the old release still uses {}.{name}, which the new table does not have",
                rebuild.table
            ),
        );
    }
}
