//! Migrations as commands on a machine of the candidate.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Assignment, Fault, MigrationPhase, Migrator, Op};

use super::command::RemoteCommand;
use super::fleet::Fleet;

/// Runs migrations on one machine of the slot that is deployed to.
///
/// The release has to be there already, so a plan with it says that migrations run after the host has deployed
/// (`expand = "after_prepare"`). Migrations of a service never run twice at once: one that a deployer had begun that was
/// killed is waited for and its result taken, as long as the deadline of the phase allows. It is ended by the agent
/// when what was left of that time, as it was sent, is over.
#[derive(Debug, Clone)]
pub struct RemoteMigrator {
    fleet: Fleet,
    expand: Option<RemoteCommand>,
    backfill: Option<RemoteCommand>,
    contract: Option<RemoteCommand>,
}

impl RemoteMigrator {
    /// A migrator without commands yet.
    #[must_use]
    pub const fn new(fleet: Fleet) -> Self {
        Self {
            fleet,
            expand: None,
            backfill: None,
            contract: None,
        }
    }

    /// What runs the migrations that the old release can live with.
    #[must_use]
    pub fn expand(mut self, command: RemoteCommand) -> Self {
        self.expand = Some(command);
        self
    }

    /// What fills in data.
    #[must_use]
    pub fn backfill(mut self, command: RemoteCommand) -> Self {
        self.backfill = Some(command);
        self
    }

    /// What takes away what no release needs any more.
    #[must_use]
    pub fn contract(mut self, command: RemoteCommand) -> Self {
        self.contract = Some(command);
        self
    }
}

#[async_trait]
impl Migrator for RemoteMigrator {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let slot = assignment.slot;
        let call = self.fleet.begin(op, slot);
        let command = match phase {
            MigrationPhase::Expand => &self.expand,
            MigrationPhase::Backfill => &self.backfill,
            MigrationPhase::Contract => &self.contract,
        };
        let Some(command) = command else {
            let message = format!(
                "there is no command for {phase}: give the migrator one, or take the phase out of the plan"
            );
            return Err(call.unfit("SendCommand", message));
        };
        let values = self.fleet.values(slot);
        let values = values
            .release(&assignment.release)
            .deployment(assignment.deployment);
        let act = format!("{phase} {}", assignment.deployment);
        let lane = self.fleet.lane("migrate");
        let ran = self
            .fleet
            .ensure(&call, slot, (&lane, &act), (command, &values))
            .await?;
        Ok(ran.evidence)
    }

    fn settle(&self) -> Duration {
        self.fleet.settle()
    }
}
