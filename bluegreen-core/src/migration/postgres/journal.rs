//! The table of applied migrations.

use std::collections::HashMap;

use tokio_postgres::{Client, Error, Row};

use crate::migration::{Migration, checksum};
use crate::{Assignment, MigrationPhase};

/// The table, with its schema, in quotes.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    schema: String,
    table: String,
}

/// What the table has of a migration.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub checksum: String,
    /// Units that are done.
    pub done: i32,
    /// The unit that runs alone and was begun; -1 for none.
    pub trying: i32,
    /// The key of the last row that the batches of the unit have come to.
    pub position: Option<Vec<String>>,
    pub rows: i64,
    pub ended: bool,
}

impl Entry {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            checksum: row.try_get("checksum")?,
            done: row.try_get("done")?,
            trying: row.try_get("trying")?,
            position: row.try_get("position")?,
            rows: row.try_get("rows")?,
            ended: row.try_get("is_ended")?,
        })
    }
}

const COLUMNS: &str = "name, checksum, done, trying, position, rows, ended IS NOT NULL AS is_ended";

impl Journal {
    pub(super) fn new(schema: &str) -> Self {
        let schema = format!("\"{}\"", schema.replace('"', "\"\""));
        Self {
            table: format!("{schema}.migrations"),
            schema,
        }
    }

    pub(super) async fn create(&self, client: &Client) -> Result<(), Error> {
        let Self { schema, table } = self;
        client
            .batch_execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE IF NOT EXISTS {table} (
                     name text PRIMARY KEY,
                     phase text NOT NULL,
                     checksum text NOT NULL,
                     release text NOT NULL,
                     deployment text NOT NULL,
                     done integer NOT NULL DEFAULT 0,
                     trying integer NOT NULL DEFAULT -1,
                     position text[],
                     rows bigint NOT NULL DEFAULT 0,
                     times_stale integer NOT NULL DEFAULT 0,
                     begun timestamptz NOT NULL DEFAULT clock_timestamp(),
                     ended timestamptz
                 )"
            ))
            .await
    }

    pub(super) async fn is_there(&self, client: &Client) -> Result<bool, Error> {
        let there = client
            .query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&self.table])
            .await?;
        there.try_get(0)
    }

    pub(super) async fn entries(&self, client: &Client) -> Result<HashMap<String, Entry>, Error> {
        let rows = client
            .query(&format!("SELECT {COLUMNS} FROM {}", self.table), &[])
            .await?;
        rows.iter()
            .map(|row| Ok((row.try_get("name")?, Entry::read(row)?)))
            .collect()
    }

    /// Notes that a migration begins, or goes on. A backfill goes on where it was only for the deployment that
    /// began it: what another one has filled in may have been overwritten since.
    pub(super) async fn begin(
        &self,
        client: &Client,
        migration: &Migration,
        assignment: &Assignment,
    ) -> Result<Entry, Error> {
        let anew = migration.phase == MigrationPhase::Backfill;
        let table = &self.table;
        let row = client
            .query_one(
                &format!(
                    "INSERT INTO {table} AS m (name, phase, checksum, release, deployment)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (name) DO UPDATE SET
                         checksum = excluded.checksum, release = excluded.release, deployment = excluded.deployment,
                         done = CASE WHEN $6 AND m.deployment <> excluded.deployment THEN 0 ELSE m.done END,
                         rows = CASE WHEN m.deployment = excluded.deployment THEN m.rows ELSE 0 END,
                         position = CASE WHEN m.deployment = excluded.deployment THEN m.position END
                     RETURNING {COLUMNS}"
                ),
                &[
                    &migration.name,
                    &migration.phase.to_string(),
                    &checksum_of(migration),
                    &assignment.release.version.as_str(),
                    &assignment.deployment.to_string(),
                    &anew,
                ],
            )
            .await?;
        Entry::read(&row)
    }

    /// Notes that a unit that runs alone begins.
    pub(super) async fn try_unit(&self, client: &Client, name: &str, unit: i32) -> Result<(), Error> {
        let sql = format!("UPDATE {} SET trying = $2 WHERE name = $1", self.table);
        client.execute(&sql, &[&name, &unit]).await.map(drop)
    }

    /// Notes that a unit is done, in the transaction that does it.
    pub(super) async fn unit_done(&self, client: &Client, name: &str, unit: i32) -> Result<(), Error> {
        let sql = format!(
            "UPDATE {} SET done = $2 + 1, trying = -1, position = NULL WHERE name = $1",
            self.table
        );
        client.execute(&sql, &[&name, &unit]).await.map(drop)
    }

    /// Notes how far the batches have come, in the transaction of the batch.
    pub(super) async fn batch_done(
        &self,
        client: &Client,
        name: &str,
        position: &[String],
        rows: i64,
    ) -> Result<(), Error> {
        let sql = format!(
            "UPDATE {} SET position = $2, rows = rows + $3 WHERE name = $1",
            self.table
        );
        client.execute(&sql, &[&name, &position, &rows]).await.map(drop)
    }

    /// Notes that all of a migration is done.
    pub(super) async fn end(&self, client: &Client, name: &str) -> Result<(), Error> {
        let sql = format!(
            "UPDATE {} SET ended = clock_timestamp() WHERE name = $1",
            self.table
        );
        client.execute(&sql, &[&name]).await.map(drop)
    }

    /// Backfills of these releases have to run again, but for those that this deployment has run.
    pub(super) async fn mark_stale(
        &self,
        client: &Client,
        releases: &[&str],
        deployment: &str,
    ) -> Result<(), Error> {
        let sql = format!(
            "UPDATE {} SET ended = NULL, done = 0, position = NULL, times_stale = times_stale + 1
             WHERE phase = 'backfill' AND release = ANY ($1) AND deployment <> $2 AND ended IS NOT NULL",
            self.table
        );
        client.execute(&sql, &[&releases, &deployment]).await.map(drop)
    }
}

/// The file as it was applied.
pub(super) fn checksum_of(migration: &Migration) -> String {
    format!("{:016x}", checksum(&migration.sql))
}
