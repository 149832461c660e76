//! The lifecycle of a service's deployments: a pure value.
//!
//! [`Lifecycle`] is the journal: the deployer carries its [`command`](Lifecycle::command) out and gives what
//! came of it to [`apply`](Lifecycle::apply). Before a command that acts on the world the state is in the
//! store; one that only reads or waits may run on from a state that is not, as it can be repeated. No clock, no I/O, no randomness: the same plan and events give the same bytes. To
//! resume after a crash is to load it and to ask for its command again; there is no other path.
//!
#![doc = include_str!("../../docs/lifecycle.md")]

mod command;
mod event;
mod frozen;
mod id;
mod judge;
mod moves;
mod phase;
mod run;
mod slots;
mod transition;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use command::Command;
pub use event::{CheckResult, Entry, Event, Signed};
pub use frozen::FrozenPlan;
pub use id::{DeploymentId, InvalidDeploymentId};
pub use phase::{InvalidPhase, Phase};
pub use run::{End, Hold, Moment, Overrides, Pause, PhaseGate, Run};
pub use slots::{SlotState, Slots};

use crate::{Release, Slot, Timestamp, Version};

/// The state of a service: its slots, and the operation that is open or was the last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    slots: Slots,
    /// Releases whose backfill was followed by a rollback: the old release has written since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stale_backfills: Vec<Version>,
    #[serde(default)]
    run: Option<Run>,
}

/// The name under which the analysis gives its result.
pub const ANALYSIS: &str = "analysis";

/// What is asked for when an operation begins.
#[derive(Debug, Clone)]
pub struct Begin {
    /// What to do.
    pub operation: Operation,
    /// The release to deploy. The other operations know theirs from the record.
    pub release: Option<Release>,
    /// The plan. A rollback, a retirement and a contraction go by the one of the last deployment
    /// where none is given.
    pub plan: Option<FrozenPlan>,
    /// Who asks, and why.
    pub by: Signed,
    /// What they decided against the plan.
    pub overrides: Overrides,
}

impl Begin {
    /// The record stays small whoever asks.
    fn fits(&self) -> Result<(), CannotBegin> {
        let signed = |signed: &Signed| signed.by.len() + signed.reason.len();
        let overrides = &self.overrides;
        let decided = [
            &overrides.again,
            &overrides.give_up_standby,
            &overrides.migrations,
            &overrides.skip_smoke,
            &overrides.window,
        ];
        let release = self.release.as_ref().map_or(0, |release| {
            let labels = release.labels.iter().map(|(key, value)| key.len() + value.len());
            release.artifact.as_ref().map_or(0, String::len) + labels.sum::<usize>()
        });
        for (what, bytes, max) in [
            ("what is said of the release", release, 4096),
            ("who asks, and why", signed(&self.by), 1024),
            (
                "what was decided against the plan",
                decided.into_iter().flatten().map(signed).sum(),
                2048,
            ),
        ] {
            if bytes > max {
                return Err(CannotBegin::TooLong { what, bytes, max });
            }
        }
        Ok(())
    }
}

