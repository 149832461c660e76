//! One session that runs migrations.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error};

use super::alone::{Alone, Found};
use super::batch::{Batches, KeyColumn};
use super::fault::{PROVIDER, fault, lost_a_lock, said};
use super::journal::{Entry, Journal, checksum_of};
use super::unit::{Unit, units};
use super::{PostgresSettings, Progress, Watcher};
use crate::migration::{Migration, checksum};
use crate::plan::humane;
use crate::{Assignment, Clock, Fault, MigrationPhase, Version};

/// How often it is asked whether an earlier run is over.
const POLL: Duration = Duration::from_millis(250);

/// A transaction that is open for longer is told of when something waits.
const OLD: Duration = Duration::from_secs(5);

pub(super) struct Session {
    pub client: Client,
    pub settings: PostgresSettings,
    pub clock: Arc<dyn Clock>,
    pub watcher: Watcher,
    /// How long all of it may take.
    pub budget: Duration,
}

/// A migration that is being run.
struct Current<'a> {
    name: &'a str,
    entry: Entry,
}

impl Session {
    /// Runs what is due in a phase.
    pub(super) async fn run(
        &self,
        migrations: &[Migration],
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let journal = self.prepare().await?;
        let entries = journal
            .entries(&self.client)
            .await
            .map_err(|error| fault("migrate", "the table of applied migrations", error))?;
        for migration in migrations {
            unchanged(migration, entries.get(&migration.name))?;
        }
        let due: Vec<_> = migrations
            .iter()
            .filter(|migration| migration.phase == phase)
            .filter(|migration| entries.get(&migration.name).is_none_or(|entry| !entry.ended))
            .collect();
        let mut rows = 0;
        for migration in &due {
            rows += self.apply(&journal, migration, assignment).await?;
        }
        let names: Vec<_> = due.iter().map(|migration| migration.name.as_str()).collect();
        Ok(match names.as_slice() {
            [] => format!("nothing to apply for {phase}"),
            names if phase == MigrationPhase::Backfill => format!("{rows} rows by {}", names.join(", ")),
            names => format!("applied {}", names.join(", ")),
        })
    }

    pub(super) async fn mark_stale(
        &self,
        releases: &[Version],
        assignment: &Assignment,
    ) -> Result<(), Fault> {
        let journal = self.prepare().await?;
        let releases: Vec<&str> = releases.iter().map(Version::as_str).collect();
        journal
            .mark_stale(&self.client, &releases, &assignment.deployment.to_string())
            .await
            .map_err(|error| fault("mark stale", "the table of applied migrations", error))
    }

    pub(super) async fn applied(&self) -> Result<BTreeSet<String>, Fault> {
        let journal = Journal::new(&self.settings.journal);
        let read = async {
            if !journal.is_there(&self.client).await? {
                return Ok(BTreeSet::new());
            }
            let entries = journal.entries(&self.client).await?;
            let ended = entries.into_iter().filter(|(_, entry)| entry.ended);
            Ok(ended.map(|(name, _)| name).collect())
        };
        read.await
            .map_err(|error| fault("read", "the table of applied migrations", error))
    }

    /// Keeps others out, and makes the table when it is not there.
    async fn prepare(&self) -> Result<Journal, Fault> {
        let journal = Journal::new(&self.settings.journal);
        let failed = |error| fault("migrate", "the lock of migrations", error);
        self.set(true).await.map_err(failed)?;
        // In two's complement: any 64 bits are a key.
        let key = i64::from_ne_bytes(checksum(&self.settings.journal).to_ne_bytes());
        let began = self.clock.monotonic();
        loop {
            let row = self
                .client
                .query_one("SELECT pg_try_advisory_lock($1)", &[&key])
                .await
                .map_err(failed)?;
            if row.try_get(0).map_err(failed)? {
                break;
            }
            if self.clock.monotonic().since(began).saturating_add(POLL) >= self.budget {
                return Err(Fault::unavailable(
                    PROVIDER,
                    "migrate",
                    "an earlier run of migrations is still at work",
                ));
            }
            self.clock.sleep(POLL).await;
        }
        journal.create(&self.client).await.map_err(failed)?;
        Ok(journal)
    }

