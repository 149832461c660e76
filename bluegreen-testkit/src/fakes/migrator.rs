//! A migrator that counts.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Assignment, Fault, MigrationPhase, Migrator, Op, Version};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Migrator`].
    MigratorCall {
        /// [`Migrator::migrate`].
        Migrate = "migrate",
    }
}

/// A migrator for which each release has one migration in each phase. Applied once, it is not
/// applied again.
#[derive(Debug, Clone)]
pub struct FakeMigrator {
    fake: Scripted<MigratorCall, Vec<(MigrationPhase, Version)>>,
    settle: Duration,
}

scripted!(FakeMigrator, MigratorCall);

impl FakeMigrator {
    /// A migrator that has applied nothing.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        Self {
            fake: Scripted::new("migrator", name, log, Vec::new()),
            settle: Duration::ZERO,
        }
    }

    /// With a settle time: how long a call of unknown outcome may still take effect.
    #[must_use]
    pub fn with_settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// How many migrations of a phase were applied. How often it was called is in
    /// [`calls`](Self::calls).
    #[must_use]
    pub fn ran(&self, phase: MigrationPhase) -> usize {
        self.fake
            .with(|applied, _| applied.iter().filter(|(ran, _)| *ran == phase).count())
    }

    /// Every migration that was applied, in order.
    #[must_use]
    pub fn applied(&self) -> Vec<(MigrationPhase, Version)> {
        self.fake.with(|applied, _| applied.clone())
    }
}

#[async_trait]
impl Migrator for FakeMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let migration = (phase, assignment.release.version.clone());
        let arguments = format!("{phase} for {}", assignment.release);
        self.fake
            .call(MigratorCall::Migrate, op, arguments, move |applied, _| {
                if applied.contains(&migration) {
                    return Ok("nothing to apply".to_owned());
                }
                applied.push(migration);
                Ok("1 migration applied".to_owned())
            })
            .await
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
