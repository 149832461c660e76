//! Backfills: the batches of a statement, one after the other.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::batch::{Batches, KeyColumn};
use super::fault::{PROVIDER, fault};
use super::journal::Journal;
use super::run::{Current, Session};
use crate::Fault;

impl Session {
    /// A statement of a backfill, batch by batch.
    pub(super) async fn batches(
        &self,
        journal: &Journal,
        current: &mut Current<'_>,
        unit: i32,
        batches: &Batches,
    ) -> Result<(), Fault> {
        let name = current.name;
        self.set(true)
            .await
            .map_err(|error| fault("migrate", name, error))?;
        let key = self
            .key_of(&batches.table)
            .await
            .map_err(|error| fault("migrate", name, error))?;
        if key.is_empty() {
            let message = format!(
                "{} has no primary key along which it could be gone over in batches",
                batches.table
            );
            return Err(Fault::rejected(PROVIDER, "migrate", message).on(name.to_owned()));
        }
        let mut attempts = 0;
        loop {
            let began = self.clock.monotonic();
            let position = current.entry.position.as_deref();
            let (position, rows) = match self.batch(journal, name, batches, &key, position).await {
                Ok(Some(done)) => done,
                Ok(None) => break,
                Err(error) => {
                    self.wait_for_lock(current, &mut attempts, error).await?;
                    continue;
                }
            };
            attempts = 0;
            current.entry.position = Some(position);
            current.entry.rows = current.entry.rows.saturating_add(rows);
            self.tell(current, "fills in");
            let took = self.clock.monotonic().since(began);
            self.clock.sleep(self.pause(rows, took)).await;
        }
        current.entry.position = None;
        journal
            .unit_done(&self.client, name, unit)
            .await
            .map_err(|error| fault("migrate", name, error))
    }

    /// One batch: the key of its last row and how many rows it has changed; `None` at the end of the table.
    async fn batch(
        &self,
        journal: &Journal,
        name: &str,
        batches: &Batches,
        key: &[KeyColumn],
        position: Option<&[String]>,
    ) -> Result<Option<(Vec<String>, i64)>, Error> {
        let before: Vec<&(dyn ToSql + Sync)> = position
            .unwrap_or_default()
            .iter()
            .map(|value| value as &(dyn ToSql + Sync))
            .collect();
        self.client.batch_execute("BEGIN").await?;
        let begun = position.is_some();
        let end = batches.end_of_next(key, begun, self.settings.batch_rows.max(1));
        let Some(row) = self.client.query_opt(&end, &before).await? else {
            self.client.batch_execute("COMMIT").await?;
            return Ok(None);
        };
        let end: Result<Vec<String>, Error> = (0..key.len()).map(|at| row.try_get(at)).collect();
        let end = end?;
        let mut params: Vec<&(dyn ToSql + Sync)> =
            end.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        params.extend(before);
        let rows = self
            .client
            .execute(&batches.statement(key, begun), &params)
            .await?;
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        journal.batch_done(&self.client, name, &end, rows).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(Some((end, rows)))
    }

    /// The pause after a batch: the one that is set, or as long as the rate asks for.
    fn pause(&self, rows: i64, took: Duration) -> Duration {
        let rate = self.settings.rows_per_second.unwrap_or_default();
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let by_rate = if rate == 0 {
            Duration::ZERO
        } else {
            Duration::from_secs(1)
                .saturating_mul(rows)
                .checked_div(rate)
                .unwrap_or_default()
                .saturating_sub(took)
        };
        self.settings.pause.max(by_rate)
    }

    async fn key_of(&self, table: &str) -> Result<Vec<KeyColumn>, Error> {
        let rows = self
            .client
            .query(
                "SELECT quote_ident(a.attname), format_type(a.atttypid, NULL)
                 FROM pg_index i
                 CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE i.indrelid = to_regclass($1::text) AND i.indisprimary ORDER BY k.n",
                &[&table],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(KeyColumn {
                    name: row.try_get(0)?,
                    kind: row.try_get(1)?,
                })
            })
            .collect()
    }
}
