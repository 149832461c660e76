//! What of a migration runs together: in one transaction, alone, or in batches.

use super::alone::Alone;
use super::batch::Batches;
use crate::MigrationPhase;
use crate::migration::statement::{Change, ObjectKind};
use crate::migration::{Engine, Linter, Migration, Server, TableAction};

/// A part of a migration that is done as a whole or not at all, as far as the server can do that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Statements in one transaction.
    Together(Vec<String>),
    /// A statement that cannot be in a transaction.
    Alone(Alone),
    /// A statement of a backfill, batch by batch.
    Batches(Batches),
}

/// The parts of a migration, in order. A file runs in one transaction, unless it says with its own BEGIN and
/// COMMIT what belongs together, or with a comment `no-transaction` that each statement is by itself.
pub(super) fn units(migration: &Migration) -> Result<Vec<Unit>, String> {
    let sql = &migration.sql;
    let linter = Linter::new(Server::newest(Engine::Postgres)).in_transaction(true);
    let script = linter.read(sql);
    let mut units = Vec::new();
    let mut together = Vec::new();
    let mut explicit = false;
    let flush = |together: &mut Vec<String>, units: &mut Vec<Unit>| {
        if !together.is_empty() {
            units.push(Unit::Together(std::mem::take(together)));
        }
    };
    for statement in script.statements() {
        let text = statement.span.of(sql);
        let changes = || statement.changes.iter().map(|located| &located.change);
        let Some(first) = changes().next() else { continue };
        match first {
            Change::Begin => {
                flush(&mut together, &mut units);
                explicit = true;
                continue;
            }
            Change::Commit => {
                flush(&mut together, &mut units);
                explicit = false;
                continue;
            }
            Change::Rollback => return Err("it rolls itself back".to_owned()),
            _ => {}
        }
        if text
            .get(..4)
            .is_some_and(|word| word.eq_ignore_ascii_case("copy"))
        {
            return Err("COPY takes its rows from a client: write INSERT".to_owned());
        }
        if changes().any(is_alone) {
            flush(&mut together, &mut units);
            units.push(Unit::Alone(Alone::new(text, first)?));
        } else if migration.phase == MigrationPhase::Backfill
            && matches!(first, Change::Update { .. } | Change::Delete { .. })
        {
            flush(&mut together, &mut units);
            units.push(Unit::Batches(Batches::read(text)?));
        } else {
            together.push(text.to_owned());
            if !explicit && !script.in_transaction() {
                flush(&mut together, &mut units);
            }
        }
    }
    flush(&mut together, &mut units);
    Ok(units)
}

/// Whether the server refuses it in a transaction.
const fn is_alone(change: &Change) -> bool {
    matches!(
        change,
        Change::DropIndex {
            concurrently: true,
            ..
        } | Change::Reindex {
            concurrently: true,
            ..
        } | Change::Vacuum { .. }
            | Change::Table {
                action: TableAction::DetachPartition {
                    concurrently: true,
                    ..
                },
                ..
            }
            | Change::Create {
                kind: ObjectKind::Database,
                ..
            }
            | Change::Drop {
                kind: ObjectKind::Database,
                ..
            }
    ) || matches!(change, Change::CreateIndex(index) if index.concurrently)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `2 alone batches`: two statements together, one alone, one in batches.
    fn shape(name: &str, sql: &str) -> String {
        let units = units(&Migration::new(name, sql)).unwrap();
        let one = |unit: &Unit| match unit {
            Unit::Together(statements) => statements.len().to_string(),
            Unit::Alone(_) => "alone".to_owned(),
            Unit::Batches(_) => "batches".to_owned(),
        };
        units.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_file_is_one_transaction_as_far_as_it_can_be() {
        for (sql, expected) in [
            ("CREATE TABLE a (i int); CREATE TABLE b (i int);", "2"),
            (
                "CREATE TABLE a (i int); CREATE INDEX CONCURRENTLY x ON a (i); SELECT 1",
                "1 alone 1",
            ),
            (
                "-- no-transaction\nCREATE TABLE a (i int); CREATE TABLE b (i int);",
                "1 1",
            ),
            ("BEGIN; SELECT 1; SELECT 2; COMMIT; SELECT 3", "2 1"),
            (
                "VACUUM a; REINDEX INDEX CONCURRENTLY x; DROP INDEX CONCURRENTLY x",
                "alone alone alone",
            ),
            ("UPDATE a SET i = 1", "1"),
            ("", ""),
        ] {
            assert_eq!(shape("1.sql", sql), expected, "{sql}");
        }
        assert_eq!(
            shape("1.backfill.sql", "UPDATE a SET i = 1 WHERE i IS NULL; SELECT 1"),
            "batches 1"
        );
    }

    #[test]
    fn what_cannot_be_run_from_a_file_is_refused() {
        for sql in [
            "ROLLBACK",
            "COPY a FROM stdin;\n1\n\\.\n",
            "CREATE INDEX CONCURRENTLY ON a (i)",
        ] {
            assert!(units(&Migration::new("1.sql", sql)).is_err(), "{sql}");
        }
    }
}
