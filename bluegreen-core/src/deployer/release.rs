//! What makes a release run in a slot, and stop: the host, the migrations and the workers.

use super::DeployError;
use super::act::{Act, done};
use super::parts::event_of_read;
use crate::lifecycle::Event;
use crate::plan::Disposal;
use crate::{FaultKind, MigrationPhase, Operation, ReadyState, Slot};

impl Act<'_> {
    pub(super) async fn retire(&self, slot: Slot) -> Result<Event, DeployError> {
        let host = &self.parts.host;
        let op = self.long();
        let keep =
            self.run.operation == Operation::Retire && self.run.plan.retention.then == Disposal::Standby;
        let (answer, what) = if keep {
            (
                self.parts
                    .bounded(op.budget, "standby", host.standby(&op, slot))
                    .await,
                "at its standby size",
            )
        } else {
            (
                self.parts
                    .bounded(op.budget, "retire", host.retire(&op, slot))
                    .await,
                "stopped",
            )
        };
        Self::after(answer.map(|()| format!("{slot} is {what}")), host.settle())
    }

    pub(super) async fn migrate(&self, phase: MigrationPhase) -> Result<Event, DeployError> {
        let Some(migrator) = &self.parts.migrator else {
            return Ok(Event::Failed {
                reason: "there is no migrator".to_owned(),
            });
        };
        let assignment = match self.assignment() {
            Ok(assignment) => assignment,
            Err(event) => return Ok(event),
        };
        let op = self.long();
        let stale = self.lifecycle.stale_backfills();
        let run = async {
            if phase == MigrationPhase::Backfill && !stale.is_empty() {
                migrator.mark_stale(&op, stale, &assignment).await?;
            }
            migrator.migrate(&op, phase, &assignment).await
        };
        let answer = self.parts.bounded(op.budget, "migrate", run).await;
        Self::after(answer, migrator.settle())
    }

    pub(super) async fn deploy(&self) -> Result<Event, DeployError> {
        let host = &self.parts.host;
        let assignment = match self.assignment() {
            Ok(assignment) => assignment,
            Err(event) => return Ok(event),
        };
        let op = self.long();
        let answer = self
            .parts
            .bounded(op.budget, "deploy", host.deploy(&op, &assignment))
            .await;
        Self::after(
            answer.map(|()| format!("{} begun in {}", assignment.release, assignment.slot)),
            host.settle(),
        )
    }

    pub(super) async fn await_ready(&self) -> Result<Event, DeployError> {
        let parts = self.parts;
        loop {
            let answer = parts
                .bounded(
                    self.op.budget,
                    "readiness",
                    parts.host.readiness(self.op, self.run.target),
                )
                .await;
            match answer {
                Ok(seen) => match seen.state {
                    ReadyState::Ready => return Ok(done(seen.evidence)),
                    ReadyState::Starting => {}
                    ReadyState::Failed | ReadyState::Stopped => {
                        return Ok(Event::Failed {
                            reason: seen.evidence,
                        });
                    }
                },
                // The deadline of the phase bounds how long a host may be out of reach.
                Err(fault) if matches!(fault.kind, FaultKind::Unknown | FaultKind::Unavailable { .. }) => {}
                Err(fault) => return event_of_read(&fault),
            }
            parts.clock.sleep(self.run.plan.lease.poll).await;
        }
    }

    pub(super) async fn workers(&self, slot: Slot, start: bool) -> Result<Event, DeployError> {
        let Some(workers) = &self.parts.workers else {
            return Ok(Event::Failed {
                reason: "there are no workers to move".to_owned(),
            });
        };
        let op = self.long();
        let (answer, what) = if start {
            (
                self.parts
                    .bounded(op.budget, "start", workers.start(&op, slot))
                    .await,
                "claim work",
            )
        } else {
            (
                self.parts
                    .bounded(op.budget, "quiesce", workers.quiesce(&op, slot))
                    .await,
                "claim no more work",
            )
        };
        Self::after(
            answer.map(|()| format!("the workers of {slot} {what}")),
            workers.settle(),
        )
    }

    pub(super) async fn await_queues(&self) -> Result<Event, DeployError> {
        let parts = self.parts;
        let limit = self
            .run
            .plan
            .workers
            .as_ref()
            .and_then(|workers| workers.max_depth)
            .unwrap_or(u64::MAX);
        let Some(workers) = &parts.workers else {
            return Ok(Event::Failed {
                reason: "there are no workers to ask".to_owned(),
            });
        };
        let began = parts.clock.monotonic();
        loop {
            let answer = parts
                .bounded(self.op.budget, "depth", workers.depth(self.op))
                .await;
            let seen = match answer {
                Ok(Some(depth)) if depth <= limit => return Ok(done(format!("{depth} jobs wait"))),
                Ok(Some(depth)) => format!("{depth} jobs wait, at most {limit} may"),
                Ok(None) => "the queues cannot be counted".to_owned(),
                Err(fault) if fault.kind == FaultKind::Rejected => return event_of_read(&fault),
                Err(fault) => fault.to_string(),
            };
            if parts
                .clock
                .monotonic()
                .since(began)
                .saturating_add(self.run.plan.lease.poll)
                >= self.left
            {
                return Ok(Event::Failed {
                    reason: format!("at the deadline {seen}"),
                });
            }
            parts.clock.sleep(self.run.plan.lease.poll).await;
        }
    }
}
