//! Workers that are moved by commands.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::fault::{Effect, PROVIDER};
use super::process::{Limits, SETTLE};
use super::{CommandContext, CommandSpec, Values};
use crate::{Fault, Op, Slot, Workers};

/// The commands of [`CommandWorkers`].
///
/// ```
/// # use bluegreen_core::command::CommandWorkersSpec;
/// let spec: CommandWorkersSpec = toml::from_str(r#"
///     quiesce.run = ["systemctl", "stop", "shop-worker@{slot}"]
///     start.run = ["systemctl", "start", "shop-worker@{slot}"]
///     depth.run = ["redis-cli", "llen", "queues:default"]
/// "#)?;
/// assert!(spec.depth.is_some());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CommandWorkersSpec {
    /// Makes the workers of the slot stop claiming, and ends when none does. Placeholders of a slot.
    pub quiesce: CommandSpec,
    /// Makes the workers of the slot claim. Placeholders of a slot.
    pub start: CommandSpec,
    /// Writes the number of waiting jobs, and nothing else. `{service}` only. Left out: they cannot be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<CommandSpec>,
}

impl CommandWorkersSpec {
    /// With the two commands that move workers.
    #[must_use]
    pub const fn new(quiesce: CommandSpec, start: CommandSpec) -> Self {
        Self {
            quiesce,
            start,
            depth: None,
        }
    }

    /// With a command that counts the waiting jobs.
    #[must_use]
    pub fn depth(mut self, depth: CommandSpec) -> Self {
        self.depth = Some(depth);
        self
    }
}

/// Moves workers by commands.
#[derive(Debug, Clone)]
pub struct CommandWorkers {
    spec: CommandWorkersSpec,
    context: CommandContext,
}

impl CommandWorkers {
    /// Workers that are moved by these commands.
    #[must_use]
    pub const fn new(spec: CommandWorkersSpec, context: CommandContext) -> Self {
        Self { spec, context }
    }

    async fn change(
        &self,
        operation: &'static str,
        op: &Op,
        spec: &CommandSpec,
        slot: Slot,
    ) -> Result<(), Fault> {
        let (lock, values) = (format!("workers-{slot}"), self.context.of_slot(slot));
        self.context
            .change(operation, &lock, (spec, &values), op.budget)
            .await
            .map(drop)
    }
}

#[async_trait]
impl Workers for CommandWorkers {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.change("quiesce", op, &self.spec.quiesce, slot).await
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.change("start", op, &self.spec.start, slot).await
    }

    fn settle(&self) -> Duration {
        SETTLE
    }

    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault> {
        let Some(spec) = &self.spec.depth else {
            return Ok(None);
        };
        let invocation = Values::new(&self.context.service).expand(spec, &self.context.secrets)?;
        let finished = self
            .context
            .run("depth", &invocation, &Limits::within(op.budget), Effect::Reads)
            .await?;
        finished.stdout.trim().parse().map(Some).map_err(|_| {
            let message = format!("what it wrote is no number of jobs; it {}", finished.evidence());
            Fault::rejected(PROVIDER, "depth", message).on(invocation.program())
        })
    }
}
