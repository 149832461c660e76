//! Whether a release finds what it needs: on the schema of now, and on that of a contraction.

use super::CheckedMigrator;
use super::said::listed;
use crate::lifecycle::Slots;
use crate::migration::{Ledger, Loss, Needs};
use crate::{Assignment, Fault, Op, Verdict, Version};

impl CheckedMigrator {
    pub(super) async fn ledger(&self, assignment: &Assignment, slots: &Slots) -> Result<Ledger, Fault> {
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

    /// What a release would miss on the schema of now: nothing when it can come back, `None` when it is not
    /// known what it needs. A live database is asked where there is one; else what is counted is what contract
    /// migrations have taken away, and not given back since.
    ///
    /// # Errors
    /// When the store or the database does not answer.
    pub async fn missing(
        &self,
        op: &Op,
        version: &Version,
        slots: &Slots,
    ) -> Result<Option<Vec<Loss>>, Fault> {
        let Some(kept) = self.manifests.of(version).await? else {
            return Ok(None);
        };
        if let Some(database) = &self.database {
            let now = self.linter.clone().schema(&database.schema(op).await?);
            let ledger = Ledger::default().needs(version.clone(), kept.needs);
            return Ok(ledger.missing(version, &Needs::of_schema(now.known())));
        }
        let live = slots.live().and_then(|slot| slots.get(slot).release.as_ref());
        let live = match live {
            Some(live) if live.version != *version => self.manifests.of(&live.version).await?,
            _ => None,
        };
        // What the live release works with is there, whatever was taken away once.
        let is_there = |loss: &Loss| match (&live, loss) {
            (Some(live), Loss::Table(table)) => live.needs.has_table(table),
            (Some(live), Loss::Column(table, column)) => live.needs.has(table, column),
            _ => false,
        };
        let mut gone = self.manifests.gone().await?;
        gone.retain(|loss| loss.hurts(&kept.needs) && !is_there(loss));
        gone.sort();
        gone.dedup();
        Ok(Some(gone))
    }

    pub(super) async fn fit(
        &self,
        op: &Op,
        version: &Version,
        slots: &Slots,
    ) -> Result<Option<Verdict>, Fault> {
        let missing = self.missing(op, version, slots).await?;
        Ok(missing.map(|missing| {
            if missing.is_empty() {
                Verdict::pass(format!(
                    "release {version} finds all that it needs in the database"
                ))
            } else {
                Verdict::fail(format!("release {version} misses {}", listed(&missing, ", ")))
            }
        }))
    }

    /// Keeps what the contract migrations that are about to run take away.
    pub(super) async fn keep_losses(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let migrations = self.read(assignment)?;
        let history = self.history(op, &migrations, None).await?;
        let (losses, _) = self.contraction(&migrations, &history);
        self.manifests.keep_gone(assignment.deployment, &losses).await
    }
}
