//! One operation: where it is, and all that has to survive a crash.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeploymentId, FrozenPlan, Operation, Phase, Signed};
use crate::analysis::OnInconclusive;
use crate::plan::{ExpandWhen, GateSpec, HookMoment, HookPoint, WorkersOrder};
use crate::{NoticeKind, Release, Share, Slot, Split, Timestamp};

/// One operation of a service, from its beginning to its end.
///
/// `pub` fields are for reading; only [`Lifecycle::apply`](super::Lifecycle::apply) changes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each notes one thing that may have happened, independent of the others"
)]
pub struct Run {
    /// Which.
    pub id: DeploymentId,
    /// What it does.
    pub operation: Operation,
    /// The release that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Who began it, and why.
    pub by: Arc<Signed>,
    /// What somebody decided against the plan.
    #[serde(default)]
    pub overrides: Overrides,
    /// The slot that had the traffic when it began, and gets it back when something is wrong.
    pub origin: Slot,
    /// The slot that it is about.
    pub target: Slot,
    /// Where it is.
    pub phase: Phase,
    /// Before, in or after the work of the phase.
    pub moment: Moment,
    /// The index of the step that is worked on.
    pub step: usize,
    /// Since when it is in this phase.
    pub since: Timestamp,
    /// How often the work of the phase has been tried without a result.
    pub attempt: u32,
    /// The time for which the phase was watched, in milliseconds.
    pub watched_ms: u64,
    /// A wait that has to end before anything is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Whether the target may have, or have had, traffic.
    pub exposed: bool,
    /// Whether the target slot was taken: what was there is gone.
    pub occupied: bool,
    /// Whether the workers may have moved.
    pub workers_moved: bool,
    /// Whether the backfill may have run.
    pub backfilled: bool,
    /// Who asked to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Signed>,
    /// Who approved which step, counted from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<(usize, String)>,
    /// Why it is on the way back, failed or halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What became of a step that is held because the analysis cannot tell whether the candidate is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What the phase waits for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// What the public address said after a return; `None` when it was as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
    /// What people have still to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeKind>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The plan by which it goes.
    pub plan: FrozenPlan,
}

/// What became of a step that is held because the analysis cannot tell whether the candidate is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Its bake is over, and people are asked.
    Asked,
    /// Somebody has said that it may go on, and who. That it has failed can still be found.
    Approved(String),
}

/// Before, in or after the work of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The hooks before it.
    Before,
    /// The work itself.
    Act,
    /// The hooks after it.
    After,
}

/// A wait that has to end before anything is done. After a restart it is waited for in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pause {
    /// How long, in milliseconds.
    pub ms: u64,
    /// The part of it until a request of unknown outcome can no longer act. The rest is a courtesy
    /// between two tries, and the way back does not wait for it.
    pub settle_ms: u64,
}

/// What somebody decided against the plan, each with who and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// Smoke tests are skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_smoke: Option<Signed>,
    /// The window is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Signed>,
    /// A release that is live already is deployed once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<Signed>,
    /// The standby is given up before its retention is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_standby: Option<Signed>,
    /// Migrations run that the check refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrations: Option<Signed>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The release has all traffic.
    Promoted,
    /// All traffic is back at the slot that was live.
    RolledBack,
    /// It failed before any traffic had moved.
    Failed,
    /// It was stopped before any traffic had moved.
    Aborted,
    /// The standby is stopped.
    Retired,
    /// The contract migrations have run.
    Contracted,
    /// The routers' view has become the record's.
    Adopted,
    /// An operator said how it ended.
    Resolved,
}

/// A gate of the plan that has to pass in a phase.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PhaseGate<'a> {
    /// The list of the plan in which it stands.
    pub list: &'static str,
    /// The slot that it asks.
    pub slot: Slot,
    /// What the plan says of it.
    pub spec: &'a GateSpec,
}

impl PhaseGate<'_> {
    /// Whether results under this name are its own: `health/api` for the gate `api` in the list `health`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        name.split_once('/') == Some((self.list, &self.spec.name))
    }
}

impl fmt::Display for PhaseGate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.list, self.spec.name)
    }
}

