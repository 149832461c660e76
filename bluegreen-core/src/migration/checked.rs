//! A migrator whose migrations are read before they run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::folder::{Folder, FolderError, Migration, text};
use super::ledger::{Ledger, Obstacle};
use super::manifest::{Manifest, Manifests, PROVIDER};
use super::needs::{Loss, Needs};
use super::{Finding, Linter, Report, Severity};
use crate::lifecycle::Slots;
use crate::{Assignment, Fault, MigrationPhase, Migrator, Op, ServiceName, Store, Verdict, Version};
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
/// contraction it asks the [`Ledger`] whether a release that has or may get traffic needs what goes. What
/// each release needs is kept in the store beside the records, when its expand migrations run: what the file
/// [`needs.toml`](NEEDS_FILE) among them says, or else everything that is there once all its migrations have
/// run, contract migrations too. So a contract migration belongs into the first release that no longer
/// uses the thing, or a later one.
#[derive(Debug, Clone)]
pub struct CheckedMigrator {
    inner: Arc<dyn Migrator>,
    folder: Folder,
    linter: Linter,
    manifests: Manifests,
    database: Option<Arc<dyn LiveDatabase>>,
    baseline: Option<String>,
}

/// What ran before a release, as far as it is known.
struct History {
    /// By name; `None` when it is not known.
    migrations: Option<BTreeSet<String>>,
    /// The schema of now, where the database tells it: then nothing is replayed.
    schema: Option<String>,
    /// How many rows tables have, where the database tells it.
    rows: BTreeMap<String, u64>,
}

impl History {
    fn has(&self, migration: &Migration) -> bool {
        let known = self.migrations.as_ref();
        known.is_some_and(|known| known.contains(&migration.name))
    }
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