    /// The settings of the session, whatever a migration has made of them.
    async fn set(&self, lock_timeout: bool) -> Result<(), Error> {
        let lock = if lock_timeout {
            self.settings.lock_timeout.as_millis()
        } else {
            0
        };
        // A killed runner's statement ends soon where the server can see that nobody listens.
        self.client
            .batch_execute(&format!(
                "RESET ALL; SET lock_timeout = '{lock}ms'; SET statement_timeout = '{}ms';
                 SET idle_in_transaction_session_timeout = '60s'; SET application_name = 'bluegreen migrations';
                 SELECT set_config('client_connection_check_interval', '1s', false)
                 WHERE current_setting('server_version_num')::integer >= 140000",
                self.budget.as_millis().clamp(1, 2_147_483_647),
            ))
            .await
    }

    /// Runs what is left of a migration. Returns how many rows a backfill has changed.
    async fn apply(
        &self,
        journal: &Journal,
        migration: &Migration,
        assignment: &Assignment,
    ) -> Result<i64, Fault> {
        let name = migration.name.as_str();
        let units =
            units(migration).map_err(|why| Fault::rejected(PROVIDER, "migrate", why).on(name.to_owned()))?;
        let failed = |error| fault("migrate", name, error);
        let entry = journal
            .begin(&self.client, migration, assignment)
            .await
            .map_err(failed)?;
        let done = usize::try_from(entry.done).unwrap_or_default();
        let mut current = Current { name, entry };
        self.tell(&current, "begins");
        for (at, unit) in units.iter().enumerate().skip(done) {
            let at = i32::try_from(at).unwrap_or(i32::MAX);
            match unit {
                Unit::Together(statements) => self.together(journal, &current, at, statements).await?,
                Unit::Alone(alone) => self.alone(journal, &current, at, alone).await?,
                Unit::Batches(batches) => self.batches(journal, &mut current, at, batches).await?,
            }
        }
        journal.end(&self.client, name).await.map_err(failed)?;
        self.tell(&current, "is applied");
        Ok(current.entry.rows)
    }

    fn tell(&self, current: &Current<'_>, doing: impl Into<String>) {
        (self.watcher)(&Progress {
            migration: current.name.to_owned(),
            doing: doing.into(),
            rows: u64::try_from(current.entry.rows).unwrap_or_default(),
        });
    }

    /// Statements in one transaction, with the note that they are done.
    async fn together(
        &self,
        journal: &Journal,
        current: &Current<'_>,
        unit: i32,
        statements: &[String],
    ) -> Result<(), Fault> {
        let mut attempts = 0;
        loop {
            match self.transaction(journal, current, unit, statements).await {
                Ok(()) => return Ok(()),
                Err(error) => self.wait_for_lock(current, &mut attempts, error).await?,
            }
        }
    }

    async fn transaction(
        &self,
        journal: &Journal,
        current: &Current<'_>,
        unit: i32,
        statements: &[String],
    ) -> Result<(), Error> {
        self.set(true).await?;
        self.client.batch_execute("BEGIN").await?;
        for statement in statements {
            self.client.batch_execute(statement).await?;
            self.tell(current, format!("has run {}", beginning(statement)));
        }
        journal.unit_done(&self.client, current.name, unit).await?;
        self.client.batch_execute("COMMIT").await
    }

    /// After an error: rolls back, and waits when it was for a lock; any other error ends the migration.
    async fn wait_for_lock(
        &self,
        current: &Current<'_>,
        attempts: &mut u32,
        error: Error,
    ) -> Result<(), Fault> {
        // When the connection is gone, so is the transaction.
        let _ = self.client.batch_execute("ROLLBACK").await;
        *attempts += 1;
        if !lost_a_lock(&error) || *attempts >= self.settings.retry.attempts {
            return Err(fault("migrate", current.name, error));
        }
        let wait = self.settings.retry.wait(*attempts, checksum(current.name));
        let (why, holder) = (said(&error), self.oldest_transaction().await);
        self.tell(
            current,
            format!("tries again in {}: {why}{holder}", humane::format(wait)),
        );
        self.clock.sleep(wait).await;
        Ok(())
    }

