//! Workers as commands on all machines of a slot.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Fault, FaultKind, Op, Slot, Workers};

use super::command::RemoteCommand;
use super::fleet::Fleet;
use super::outcome;

/// Moves workers by commands on the machines of a slot: `supervisorctl stop horizon`, `systemctl start worker`.
///
/// Commands for workers usually go to all machines ([`RemoteCommand::on_all`]); while one of these does not answer,
/// its workers may go on claiming, so nothing is taken for done. Of one slot never two are at work at once.
#[derive(Debug, Clone)]
pub struct RemoteWorkers {
    fleet: Fleet,
    quiesce: RemoteCommand,
    start: RemoteCommand,
    depth: Option<RemoteCommand>,
}

impl RemoteWorkers {
    /// Workers that `quiesce` stops from claiming, ending when none does, and that `start` lets claim. Both are
    /// *ensures*: run twice they leave the same as once.
    #[must_use]
    pub const fn new(fleet: Fleet, quiesce: RemoteCommand, start: RemoteCommand) -> Self {
        Self {
            fleet,
            quiesce,
            start,
            depth: None,
        }
    }

    /// With a command that writes the number of waiting jobs as its last line. It is run on one machine, of either
    /// slot, so it may have no placeholder but `{service}` whose meaning depends on the slot.
    #[must_use]
    pub fn counting(mut self, command: RemoteCommand) -> Self {
        self.depth = Some(command);
        self
    }

    async fn ensure(&self, op: &Op, slot: Slot, command: &RemoteCommand) -> Result<(), Fault> {
        let call = self.fleet.begin(op, slot);
        let (lane, values) = (
            self.fleet.lane(&format!("workers-{slot}")),
            self.fleet.values(slot),
        );
        let ran = self
            .fleet
            .ensure(&call, slot, (&lane, &op.id), (command, &values));
        ran.await.map(drop)
    }
}

#[async_trait]
impl Workers for RemoteWorkers {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.ensure(op, slot, &self.quiesce).await
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.ensure(op, slot, &self.start).await
    }

    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault> {
        let Some(command) = &self.depth else {
            return Ok(None);
        };
        let mut unreached = None;
        for slot in Slot::BOTH {
            let call = self.fleet.begin(op, slot);
            let values = self.fleet.values(slot);
            let ran = match self.fleet.ask(&call, slot, (command, &values)).await {
                Ok(ran) => ran,
                // The other slot may have machines that answer.
                Err(fault) if matches!(fault.kind, FaultKind::Unavailable { .. }) => {
                    unreached = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            let output = ran.output.as_ref().filter(|output| !outcome::is_cut(output));
            let written = output
                .and_then(|output| output.standard_output_content())
                .unwrap_or_default();
            let last = written.trim().lines().next_back().unwrap_or_default().trim();
            return last.parse().map(Some).map_err(|_| {
                let message = format!("its last line is no number of jobs: {}", ran.evidence);
                call.unfit("GetCommandInvocation", message)
            });
        }
        unreached.map_or(Ok(None), Err)
    }

    fn settle(&self) -> Duration {
        self.fleet.settle()
    }
}
