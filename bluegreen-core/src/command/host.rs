//! A host whose every call is a command.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::process::{End, Finished, Limits, SETTLE};
use super::{CommandContext, CommandSpec, fault};
use crate::{Assignment, Fault, Host, Op, Readiness, ReadyState, Slot};

/// The commands of a [`CommandHost`].
///
/// ```
/// # use bluegreen_core::command::CommandHostSpec;
/// let spec: CommandHostSpec = toml::from_str(r#"
///     deploy.run = ["docker", "compose", "-p", "shop-{slot}", "up", "-d", "--wait"]
///     deploy.env = { TAG = "{version}" }
///     retire.run = ["docker", "compose", "-p", "shop-{slot}", "down"]
/// "#)?;
/// assert!(spec.readiness.is_none());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CommandHostSpec {
    /// Makes the release run in the slot. All placeholders of an assignment.
    pub deploy: CommandSpec,
    /// Says how far the slot is, by its exit code. Placeholders of a slot. Left out: a slot is ready
    /// when `deploy` has ended with 0.
    ///
    /// | exit code | the slot is |
    /// |---|---|
    /// | 0 | ready |
    /// | 3 | stopped: nothing runs there (as `systemctl is-active` says it) |
    /// | 70 | failed: waiting is useless |
    /// | any other | starting: ask again |
    ///
    /// When it writes `{"instances": 3}`, alone or as its last line, that is the number of instances that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<CommandSpec>,
    /// Brings the slot to its standby size. Placeholders of a slot. Left out: nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<CommandSpec>,
    /// Stops what runs in the slot. Placeholders of a slot.
    pub retire: CommandSpec,
}

impl CommandHostSpec {
    /// With the two commands that no host is without.
    #[must_use]
    pub const fn new(deploy: CommandSpec, retire: CommandSpec) -> Self {
        Self {
            deploy,
            readiness: None,
            standby: None,
            retire,
        }
    }

    /// With a command that says how far a slot is.
    #[must_use]
    pub fn readiness(mut self, readiness: CommandSpec) -> Self {
        self.readiness = Some(readiness);
        self
    }

    /// With a command that brings a slot to its standby size.
    #[must_use]
    pub fn standby(mut self, standby: CommandSpec) -> Self {
        self.standby = Some(standby);
        self
    }
}

/// A host whose every call is a command: docker compose, systemd, a script.
///
/// `deploy`, `standby` and `retire` of one slot never run at the same time, also when a deployer is
/// killed in the middle and another takes over: they share a lock (see [`CommandContext::locks`]).
#[derive(Debug, Clone)]
pub struct CommandHost {
    spec: CommandHostSpec,
    context: CommandContext,
}

const STOPPED: i32 = 3;
const FAILED: i32 = 70;

impl CommandHost {
    /// A host that runs these commands.
    #[must_use]
    pub const fn new(spec: CommandHostSpec, context: CommandContext) -> Self {
        Self { spec, context }
    }

    async fn change(
        &self,
        operation: &'static str,
        op: &Op,
        spec: &CommandSpec,
        slot: Slot,
    ) -> Result<(), Fault> {
        let values = self.context.of_slot(slot);
        self.context
            .change(operation, &lock(slot), (spec, &values), op.budget)
            .await
            .map(drop)
    }
}

fn lock(slot: Slot) -> String {
    format!("host-{slot}")
}

#[async_trait]
impl Host for CommandHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let values = self.context.of_assignment(assignment);
        let command = (&self.spec.deploy, &values);
        self.context
            .change("deploy", &lock(assignment.slot), command, op.budget)
            .await
            .map(drop)
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let Some(spec) = &self.spec.readiness else {
            return Ok(Readiness::new(
                ReadyState::Ready,
                "ready since its deploy command ended with 0 (there is no readiness command)",
            ));
        };
        let invocation = self.context.of_slot(slot).expand(spec, &self.context.secrets)?;
        let finished = self
            .context
            .start("readiness", &invocation, &Limits::within(op.budget))
            .await?;
        let state = match finished.end {
            End::Exited(0) => ReadyState::Ready,
            End::Exited(STOPPED) => ReadyState::Stopped,
            End::Exited(FAILED) => ReadyState::Failed,
            End::Exited(_) => ReadyState::Starting,
            End::Signalled(_) | End::TimedOut(_) => {
                let check = fault::check("readiness", invocation.program(), fault::Effect::Reads, finished);
                return check.map(|finished| Readiness::new(ReadyState::Starting, finished.evidence()));
            }
        };
        let mut readiness = Readiness::new(state, finished.evidence());
        readiness.instances = instances(&finished);
        Ok(readiness)
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        match &self.spec.standby {
            Some(spec) => self.change("standby", op, spec, slot).await,
            None => Ok(()),
        }
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.change("retire", op, &self.spec.retire, slot).await
    }

    fn settle(&self) -> Duration {
        SETTLE
    }
}

/// The number of instances, where the command wrote it.
fn instances(finished: &Finished) -> Option<u32> {
    #[derive(Deserialize)]
    struct Counted {
        instances: u32,
    }
    let whole = finished.stdout.trim();
    let last = whole.lines().next_back().unwrap_or_default();
    let counted = [whole, last]
        .into_iter()
        .find_map(|text| serde_json::from_str::<Counted>(text).ok());
    counted.map(|counted| counted.instances)
}
