//! A migrator whose migrations are read before they run.

mod history;
mod prove;
mod said;
mod steps;
mod way_back;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use said::{listed, said};
use steps::{releases_of, steps_of};

use super::folder::{Folder, FolderError, Migration, text};
use super::ledger::Obstacle;
use super::manifest::{Manifest, Manifests, PROVIDER};
use super::needs::Needs;
use super::{Linter, NEEDS_STATEMENTS_FILE, Scratch, Underway};
use crate::lifecycle::Slots;
use crate::{Assignment, Fault, MigrationPhase, Migrator, Op, Outcome, ServiceName, Store, Verdict, Version};
use async_trait::async_trait;

/// The file, in the folder of a release's migrations, that says by hand what the release needs.
pub const NEEDS_FILE: &str = "needs.toml";

/// What a live database tells of itself.
#[async_trait]
pub trait LiveDatabase: fmt::Debug + Send + Sync {
    /// Its schema, as SQL that would make it: a dump.
    async fn schema(&self, op: &Op) -> Result<String, Fault>;

    /// The names of the migrations that were applied to the end.
    async fn applied(&self, op: &Op) -> Result<BTreeSet<String>, Fault>;

    /// About how many rows each table has, by its name, with the schema where that is not the usual one.
    /// Nothing when it does not count.
    async fn rows(&self, op: &Op) -> Result<BTreeMap<String, u64>, Fault> {
        let _ = op;
        Ok(BTreeMap::new())
    }
}

/// A [`Migrator`] that reads what another one is about to run.
///
/// Before anything is touched, [`review`](Migrator::review) lints the migrations that are new in the release:
/// what would break a release that has traffic, and what is not understood, is refused. Before a
/// contraction it asks the [`Ledger`](crate::migration::Ledger) whether a release that has or may get traffic needs what goes. What
/// each release needs is kept in the store beside the records, when its expand migrations run: what the file
/// [`needs.toml`](NEEDS_FILE) among them says, or else what the statements in
/// [`needs.sql`](super::NEEDS_STATEMENTS_FILE) name, or else everything that is there once all its migrations
/// have run, contract migrations too. So a contract migration belongs into the first release that no longer
/// uses the thing, or a later one.
#[derive(Debug, Clone)]
pub struct CheckedMigrator {
    inner: Arc<dyn Migrator>,
    folder: Folder,
    linter: Linter,
    manifests: Manifests,
    database: Option<Arc<dyn LiveDatabase>>,
    baseline: Option<String>,
    scratch: Option<Arc<dyn Scratch>>,
}

impl CheckedMigrator {
    /// Reads the migrations in the folder of each release with a linter, before `inner` runs them. What
    /// releases need is kept in the store.
    #[must_use]
    pub fn new(
        service: ServiceName,
        inner: impl Migrator + 'static,
        folder: Folder,
        linter: Linter,
        store: impl Store + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            folder,
            linter,
            manifests: Manifests::new(service, store),
            database: None,
            baseline: None,
            scratch: None,
        }
    }

    /// Asks a live database for its schema and for what was applied, which makes verdicts exact.
    #[must_use]
    pub fn database(mut self, database: impl LiveDatabase + 'static) -> Self {
        self.database = Some(Arc::new(database));
        self
    }

    /// The last migration that ran before this library was used: it and those before it are not judged.
    #[must_use]
    pub fn baseline(mut self, migration: impl Into<String>) -> Self {
        self.baseline = Some(migration.into());
        self
    }

    /// Proves on a scratch database that the statements which the releases were seen to send can be prepared:
    /// those of the live release on the new schema, those of the new one on both. A release records them in
    /// the file [`needs.sql`](super::NEEDS_STATEMENTS_FILE) among its migrations.
    #[must_use]
    pub fn scratch(mut self, scratch: impl Scratch + 'static) -> Self {
        self.scratch = Some(Arc::new(scratch));
        self
    }

    /// Keeps what a release needs that was not deployed by this library.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn remember(&self, version: &Version, needs: Needs) -> Result<(), Fault> {
        let manifest = Manifest {
            needs,
            ..Manifest::default()
        };
        self.manifests.keep(version, &manifest).await
    }

    /// Who needs what the contract migrations of a release take away: they may run when it is nobody.
    ///
    /// # Errors
    /// When the migrations cannot be read, or the store does not answer.
    pub async fn obstacles(
        &self,
        op: &Op,
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Vec<Obstacle>, Fault> {
        let migrations = self.read(assignment)?;
        let history = self.history(op, &migrations, None).await?;
        let (losses, _) = self.contraction(&migrations, &history);
        self.ledger(assignment, slots)
            .await
            .map(|ledger| ledger.contract(&losses))
    }

    fn read(&self, assignment: &Assignment) -> Result<Vec<Migration>, Fault> {
        self.folder.migrations_of(assignment).map_err(unreadable)
    }

    /// The statements that a release was seen to send, where it has recorded any.
    fn statements_of(&self, assignment: &Assignment) -> Result<Option<String>, Fault> {
        let folder = self.folder.path_for(assignment).map_err(unreadable)?;
        let file = folder.join(NEEDS_STATEMENTS_FILE);
        if file.exists() {
            text(&file).map(Some).map_err(unreadable)
        } else {
            Ok(None)
        }
    }

    /// What is to be kept of a release, from its folder.
    fn made_of(&self, assignment: &Assignment) -> Result<Manifest, Fault> {
        let migrations = self.read(assignment)?;
        let by_hand = self
            .folder
            .path_for(assignment)
            .map_err(unreadable)?
            .join(NEEDS_FILE);
        let statements = self.statements_of(assignment)?;
        let needs = if by_hand.exists() {
            let text = text(&by_hand).map_err(unreadable)?;
            Needs::from_toml(&text).map_err(|error| {
                Fault::rejected(PROVIDER, "read", error.message()).on(by_hand.display().to_string())
            })?
        } else {
            let mut linter = self.linter.clone();
            for migration in &migrations {
                linter.replay(&migration.sql);
            }
            match &statements {
                Some(sql) => Needs::of_statements(sql, linter.known(), linter.server().engine),
                None => Needs::of_schema(linter.known()),
            }
        };
        let releases = releases_of(&steps_of(&migrations, None)?);
        Ok(Manifest {
            releases,
            statements: prove::kept(statements),
            migrations: migrations.into_iter().map(|migration| migration.name).collect(),
            needs,
        })
    }
}

