//! What ran before a release, and what of its migrations is new.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckedMigrator;
use crate::migration::{Linter, Loss, Migration, Report};
use crate::{Fault, MigrationPhase, Op, Version};

/// What ran before a release, as far as it is known.
pub(super) struct History {
    /// By name; `None` when it is not known.
    pub(super) migrations: Option<BTreeSet<String>>,
    /// The schema of now, where the database tells it: then nothing is replayed.
    pub(super) schema: Option<String>,
    /// How many rows tables have, where the database tells it.
    pub(super) rows: BTreeMap<String, u64>,
}

impl History {
    pub(super) fn has(&self, migration: &Migration) -> bool {
        let known = self.migrations.as_ref();
        known.is_some_and(|known| known.contains(&migration.name))
    }
}

impl CheckedMigrator {
    /// What ran before: by the database, by what is kept of the live release, or by the baseline.
    pub(super) async fn history(
        &self,
        op: &Op,
        migrations: &[Migration],
        live: Option<&Version>,
    ) -> Result<History, Fault> {
        let mut history = self.kept_history(migrations, live).await?;
        if let Some(database) = &self.database {
            let applied = database.applied(op).await?;
            if !applied.is_empty() {
                history.migrations.get_or_insert_default().extend(applied);
            }
            history.schema = Some(database.schema(op).await?);
            history.rows = database.rows(op).await?;
        }
        Ok(history)
    }

    /// The same, without the database.
    pub(super) async fn kept_history(
        &self,
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
        Ok(History {
            migrations: known,
            schema: None,
            rows: BTreeMap::new(),
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
    pub(super) fn expansion(
        &self,
        migrations: &[Migration],
        history: &History,
        first: bool,
    ) -> Vec<(String, Report)> {
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
    pub(super) fn contraction(
        &self,
        migrations: &[Migration],
        history: &History,
    ) -> (Vec<Loss>, Vec<(String, Report)>) {
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
}
