//! What runs database migrations.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::lifecycle::Slots;
use crate::migration::Underway;
use crate::{Assignment, Fault, Op, Verdict, Version};

/// When a migration may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationPhase {
    /// Before the candidate takes traffic. The old release goes on working on the new schema.
    Expand,
    /// After the candidate has all traffic: fills in data.
    Backfill,
    /// After no release that needs it has or may get traffic: takes things away.
    Contract,
}

impl fmt::Display for MigrationPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Contract => "contract",
        })
    }
}

/// Runs migrations: `php artisan migrate`, `flask db upgrade`, a SQL runner.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Migrator: fmt::Debug + Send + Sync {
    /// Runs what is due in a phase, for the release that is being deployed. Idempotent: what was
    /// applied is not applied again. Returns what it did, for people.
    ///
    /// It may be long; the plan's deadline for the phase is the budget of the call. A migration that
    /// an earlier, killed deployer had begun must not run twice at once: wait for it.
    async fn migrate(&self, op: &Op, phase: MigrationPhase, assignment: &Assignment)
    -> Result<String, Fault>;

    /// What speaks for and against running a phase, asked before anything is touched; `slots` tells which
    /// releases use the database. Reads only. `None` when it cannot say: a command is only run.
    ///
    /// # Errors
    /// A fault is an error of the check, and says nothing of the migrations.
    async fn review(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Option<Verdict>, Fault> {
        let _ = (op, phase, assignment, slots);
        Ok(None)
    }

    /// Called before a backfill when these releases were rolled back after theirs had run: the old release
    /// has written since, so what they filled in is stale, and is filled in again. Idempotent: what this
    /// deployment has filled in is not stale.
    async fn mark_stale(&self, op: &Op, releases: &[Version], assignment: &Assignment) -> Result<(), Fault> {
        let _ = (op, releases, assignment);
        Ok(())
    }

    /// Whether a release finds all that it needs on the schema of now: asked before traffic is given back to
    /// it, and told. It keeps nobody from going back. Reads only. `None` when it cannot say.
    ///
    /// # Errors
    /// A fault says nothing of the release.
    async fn fits(&self, op: &Op, release: &Version, slots: &Slots) -> Result<Option<Verdict>, Fault> {
        let _ = (op, release, slots);
        Ok(None)
    }

    /// How far changes are that are made over several deployments, when a phase has run for a release: `known`
    /// is what was known before, and it is kept in the record. Reads only.
    ///
    /// # Errors
    /// A fault leaves what was known.
    async fn underway(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
        known: &[Underway],
    ) -> Result<Vec<Underway>, Fault> {
        let _ = (op, phase, assignment, slots);
        Ok(known.to_vec())
    }

    /// How long after a call of unknown outcome it may still take effect.
    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}
