//! Statements that cannot be in a transaction: what a broken run of theirs leaves, and how it is mended.

use tokio_postgres::{Client, Error};

use crate::migration::TableAction;
use crate::migration::statement::{Change, ObjectName};

/// A statement that the server refuses in a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alone {
    pub sql: String,
    pub kind: Kind,
}

/// What can be left of one that was interrupted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An invalid index, by the name under which it is found.
    Build(String),
    /// The index: then it is still to be dropped.
    Drop(String),
    /// Invalid copies of the indexes of a table, by its name or that of an index.
    Rebuild(String),
    /// A partition that is half detached.
    Detach { parent: String, partition: String },
    /// Nothing.
    Other,
}

/// What there is of a thing before its statement runs.
pub(super) enum Found {
    /// What the statement would do is done.
    Done,
    /// Another session is at it.
    Busy,
    /// It has to run; first these.
    Left(Vec<String>),
}

impl Alone {
    pub(super) fn new(sql: &str, change: &Change) -> Result<Self, String> {
        let kind = match change {
            Change::CreateIndex(index) => {
                let name = index.name.as_ref().ok_or(
                    "an index that is built concurrently needs a name: a broken build could not be found again",
                )?;
                // An index is in the schema of its table.
                Kind::Build(match (&name.schema, &index.table.schema) {
                    (None, Some(schema)) => format!("{schema}.{}", name.name),
                    _ => name.to_string(),
                })
            }
            Change::DropIndex { index, .. } => Kind::Drop(index.to_string()),
            Change::Reindex { target, .. } => {
                Kind::Rebuild(target.as_ref().map(ObjectName::to_string).unwrap_or_default())
            }
            Change::Table {
                table,
                action: TableAction::DetachPartition { partition, .. },
            } => Kind::Detach {
                parent: table.to_string(),
                partition: partition.to_string(),
            },
            _ => Kind::Other,
        };
        Ok(Self {
            sql: sql.to_owned(),
            kind,
        })
    }

    /// Whether it waits for locks that nobody else has to wait for: then it may wait long.
    pub(super) const fn waits_politely(&self) -> bool {
        !matches!(self.kind, Kind::Other)
    }

    /// What there is. `tried`: whether a run before has begun this statement, so that what it would do may
    /// have been done by it.
    pub(super) async fn look(&self, client: &Client, tried: bool) -> Result<Found, Error> {
        match &self.kind {
            Kind::Build(index) => {
                let row = client
                    .query_opt(
                        "SELECT i.indisvalid, EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
                         FROM pg_index i WHERE i.indexrelid = to_regclass($1::text)",
                        &[index],
                    )
                    .await?;
                let Some(row) = row else {
                    return Ok(Found::Left(Vec::new()));
                };
                let (valid, building): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
                Ok(match (valid, building) {
                    (_, true) => Found::Busy,
                    (true, false) if tried => Found::Done,
                    // What to do with an index that was there is the statement's affair.
                    (true, false) => Found::Left(Vec::new()),
                    (false, false) => Found::Left(vec![format!("DROP INDEX CONCURRENTLY {index}")]),
                })
            }
            Kind::Drop(index) => {
                let there = client
                    .query_one("SELECT to_regclass($1::text) IS NOT NULL", &[index])
                    .await?;
                Ok(if tried && !there.try_get::<_, bool>(0)? {
                    Found::Done
                } else {
                    Found::Left(Vec::new())
                })
            }
            Kind::Rebuild(target) => {
                let rows = client
                    .query(
                        "SELECT format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)
                         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
                           AND (i.indrelid = to_regclass($1::text)
                                OR i.indrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1::text)))",
                        &[target],
                    )
                    .await?;
                let drops: Result<_, Error> = rows.iter().map(|row| row.try_get(0)).collect();
                Ok(Found::Left(drops?))
            }
            Kind::Detach { parent, partition } => {
                // The column is there since PostgreSQL 14, as is the statement.
                let row = client
                    .query_opt(
                        "SELECT inhdetachpending FROM pg_inherits
                         WHERE inhparent = to_regclass($1::text) AND inhrelid = to_regclass($2::text)",
                        &[parent, partition],
                    )
                    .await?;
                Ok(match row {
                    None if tried => Found::Done,
                    Some(row) if row.try_get(0)? => {
                        let finish = format!("ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE");
                        client.batch_execute(&finish).await?;
                        Found::Done
                    }
                    _ => Found::Left(Vec::new()),
                })
            }
            Kind::Other => Ok(Found::Left(Vec::new())),
        }
    }
}
