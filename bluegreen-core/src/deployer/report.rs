//! What an operation came to, and how things stand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lifecycle::{End, Entry, Event, Lifecycle, Overrides, Run, Slots};
use crate::migration::Underway;
use crate::{
    DeploymentId, NoticeKind, Observation, Operation, Phase, Release, ServiceName, Signed, Slot, Timestamp,
    Verdict,
};

/// What an operation came to. Written once into the history of the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The service.
    pub service: ServiceName,
    /// Which operation.
    pub deployment: DeploymentId,
    /// What it did.
    pub operation: Operation,
    /// The release that it was about.
    pub release: Option<Release>,
    /// Who began it, and why.
    pub by: Signed,
    /// What they decided against the plan.
    pub overrides: Overrides,
    /// How it ended. `None`: it needs an operator.
    pub end: Option<End>,
    /// Why it did not end as it was meant to, or what an operator has to decide.
    pub reason: Option<String>,
    /// What the public address said after a rollback, when it was not as it should be.
    pub unverified: Option<String>,
    /// The slot that had the traffic when it began.
    pub origin: Slot,
    /// The slot that it was about.
    pub target: Slot,
    /// What each slot is used for after it.
    pub slots: Slots,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The phases in which it was, in order.
    pub phases: Vec<PhaseTime>,
    /// From the decision to give the candidate all traffic to the confirmation on every router.
    pub cutover_ms: Option<u64>,
    /// From the decision to go back to the confirmation on every router.
    pub rollback_ms: Option<u64>,
    /// Who approved which step, counted from 1.
    pub approvals: Vec<(usize, String)>,
    /// The compare-and-swaps that this deployer made for it.
    pub writes: u64,
}

/// A phase with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// Which.
    pub phase: Phase,
    /// The step, counted from 1, in the phases that belong to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl Report {
    pub(super) fn new(
        service: ServiceName,
        slots: &Slots,
        run: &Run,
        timeline: Timeline,
        writes: u64,
    ) -> Self {
        let (started, phases) = timeline.finish();
        let between = |from: fn(&PhaseTime) -> bool, to: fn(&PhaseTime) -> bool| {
            let began = phases.iter().rfind(|time| from(time))?.began;
            let reached = phases.iter().find(|time| time.began >= began && to(time))?.began;
            Some(u64::try_from(reached.since(began).as_millis()).unwrap_or(u64::MAX))
        };
        let promoted = run.end == Some(End::Promoted);
        Self {
            deployment: run.id,
            operation: run.operation,
            release: run.release.clone(),
            by: Signed::clone(&run.by),
            overrides: run.overrides.clone(),
            end: run.end,
            reason: run.reason.clone(),
            unverified: run.unverified.clone(),
            origin: run.origin,
            target: run.target,
            slots: slots.clone(),
            started: started.unwrap_or(run.id.began()),
            ended: run.ended,
            cutover_ms: if promoted {
                between(
                    |time| time.phase == Phase::Shift,
                    |time| time.phase == Phase::Bake,
                )
            } else {
                None
            },
            rollback_ms: between(
                |time| time.phase == Phase::Assess,
                |time| time.phase == Phase::VerifyReturn,
            ),
            approvals: run.approvals.clone(),
            phases,
            service,
            writes,
        }
    }

    /// Whether it ended as it was meant to.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        match self.end {
            Some(End::Promoted | End::Retired | End::Contracted | End::Adopted) => true,
            Some(End::RolledBack) => self.operation == Operation::Rollback && self.unverified.is_none(),
            Some(End::Failed | End::Aborted | End::Resolved) | None => false,
        }
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.since(self.started))
    }
}

/// The phases of an operation, entry by entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    started: Option<Timestamp>,
    phases: Vec<PhaseTime>,
}

impl Timeline {
    pub(super) fn push(&mut self, entry: &Entry) {
        self.started.get_or_insert(entry.at);
        let last = self.phases.last_mut();
        let same = last.is_some_and(|last| {
            last.ms = u64::try_from(entry.at.since(last.began).as_millis()).unwrap_or(u64::MAX);
            (last.phase, last.step) == (entry.phase, entry.step)
        });
        if matches!(entry.event, Event::Started { .. }) || !same {
            self.phases.push(PhaseTime {
                phase: entry.phase,
                step: entry.step,
                began: entry.at,
                ms: 0,
            });
        }
    }

    /// When the operation began, and its phases.
    fn finish(mut self) -> (Option<Timestamp>, Vec<PhaseTime>) {
        self.phases.retain(|time| time.phase != Phase::Ended);
        (self.started, self.phases)
    }
}

/// How things stand, as far as is known from the record and the routers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The service.
    pub service: ServiceName,
    /// Who holds the right to act, and since when. They may have died: the lease runs out then.
    pub holder: Option<(String, Timestamp)>,
    /// The slots, and the operation that is open or was the last.
    pub lifecycle: Lifecycle,
    /// What each router says, by name, or why it could not be asked.
    pub routers: Vec<(String, Result<Observation, String>)>,
    /// Where a rollback would lead, and what it would find; `None` where there is no way back.
    pub way_back: Option<WayBack>,
    /// Changes that are made over several deployments, and how far each is.
    pub underway: Vec<Underway>,
    /// The newest entries of the journal.
    pub entries: Vec<Entry>,
    /// When this was read.
    pub at: Timestamp,
}

/// Where a rollback would lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WayBack {
    /// The slot that would get all traffic.
    pub slot: Slot,
    /// What runs there, where that is known.
    pub release: Option<Release>,
    /// Until when the slot is kept; `None` while a deployment is open, which goes back to it by itself.
    pub until: Option<Timestamp>,
    /// Whether that release finds what it needs in the database; `None` where the migrator cannot tell.
    pub database: Option<Verdict>,
}

/// What people are told.
pub(super) fn announcement(run: &Run, kind: NoticeKind) -> String {
    let release = run
        .release
        .as_ref()
        .map_or_else(|| "a release".to_owned(), |release| format!("release {release}"));
    let why = || run.reason.as_deref().unwrap_or("no reason was given");
    match kind {
        NoticeKind::Started => format!(
            "{release} is being released to {}; {} has the traffic",
            run.target, run.origin
        ),
        NoticeKind::ApprovalNeeded if run.phase == Phase::Bake => format!(
            "{release} is held at {} of the traffic, because it cannot be told whether it is good: {}. Approve, so that it \
             goes on all the same, or abort",
            run.weight(run.step),
            run.waiting_for.as_deref().unwrap_or("the analysis is undecided")
        ),
        NoticeKind::ApprovalNeeded => {
            format!(
                "{release} waits for an approval before it gets {} of the traffic",
                run.weight(run.step)
            )
        }
        NoticeKind::Succeeded => {
            format!(
                "{release} in {} has all traffic; {} is kept as standby",
                run.target, run.origin
            )
        }
        NoticeKind::Failed => format!("{release} was not released, no traffic was moved: {}", why()),
        NoticeKind::RollingBack => format!(
            "{release} is being taken back, traffic returns to {}: {}",
            run.origin,
            why()
        ),
        NoticeKind::RolledBack => match &run.unverified {
            None => format!("all traffic is back at {}: {}", run.origin, why()),
            Some(unverified) => format!(
                "all traffic is back at {}: {}. But it is not as it should be there: {unverified}",
                run.origin,
                why()
            ),
        },
        NoticeKind::NeedsOperator => format!(
            "{release} is halted and needs an operator: {}. Roll back (whatever the slots' health), or move the traffic by hand and resolve",
            why()
        ),
    }
}
