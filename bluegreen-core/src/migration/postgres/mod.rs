//! Runs migrations on PostgreSQL 12 and later, from the SQL files of a release.
//!
//! [`PostgresMigrator`] is a [`Migrator`]: expand, backfill and contract migrations are told apart
//! [by their names](super::Migration::new), and each runs in its phase.
//!
//! - **One at a time.** An advisory lock of the session keeps a second runner out, also while the statement
//!   of a killed one still runs. It is asked for again and again, not waited for: a session that waits holds
//!   a snapshot, and an index that is built concurrently would wait for it for ever. Session locks do not pass
//!   through a pooler that hands out transactions: connect directly.
//! - **Short locks.** `lock_timeout` is set; what does not get its lock in time is rolled back and tried
//!   again after a wait, so that the queue behind it moves on.
//! - **A crash at any point leaves what the next run understands.** A file runs in one transaction together
//!   with its row in the table of applied migrations. What must run outside of one (`CONCURRENTLY`, VACUUM) runs alone, is noted before and
//!   after, and an index that a broken build left invalid is dropped and built again.
//! - **Backfills run in batches** along the primary key, each in a transaction with the place that it has come
//!   to, with a pause between them. One that a rollback made stale runs again from the beginning: its
//!   statement must say itself which rows it has to change.
//!
//! ```no_run
//! use bluegreen_core::migration::Folder;
//! use bluegreen_core::migration::postgres::PostgresMigrator;
//!
//! let config: tokio_postgres::Config = "host=/run/postgresql user=shop dbname=shop".parse()?;
//! let migrator = PostgresMigrator::new(config, Folder::at("/srv/shop/{version}/migrations"));
//! # Ok::<(), tokio_postgres::Error>(())
//! ```

mod alone;
mod backfill;
mod batch;
mod connect;
mod fault;
mod journal;
mod probe;
mod run;
mod schema;
mod scratch;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Folder, LiveDatabase};
use crate::plan::humane;
use crate::{Assignment, Clock, Fault, MigrationPhase, Migrator, Op, RetryPolicy, SystemClock, Version};

use connect::drive;
pub use connect::{Connect, Driver};
use fault::{PROVIDER, cannot_connect};
pub use probe::{Probe, Probed};
use run::Session;
pub use scratch::PostgresScratch;

/// How migrations run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PostgresSettings {
    /// How long a statement waits for a lock: as long, others wait behind it. 2 s.
    #[serde(with = "humane")]
    pub lock_timeout: Duration,
    /// When what did not get its lock is tried again: 20 times, after 1 s to 30 s.
    pub retry: RetryPolicy,
    /// How many rows of a table a batch of a backfill goes over: 1,000.
    pub batch_rows: u32,
    /// The pause after each batch: 50 ms.
    #[serde(with = "humane")]
    pub pause: Duration,
    /// At most so many changed rows in a second; left out: no limit but the pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<u32>,
    /// The schema of the table of applied migrations: `bluegreen`. Made when it is not there.
    pub journal: String,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(2),
            retry: RetryPolicy {
                first: Duration::from_secs(1),
                max: Duration::from_secs(30),
                factor: 2.0,
                attempts: 20,
            },
            batch_rows: 1_000,
            pause: Duration::from_millis(50),
            rows_per_second: None,
            journal: "bluegreen".to_owned(),
        }
    }
}

/// How far a migration is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which one.
    pub migration: String,
    /// What it does now.
    pub doing: String,
    /// How many rows its backfill has changed.
    pub rows: u64,
}

type Watcher = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Runs the SQL files of a release on PostgreSQL; see the [module](self).
#[derive(Clone)]
pub struct PostgresMigrator {
    connect: Arc<dyn Connect>,
    folder: Folder,
    settings: PostgresSettings,
    clock: Arc<dyn Clock>,
    watcher: Watcher,
}

impl fmt::Debug for PostgresMigrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresMigrator")
            .field("folder", &self.folder)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl PostgresMigrator {
    /// Runs what is in the folder of a release. A `tokio_postgres::Config` connects without TLS; for more,
    /// implement [`Connect`].
    #[must_use]
    pub fn new(connect: impl Connect + 'static, folder: Folder) -> Self {
        Self {
            connect: Arc::new(connect),
            folder,
            settings: PostgresSettings::default(),
            clock: Arc::new(SystemClock::new()),
            watcher: Arc::new(|progress| {
                tracing::info!(
                    migration = progress.migration,
                    rows = progress.rows,
                    "{}",
                    progress.doing
                );
            }),
        }
    }

    /// With other settings.
    #[must_use]
    pub fn settings(mut self, settings: PostgresSettings) -> Self {
        self.settings = settings;
        self
    }

    /// By another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells how far it is, instead of logging it: after each statement and each batch.
    #[must_use]
    pub fn progress(mut self, watcher: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.watcher = Arc::new(watcher);
        self
    }

    async fn open(&self, op: &Op) -> Result<(Session, Driver), Fault> {
        let (client, driver) = self.connect.connect().await.map_err(cannot_connect)?;
        let session = Session {
            client,
            settings: self.settings.clone(),
            clock: Arc::clone(&self.clock),
            watcher: Arc::clone(&self.watcher),
            budget: op.budget,
        };
        Ok((session, driver))
    }
}

#[async_trait]
impl Migrator for PostgresMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let migrations = self
            .folder
            .migrations_of(assignment)
            .map_err(|error| Fault::rejected(PROVIDER, "read", error.to_string()))?;
        let (session, driver) = self.open(op).await?;
        drive(driver, session.run(&migrations, phase, assignment)).await
    }

    async fn mark_stale(&self, op: &Op, releases: &[Version], assignment: &Assignment) -> Result<(), Fault> {
        let (session, driver) = self.open(op).await?;
        drive(driver, session.mark_stale(releases, assignment)).await
    }

    /// The server notices within a second that nobody listens any more; the statement of a killed run that
    /// goes on all the same keeps the lock, and the next run waits for it.
    fn settle(&self) -> Duration {
        Duration::from_secs(2)
    }
}

#[async_trait]
impl LiveDatabase for PostgresMigrator {
    async fn schema(&self, op: &Op) -> Result<String, Fault> {
        let (session, driver) = self.open(op).await?;
        drive(driver, schema::dump(&session.client, &self.settings.journal)).await
    }

    async fn applied(&self, op: &Op) -> Result<BTreeSet<String>, Fault> {
        let (session, driver) = self.open(op).await?;
        drive(driver, session.applied()).await
    }

    async fn rows(&self, op: &Op) -> Result<BTreeMap<String, u64>, Fault> {
        let (session, driver) = self.open(op).await?;
        drive(driver, schema::rows(&session.client)).await
    }
}