    /// A statement outside of a transaction. Before and after it, what it is about to do is noted.
    async fn alone(
        &self,
        journal: &Journal,
        current: &Current<'_>,
        unit: i32,
        alone: &Alone,
    ) -> Result<(), Fault> {
        let name = current.name;
        let failed = |error| fault("migrate", name, error);
        let tried = current.entry.trying == unit;
        // Nobody waits behind it while it waits for old transactions, and given up it would begin anew.
        self.set(!alone.waits_politely()).await.map_err(failed)?;
        match alone.look(&self.client, tried).await.map_err(failed)? {
            Found::Done => {}
            Found::Busy => {
                let message = "another session builds this index";
                return Err(Fault::unavailable(PROVIDER, "migrate", message).on(name.to_owned()));
            }
            Found::Left(drops) => {
                for drop in drops {
                    self.client.batch_execute(&drop).await.map_err(failed)?;
                    self.tell(current, format!("has cleaned up: {}", beginning(&drop)));
                }
                journal.try_unit(&self.client, name, unit).await.map_err(failed)?;
                let holder = self.oldest_transaction().await;
                self.tell(current, format!("runs {}{holder}", beginning(&alone.sql)));
                let mut attempts = 0;
                while let Err(error) = self.client.batch_execute(&alone.sql).await {
                    // A broken build leaves an index that every write pays for. When it cannot be dropped
                    // now, the next run does it.
                    if let Ok(Found::Left(drops)) = alone.look(&self.client, false).await {
                        for drop in drops {
                            let _ = self.client.batch_execute(&drop).await;
                        }
                    }
                    self.wait_for_lock(current, &mut attempts, error).await?;
                }
                self.tell(current, format!("has run {}", beginning(&alone.sql)));
            }
        }
        journal.unit_done(&self.client, name, unit).await.map_err(failed)
    }

    /// A statement of a backfill, batch by batch.
    async fn batches(
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

    /// Who most probably holds everything up: for people.
    async fn oldest_transaction(&self) -> String {
        let asked = self
            .client
            .query_opt(
                "SELECT pid, state, extract(epoch FROM clock_timestamp() - xact_start)::bigint
                 FROM pg_stat_activity
                 WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
                 ORDER BY xact_start LIMIT 1",
                &[],
            )
            .await;
        let Ok(Some(row)) = asked else {
            return String::new();
        };
        match (row.try_get(0), row.try_get(1), row.try_get(2)) {
            (Ok::<i32, _>(pid), Ok::<Option<String>, _>(state), Ok::<i64, _>(secs)) => {
                let open = Duration::from_secs(u64::try_from(secs).unwrap_or_default());
                if open < OLD {
                    return String::new();
                }
                format!(
                    "; the oldest transaction is that of process {pid} ({}), open for {}",
                    state.unwrap_or_default(),
                    humane::format(open)
                )
            }
            _ => String::new(),
        }
    }
}

/// Refuses a file that is not the one that was applied.
fn unchanged(migration: &Migration, entry: Option<&Entry>) -> Result<(), Fault> {
    let Some(entry) = entry else { return Ok(()) };
    // A backfill that has not ended begins anew all the same.
    let begun = entry.done > 0 && migration.phase != MigrationPhase::Backfill;
    if (entry.ended || begun) && entry.checksum != checksum_of(migration) {
        let when = if entry.ended {
            "after it was applied"
        } else {
            "after a part of it had run"
        };
        let message = format!("the file was changed {when}: write a new migration instead");
        return Err(Fault::rejected(PROVIDER, "migrate", message).on(migration.name.clone()));
    }
    Ok(())
}

/// The first line of a statement, for people.
fn beginning(sql: &str) -> String {
    let line = sql.lines().next().unwrap_or_default();
    crate::text::bounded(line, 80)
}