/// Why an operation cannot begin. Nothing has been touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotBegin {
    /// Another one is open.
    #[error(
        "{operation} {id} is open, in phase {phase} since {since}: resume it, abort it, or resolve it if it is halted"
    )]
    Open {
        /// Which.
        id: DeploymentId,
        /// What it does.
        operation: Operation,
        /// Where it is.
        phase: Phase,
        /// Since when it is there.
        since: Timestamp,
    },
    /// There is no slot to go back to.
    #[error("no standby is kept: {why}")]
    NoStandby {
        /// Why.
        why: String,
    },
    /// A contraction takes away what a kept release may need.
    #[error(
        "{slot} is kept as standby{release} and may get traffic again: retire it before anything is taken away"
    )]
    StandbyKept {
        /// The slot.
        slot: Slot,
        /// What runs there, with a leading space.
        release: String,
    },
    /// What was asked for is longer than a record may grow.
    #[error("{what} is {bytes} bytes long, at most {max} are kept: shorten it")]
    TooLong {
        /// What.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// What is needed is not known.
    #[error("{0}")]
    Incomplete(&'static str),
}

impl Lifecycle {
    /// What each slot is used for.
    #[must_use]
    pub const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The operation that is open, or was the last.
    #[must_use]
    pub const fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The operation that is open: not ended, or with people still to be told.
    #[must_use]
    pub fn open(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| !run.is_over())
    }

    /// The operation that is halted and waits for an operator.
    #[must_use]
    pub fn halted(&self) -> Option<&Run> {
        self.open().filter(|run| run.phase == Phase::Halted)
    }

    /// Releases whose backfill was followed by a rollback: it has to run again.
    #[must_use]
    pub fn stale_backfills(&self) -> &[Version] {
        &self.stale_backfills
    }

    /// The standby that an operation on its slot would stop although it is kept until later.
    #[must_use]
    pub fn kept_standby(&self, at: Timestamp) -> Option<Slot> {
        let slot = self.slots.standby()?;
        self.slots
            .get(slot)
            .retained_until
            .filter(|until| *until > at)
            .map(|_| slot)
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// [`CannotBegin`], and the state is as it was.
    pub fn begin(&self, at: Timestamp, asked: Begin) -> Result<Self, CannotBegin> {
        // A way back is not kept waiting by notices of what has ended.
        let going_back = asked.operation == Operation::Rollback;
        if let Some(run) = self.open().filter(|run| run.end.is_none() || !going_back) {
            let (id, operation, phase, since) = (run.id, run.operation, run.phase, run.since);
            return Err(CannotBegin::Open {
                id,
                operation,
                phase,
                since,
            });
        }
        asked.fits()?;
        let last = self.run.as_ref();
        let plan = asked
            .plan
            .or_else(|| last.map(|run| run.plan.clone()))
            .ok_or(CannotBegin::Incomplete(
                "nothing has been deployed yet, so there is no plan to go by",
            ))?;
        let (origin, target, release) = self.sides(asked.operation, asked.release)?;
        let backfilled = going_back && last.is_some_and(|run| run.backfilled);
        let run = Run {
            id: DeploymentId::new(last.map_or(0, |run| run.id.number()).saturating_add(1), at),
            operation: asked.operation,
            release,
            reason: going_back.then(|| format!("{} asked for it: {}", asked.by.by, asked.by.reason)),
            by: asked.by.into(),
            overrides: asked.overrides,
            origin,
            target,
            phase: if going_back {
                Phase::Assess
            } else {
                Phase::Reconcile
            },
            moment: Moment::Act,
            step: 0,
            since: at,
            attempt: 0,
            watched_ms: 0,
            pause: None,
            exposed: going_back,
            occupied: false,
            workers_moved: going_back && plan.workers.is_some(),
            backfilled,
            abort: None,
            approvals: Vec::new(),
            hold: None,
            waiting_for: None,
            unverified: None,
            notices: Vec::new(),
            end: None,
            ended: None,
            plan,
        };
        let mut begun = Self {
            run: Some(run),
            ..self.clone()
        };
        if let Some(run) = begun
            .run
            .as_mut()
            .filter(|run| run.has_hooks(crate::plan::HookMoment::Before))
        {
            run.moment = Moment::Before;
        }
        Ok(begun)
    }

    /// The slot that has, or gets back, the traffic; the slot that the operation is about; and what
    /// runs there or is to run there.
    fn sides(
        &self,
        operation: Operation,
        release: Option<Release>,
    ) -> Result<(Slot, Slot, Option<Release>), CannotBegin> {
        let live = self.slots.live();
        let standby = || {
            self.slots.standby().ok_or_else(|| CannotBegin::NoStandby {
                why: "it was retired, its slot was taken, or there was no deployment before".to_owned(),
            })
        };
        let release_in = |slot: Slot| self.slots.get(slot).release.clone();
        Ok(match operation {
            Operation::Deploy => {
                let release = release.ok_or(CannotBegin::Incomplete("a deployment needs a release"))?;
                let origin = live.unwrap_or(Slot::Blue);
                (origin, origin.other(), Some(release))
            }
            Operation::Rollback => {
                let origin = standby()?;
                (origin, origin.other(), release_in(origin.other()))
            }
            Operation::Retire => {
                let target = standby()?;
                (target.other(), target, release_in(target))
            }
            Operation::Contract => {
                let live = live.ok_or(CannotBegin::Incomplete(
                    "no slot is known to be live: adopt first",
                ))?;
                if let Some(slot) = self.slots.standby() {
                    let release = release_in(slot).map(|release| format!(" (release {release})"));
                    return Err(CannotBegin::StandbyKept {
                        slot,
                        release: release.unwrap_or_default(),
                    });
                }
                (live, live, release_in(live))
            }
            Operation::Adopt => (Slot::Blue, Slot::Green, None),
        })
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Releases a version.
    Deploy,
    /// Gives all traffic back to the standby after a deployment has ended.
    Rollback,
    /// Stops the standby.
    Retire,
    /// Runs contract migrations.
    Contract,
    /// Takes the routers' view as the truth.
    Adopt,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Retire => "retire",
            Self::Contract => "contract",
            Self::Adopt => "adopt",
        })
    }
}

/// How a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every health gate passed.
    Healthy,
    /// One failed.
    Unhealthy,
    /// It could not be told.
    Unknown,
}
