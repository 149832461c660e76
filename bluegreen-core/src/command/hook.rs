//! Commands at named points of a deployment.

use std::time::Duration;

use super::{CommandContext, CommandSpec, Values};
use crate::Fault;

/// Runs the commands of hooks and of the warm-up.
#[derive(Debug, Clone)]
pub struct CommandHook {
    context: CommandContext,
}

impl CommandHook {
    /// Hooks of a service.
    #[must_use]
    pub const fn new(context: CommandContext) -> Self {
        Self { context }
    }

    /// What hooks share with the other commands of the service.
    #[must_use]
    pub const fn context(&self) -> &CommandContext {
        &self.context
    }

    /// Runs one command to its end and returns how it ended and the end of its output. Under one `name`
    /// only one command of the service runs at a time, also after the death of a deployer: the next
    /// one waits for it.
    ///
    /// # Errors
    /// `Rejected` when it cannot be filled in or started, or ended with a code other than 0 and 75;
    /// `Unavailable` when it ended with 75, or one of this name still ran; `Unknown` when it was ended
    /// by a signal or at its time limit.
    pub async fn run(
        &self,
        name: &str,
        spec: &CommandSpec,
        values: &Values,
        budget: Duration,
    ) -> Result<String, Fault> {
        let lock = format!("hook-{name}");
        let finished = self.context.change("hook", &lock, (spec, values), budget).await?;
        Ok(finished.evidence())
    }
}
