//! What all commands of a service share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::{self, Effect};
use super::process::{Finished, Limits, run};
use super::{CommandSpec, Invocation, Secrets, Values};
use crate::{Assignment, DeploymentId, Fault, ServiceName, Slot};

/// What all commands of a service share: its name, the plan's variables, the secrets, and the folder
/// for the locks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandContext {
    /// The service.
    pub service: ServiceName,
    /// The plan's variables for each slot.
    pub slots: BTreeMap<Slot, BTreeMap<String, String>>,
    /// The secrets that commands may name.
    pub secrets: Secrets,
    /// The deployment in which gates and sources of metrics are asked; left out outside of one.
    pub deployment: Option<DeploymentId>,
    /// Where the lock files of commands are; made if it is not there. On a local disk, and the same for
    /// all deployers of the machine. Left out, nothing keeps a deployer from running a command that one
    /// of its killed predecessor still is in the middle of.
    pub locks: Option<PathBuf>,
    /// Where the output of command gates is kept, for people: of each gate and slot the last one, what
    /// [is kept of it](super#what-a-command-may-rely-on). Left out, only its end is, in the evidence.
    pub outputs: Option<PathBuf>,
}

impl CommandContext {
    /// That of a service, with nothing else.
    #[must_use]
    pub fn new(service: ServiceName) -> Self {
        Self {
            service,
            slots: BTreeMap::new(),
            secrets: Secrets::new(),
            deployment: None,
            locks: None,
            outputs: None,
        }
    }

    /// With the plan's variables for each slot.
    #[must_use]
    pub fn slots(mut self, slots: BTreeMap<Slot, BTreeMap<String, String>>) -> Self {
        self.slots = slots;
        self
    }

    /// With secrets.
    #[must_use]
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Within a deployment.
    #[must_use]
    pub const fn deployment(mut self, deployment: DeploymentId) -> Self {
        self.deployment = Some(deployment);
        self
    }

    /// With a folder for the lock files.
    #[must_use]
    pub fn locks(mut self, folder: impl Into<PathBuf>) -> Self {
        self.locks = Some(folder.into());
        self
    }

    /// With a folder for the output of command gates.
    #[must_use]
    pub fn outputs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.outputs = Some(folder.into());
        self
    }

    /// The values for commands that mean a slot.
    #[must_use]
    pub fn of_slot(&self, slot: Slot) -> Values {
        let values = Values::new(&self.service).slot(slot, self.slots.get(&slot));
        match self.deployment {
            Some(deployment) => values.deployment(deployment),
            None => values,
        }
    }

    /// The values for commands that mean a release in a slot.
    #[must_use]
    pub fn of_assignment(&self, assignment: &Assignment) -> Values {
        self.of_slot(assignment.slot)
            .release(&assignment.release)
            .deployment(assignment.deployment)
    }

    /// Fills in a command and runs it under a lock, so that it never runs twice at once.
    pub(super) async fn change(
        &self,
        operation: &'static str,
        lock: &str,
        (spec, values): (&CommandSpec, &Values),
        budget: Duration,
    ) -> Result<Finished, Fault> {
        let limits = Limits::within(budget).locked(self.lock_file(lock));
        let invocation = values.expand(spec, &self.secrets)?;
        self.run(operation, &invocation, &limits, Effect::Changes).await
    }

    /// Runs a command to its successful end.
    pub(super) async fn run(
        &self,
        operation: &'static str,
        invocation: &Invocation,
        limits: &Limits,
        effect: Effect,
    ) -> Result<Finished, Fault> {
        let finished = self.start(operation, invocation, limits).await?;
        fault::check(operation, invocation.program(), effect, finished)
    }

    /// Runs a command to its end, whatever that is.
    pub(super) async fn start(
        &self,
        operation: &'static str,
        invocation: &Invocation,
        limits: &Limits,
    ) -> Result<Finished, Fault> {
        let started = run(invocation, &self.secrets, limits).await;
        started.map_err(|error| fault::could_not_start(operation, invocation.program(), &error))
    }

    /// The lock file for a part: `shop.migrate.lock`.
    fn lock_file(&self, part: &str) -> Option<PathBuf> {
        self.file(self.locks.as_ref(), part, "lock")
    }

    /// The file for the output of a gate: `shop.k6.green.output`.
    pub(crate) fn output_file(&self, gate: &str, slot: Slot) -> Option<PathBuf> {
        self.file(self.outputs.as_ref(), &format!("{gate}.{slot}"), "output")
    }

    /// A file for a part. Letters that a file name might not have became `_`.
    fn file(&self, folder: Option<&PathBuf>, part: &str, kind: &str) -> Option<PathBuf> {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        };
        let part: String = part.chars().take(100).map(plain).collect();
        folder.map(|folder| folder.join(format!("{}.{part}.{kind}", self.service)))
    }
}