#[async_trait]
impl Migrator for CheckedMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        if phase == MigrationPhase::Expand {
            let manifest = self.made_of(assignment)?;
            self.manifests
                .keep(&assignment.release.version, &manifest)
                .await?;
        }
        if phase == MigrationPhase::Contract {
            self.keep_losses(op, assignment).await?;
        }
        self.inner.migrate(op, phase, assignment).await
    }

    async fn fits(&self, op: &Op, release: &Version, slots: &Slots) -> Result<Option<Verdict>, Fault> {
        self.fit(op, release, slots).await
    }

    async fn underway(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
        known: &[Underway],
    ) -> Result<Vec<Underway>, Fault> {
        self.advanced(op, phase, assignment, slots, known).await
    }

    async fn review(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Option<Verdict>, Fault> {
        let migrations = self.read(assignment)?;
        let live = slots.live().map(|slot| slots.get(slot));
        let live_version = live
            .and_then(|state| state.release.as_ref())
            .map(|release| &release.version);
        match phase {
            MigrationPhase::Expand => {
                let history = self.history(op, &migrations, live_version).await?;
                let steps = steps_of(&migrations, Some(&history))?;
                if let Some(why) = self.too_early(phase, &steps, assignment, slots).await? {
                    return Ok(Some(Verdict::fail(why)));
                }
                let reports = self.expansion(&migrations, &history, live.is_none());
                let server = self.linter.server();
                let said = said(&reports, &format!("safe on {server}"));
                if said.outcome != Outcome::Pass {
                    return Ok(Some(said));
                }
                let proof = self.proof(op, assignment, slots, &migrations, &history).await?;
                Ok(Some(match proof.as_ref().map(prove::told) {
                    None => said,
                    Some(told) if told.outcome == Outcome::Pass => {
                        Verdict::pass(format!("{}; {}", said.evidence, told.evidence))
                    }
                    Some(told) => told,
                }))
            }
            MigrationPhase::Backfill => Ok(None),
            MigrationPhase::Contract => {
                let history = self.history(op, &migrations, None).await?;
                let steps = steps_of(&migrations, Some(&history))?;
                if let Some(why) = self.too_early(phase, &steps, assignment, slots).await? {
                    return Ok(Some(Verdict::fail(why)));
                }
                let (losses, reports) = self.contraction(&migrations, &history);
                let obstacles = self.ledger(assignment, slots).await?.contract(&losses);
                if !obstacles.is_empty() {
                    return Ok(Some(Verdict::fail(listed(&obstacles, "; "))));
                }
                let gone = if losses.is_empty() {
                    "nothing is taken away".to_owned()
                } else {
                    format!("nobody needs {}", listed(&losses, ", "))
                };
                Ok(Some(said(&reports, &gone)))
            }
        }
    }

    async fn mark_stale(&self, op: &Op, releases: &[Version], assignment: &Assignment) -> Result<(), Fault> {
        self.inner.mark_stale(op, releases, assignment).await
    }

    fn settle(&self) -> Duration {
        self.inner.settle()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn unreadable(error: FolderError) -> Fault {
    Fault::rejected(PROVIDER, "read", error.to_string())
}
