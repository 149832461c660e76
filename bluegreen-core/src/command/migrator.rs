//! A migrator that runs commands.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::fault::PROVIDER;
use super::process::SETTLE;
use super::{CommandContext, CommandSpec};
use crate::{Assignment, Fault, MigrationPhase, Migrator, Op};

/// The commands of a [`CommandMigrator`], one for each phase that the service has. All placeholders of
/// an assignment. What a command writes last is kept as evidence.
///
/// ```
/// # use bluegreen_core::command::CommandMigratorSpec;
/// let spec: CommandMigratorSpec = toml::from_str(r#"
///     expand.run = ["php", "artisan", "migrate", "--force"]
///     expand.dir = "/srv/shop-{slot}"
///     contract.run = ["php", "artisan", "migrate", "--force", "--path=database/contract"]
/// "#)?;
/// assert!(spec.backfill.is_none());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandMigratorSpec {
    /// Runs the migrations that the old release can live with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand: Option<CommandSpec>,
    /// Fills in data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backfill: Option<CommandSpec>,
    /// Takes away what no release needs any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<CommandSpec>,
}

/// Runs migrations as commands: `php artisan migrate`, `flask db upgrade`, a SQL runner.
///
/// Migrations of a service never run twice at once: a command that a killed deployer had begun is
/// waited for, as long as the budget of the call lasts (see [`CommandContext::locks`]).
#[derive(Debug, Clone)]
pub struct CommandMigrator {
    spec: CommandMigratorSpec,
    context: CommandContext,
}

impl CommandMigrator {
    /// A migrator that runs these commands.
    #[must_use]
    pub const fn new(spec: CommandMigratorSpec, context: CommandContext) -> Self {
        Self { spec, context }
    }
}

#[async_trait]
impl Migrator for CommandMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let spec = match phase {
            MigrationPhase::Expand => &self.spec.expand,
            MigrationPhase::Backfill => &self.spec.backfill,
            MigrationPhase::Contract => &self.spec.contract,
        };
        let Some(spec) = spec else {
            let message = format!(
                "the migrator has no command for {phase}: give it one, or take the {phase} phase out of the plan"
            );
            return Err(Fault::rejected(PROVIDER, "migrate", message).on(phase.to_string()));
        };
        let values = self.context.of_assignment(assignment);
        let finished = self
            .context
            .change("migrate", "migrate", (spec, &values), op.budget)
            .await?;
        Ok(finished.evidence())
    }

    fn settle(&self) -> Duration {
        SETTLE
    }
}