impl Run {
    /// The share of the target in a step; all of it after the last.
    #[must_use]
    pub fn weight(&self, step: usize) -> Share {
        self.plan.steps.get(step).map_or(Share::ALL, |step| step.weight)
    }

    /// The split that the routers were last told to have, as far as this operation knows.
    #[must_use]
    pub fn split(&self) -> Split {
        match self.phase {
            Phase::Return
            | Phase::ConfirmReturn
            | Phase::VerifyReturn
            | Phase::ReturnWorkers
            | Phase::Recover => Split::all(self.origin),
            Phase::Ended => match self.end {
                Some(End::Promoted) => Split::all(self.target),
                _ => Split::all(self.origin),
            },
            _ if !self.exposed => Split::all(self.origin),
            _ if self.operation == Operation::Rollback => Split::all(self.target),
            Phase::Approval | Phase::Ready => match self.step.checked_sub(1) {
                Some(previous) => Split::with(self.target, self.weight(previous)),
                None => Split::all(self.origin),
            },
            _ => Split::with(self.target, self.weight(self.step)),
        }
    }

    /// How long this phase may take from its beginning; `None` where nothing is waited for.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        let plan = &self.plan;
        let times = &plan.deadlines;
        let step = plan.steps.get(self.step);
        if self.moment != Moment::Act {
            return Some(times.hooks);
        }
        Some(match self.phase {
            Phase::Reconcile => times.reconcile,
            Phase::Preflight => times.preflight,
            Phase::Drain => times.drain,
            Phase::Retire => times.retire,
            Phase::Stage => times.stage,
            Phase::Migrate | Phase::Backfill | Phase::Contract => times.migrate,
            Phase::Prepare | Phase::AwaitReady => times.prepare,
            Phase::WarmUp => times.warm_up,
            Phase::Verify => times.verify,
            Phase::Approval => step.and_then(|step| step.approval.as_ref())?.expires,
            Phase::Ready | Phase::Shift => times.shift,
            Phase::Confirm => times.confirm,
            Phase::Bake => self.held_from().saturating_add(self.hold_time()),
            Phase::Quiesce | Phase::StartWorkers | Phase::QueueDepth | Phase::ReturnWorkers => times.workers,
            Phase::Soak => self.held_from().saturating_add(times.hold),
            // On the way back the time is for trying, and what settles is waited for before that.
            phase if phase.is_way_back() && self.settles() => return None,
            Phase::Assess => times.assess,
            Phase::Return | Phase::ConfirmReturn | Phase::VerifyReturn => times.rollback,
            Phase::Finish | Phase::Recover | Phase::Halted | Phase::Ended => return None,
        })
    }

    /// Whether it waits until a call of unknown outcome can no longer act.
    pub(super) fn settles(&self) -> bool {
        self.pause.is_some_and(|pause| pause.settle_ms > 0)
    }

    /// For how long this phase is watched before it can pass.
    #[must_use]
    pub fn watch_time(&self) -> Duration {
        match self.phase {
            Phase::Bake => self
                .plan
                .steps
                .get(self.step)
                .map(|step| step.bake)
                .unwrap_or_default(),
            Phase::Soak => self.plan.soak.time,
            _ => Duration::ZERO,
        }
    }

    /// After how long a phase that is watched is held, when it has not passed by then.
    pub(super) fn held_from(&self) -> Duration {
        let more = match (self.phase, &self.plan.analysis) {
            (Phase::Bake, Some(analysis)) if analysis.on_inconclusive == OnInconclusive::Extend => {
                analysis.extend_by
            }
            _ => Duration::ZERO,
        };
        self.watch_time().saturating_add(more)
    }

    /// How long a step that is held waits.
    fn hold_time(&self) -> Duration {
        let hold = self.plan.deadlines.hold;
        let analysis = self.plan.analysis.as_ref();
        analysis.map_or(hold, |analysis| hold.max(analysis.hold))
    }

    /// Whether the plan says that a step ends as soon as its analysis has passed.
    pub(super) fn may_end_early(&self) -> bool {
        let early = self
            .plan
            .analysis
            .as_ref()
            .is_some_and(|analysis| analysis.early_pass);
        early && self.phase == Phase::Bake && self.is_analysed() && self.weight(self.step) < Share::ALL
    }

    /// Whether somebody may say that the step goes on although the analysis cannot tell.
    #[must_use]
    pub fn can_be_waved_on(&self) -> bool {
        self.phase == Phase::Bake && self.is_analysed() && !matches!(self.hold, Some(Hold::Approved(_)))
    }

    /// Whether the analysis has to pass in this phase.
    #[must_use]
    pub fn is_analysed(&self) -> bool {
        self.plan.analysis.is_some()
            && self.operation == Operation::Deploy
            && matches!(self.phase, Phase::Bake | Phase::Soak)
    }

    /// The gates of the plan that have to pass in this phase. The deployer adds built-in checks to them.
    #[must_use]
    pub fn gates(&self) -> Vec<PhaseGate<'_>> {
        let plan = &*self.plan;
        let lists: &[(&'static str, Slot, &[GateSpec])] = match self.phase {
            Phase::Preflight => &[("check", self.origin, &plan.preflight.checks)],
            Phase::Verify if self.overrides.skip_smoke.is_some() => &[("health", self.target, &plan.health)],
            Phase::Verify => &[
                ("health", self.target, &plan.health),
                ("smoke", self.target, &plan.smoke),
            ],
            Phase::Ready if !self.exposed => &[("health", self.target, &plan.health)],
            Phase::Bake => &[
                ("health", self.target, &plan.health),
                ("guard", self.target, &plan.guards),
                ("threshold", self.target, plan.thresholds.gates()),
                (
                    "step",
                    self.target,
                    self.plan.steps.get(self.step).map_or(&[], |step| &step.gates),
                ),
            ],
            Phase::Soak => &[
                ("health", self.target, &plan.health),
                ("guard", self.target, &plan.guards),
                ("threshold", self.target, plan.thresholds.gates()),
                ("public", self.target, &plan.public),
            ],
            Phase::VerifyReturn => &[
                ("health", self.origin, &plan.health),
                ("public", self.origin, &plan.public),
            ],
            phase if phase.is_forward() && self.exposed => &[
                ("health", self.target, &plan.health),
                ("guard", self.target, &plan.guards),
                ("threshold", self.target, plan.thresholds.gates()),
            ],
            _ => &[],
        };
        lists
            .iter()
            .flat_map(|(list, slot, specs)| {
                specs.iter().map(|spec| PhaseGate {
                    list,
                    slot: *slot,
                    spec,
                })
            })
            .collect()
    }

    /// Whether the plan has hooks at a point that this operation stops at.
    #[must_use]
    pub(super) fn has_hooks(&self, moment: HookMoment) -> bool {
        let at = HookPoint {
            moment,
            phase: self.phase,
        };
        at.is_allowed() && self.plan.hooks.iter().any(|hook| hook.at == at)
    }

    pub(super) fn expands(&self, when: ExpandWhen) -> bool {
        self.plan
            .migrations
            .as_ref()
            .is_some_and(|migrations| migrations.expand == when)
    }

    pub(super) fn backfills(&self) -> bool {
        self.plan
            .migrations
            .as_ref()
            .is_some_and(|migrations| migrations.backfill)
    }

    /// The phases in which the workers move, in the plan's order.
    pub(super) fn worker_phases(&self) -> &'static [Phase] {
        match self.plan.workers.as_ref() {
            None => &[],
            Some(workers) => match (workers.order, workers.max_depth) {
                (WorkersOrder::QuiesceFirst, None) => &[Phase::Quiesce, Phase::StartWorkers],
                (WorkersOrder::QuiesceFirst, Some(_)) => {
                    &[Phase::Quiesce, Phase::StartWorkers, Phase::QueueDepth]
                }
                (WorkersOrder::StartFirst, None) => &[Phase::StartWorkers, Phase::Quiesce],
                (WorkersOrder::StartFirst, Some(_)) => {
                    &[Phase::StartWorkers, Phase::Quiesce, Phase::QueueDepth]
                }
            },
        }
    }

    /// Whether the operation is over and everybody has been told.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.end.is_some() && self.notices.is_empty()
    }
}