    /// Keeps what a release needs that was not deployed by this library.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn remember(&self, version: &Version, needs: Needs) -> Result<(), Fault> {
        let migrations = BTreeSet::new();
        self.manifests
            .keep(version, &Manifest { migrations, needs })
            .await
    }

    /// What a release would miss on a schema, told before a rollback to it: nothing when it can come back,
    /// `None` when it is not known what it needs.
    ///
    /// # Errors
    /// When the store or the database does not answer.
    pub async fn missing(&self, op: &Op, version: &Version) -> Result<Option<Vec<Loss>>, Fault> {
        let Some(database) = &self.database else {
            return Ok(None);
        };
        let Some(kept) = self.manifests.of(version).await? else {
            return Ok(None);
        };
        let now = self.linter.clone().schema(&database.schema(op).await?);
        let ledger = Ledger::default().needs(version.clone(), kept.needs);
        Ok(ledger.missing(version, &Needs::of_schema(now.known())))
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

    async fn ledger(&self, assignment: &Assignment, slots: &Slots) -> Result<Ledger, Fault> {
        let mut ledger = Ledger::of(slots);
        let versions: Vec<Version> = ledger.versions().cloned().collect();
        for version in versions {
            let kept = self.manifests.of(&version).await?;
            // Of the release that asks, the folder is at hand.
            let manifest = match kept {
                None if version == assignment.release.version => Some(self.made_of(assignment)?),
                kept => kept,
            };
            if let Some(manifest) = manifest {
                ledger = ledger.needs(version, manifest.needs);
            }
        }
        Ok(ledger)
    }

    /// What ran before: by the database, by what is kept of the live release, or by the baseline.
    async fn history(
        &self,
        op: &Op,
        migrations: &[Migration],
        live: Option<&Version>,
    ) -> Result<History, Fault> {
        let mut known = None;
        if let Some(live) = live
            && let Some(manifest) = self.manifests.of(live).await?
        {
            known = Some(manifest.migrations);
        }
        if let Some(last) = &self.baseline {
            let until = migrations.iter().position(|migration| migration.name == *last);
            let before = migrations.iter().take(until.map_or(0, |at| at + 1));
            known
                .get_or_insert_default()
                .extend(before.map(|migration| migration.name.clone()));
        }
        let mut schema = None;
        let mut rows = BTreeMap::new();
        if let Some(database) = &self.database {
            let applied = database.applied(op).await?;
            if !applied.is_empty() {
                known.get_or_insert_default().extend(applied);
            }
            schema = Some(database.schema(op).await?);
            rows = database.rows(op).await?;
        }
        Ok(History {
            migrations: known,
            schema,
            rows,
        })
    }

    fn linter_after(&self, history: &History) -> Linter {
        let linter = self.linter.clone();
        let linter = match &history.schema {
            Some(schema) => linter.schema(schema),
            None => linter,
        };
        let rows = history.rows.iter();
        rows.fold(linter, |linter, (table, rows)| linter.rows(table, *rows))
    }

    /// Lints what is new. A release that is the first one is new as a whole.
    fn expansion(&self, migrations: &[Migration], history: &History, first: bool) -> Vec<(String, Report)> {
        let mut linter = self.linter_after(history);
        let mut reports = Vec::new();
        let mut new = false;
        for migration in migrations {
            if history.has(migration) {
                if history.schema.is_none() {
                    linter.replay(&migration.sql);
                }
                continue;
            }
            if migration.phase == MigrationPhase::Contract {
                continue;
            }
            // Where it is not known what is new, each migration meets the tables of those before it as old.
            if !new || (history.migrations.is_none() && !first) {
                linter.begin_release();
            }
            new = true;
            linter = linter.phase(migration.phase);
            reports.push((migration.name.clone(), linter.check_next(&migration.sql)));
        }
        reports
    }

    /// What the contract migrations that have not run yet take away, and what the linter says of them.
    fn contraction(&self, migrations: &[Migration], history: &History) -> (Vec<Loss>, Vec<(String, Report)>) {
        let mut linter = self.linter_after(history).phase(MigrationPhase::Contract);
        let mut losses = Vec::new();
        let mut reports = Vec::new();
        for migration in migrations {
            if migration.phase == MigrationPhase::Contract && !history.has(migration) {
                let script = linter.read(&migration.sql);
                losses.extend(Loss::of(&script, linter.known()));
                linter.begin_release();
                reports.push((migration.name.clone(), linter.check_script(&script)));
            } else if history.schema.is_none() {
                linter.replay(&migration.sql);
            }
        }
        (losses, reports)
    }

    /// What is to be kept of a release, from its folder.
    fn made_of(&self, assignment: &Assignment) -> Result<Manifest, Fault> {
        let migrations = self.read(assignment)?;
        let by_hand = self
            .folder
            .path_for(assignment)
            .map_err(unreadable)?
            .join(NEEDS_FILE);
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
            Needs::of_schema(linter.known())
        };
        Ok(Manifest {
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
        self.inner.migrate(op, phase, assignment).await
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
                let reports = self.expansion(&migrations, &history, live.is_none());
                let server = self.linter.server();
                let said = said(&reports, &format!("safe on {server}"));
                Ok(Some(said))
            }
            MigrationPhase::Backfill => Ok(None),
            MigrationPhase::Contract => {
                let history = self.history(op, &migrations, None).await?;
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

/// What is found, the first thing in full.
fn said(reports: &[(String, Report)], good: &str) -> Verdict {
    let found = || {
        reports
            .iter()
            .flat_map(|(name, report)| report.findings.iter().map(move |finding| (name, finding)))
    };
    let mut refused = found().filter(|(_, finding)| finding.counts());
    if let Some((name, finding)) = refused.next() {
        let more = match refused.count() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let unknown = if finding.severity == Severity::Unknown {
            "not understood, so refused: "
        } else {
            ""
        };
        let Finding {
            line, rule, message, ..
        } = finding;
        return Verdict::fail(format!("{name}:{line}: {unknown}{message} ({rule}){more}"));
    }
    let count = match reports.len() {
        0 => "no new migration".to_owned(),
        1 => "1 new migration".to_owned(),
        many => format!("{many} new migrations"),
    };
    let allowed: Vec<String> = found()
        .filter_map(|(name, finding)| {
            Some(format!(
                "; {} in {name} is let through: {}",
                finding.rule,
                finding.allowed.as_ref()?
            ))
        })
        .collect();
    Verdict::pass(format!("{count}, {good}{}", allowed.concat()))
}

fn listed<T: fmt::Display>(things: &[T], between: &str) -> String {
    let things: Vec<String> = things.iter().map(T::to_string).collect();
    things.join(between)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn unreadable(error: FolderError) -> Fault {
    Fault::rejected(PROVIDER, "read", error.to_string())
}
