//! What to do: the declarative description of a service's deployments.

pub mod humane;
pub(crate) mod humane_option;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::CommandSpec;
use crate::lifecycle::Phase;
use crate::retry::RetryPolicy;
use crate::{ServiceName, Share, Slot};

mod gate;
mod template;
mod window;

pub use gate::*;
pub use template::{TemplateError, expand, placeholders};
pub use window::*;

/// The declarative description of a service's deployments. See the table of defaults below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// The service; the key of its record.
    pub service: ServiceName,
    /// Where a release goes.
    #[serde(default)]
    pub target: Target,
    /// Values for the placeholders of commands and addresses that differ by slot:
    /// `[slots.blue] url = "http://127.0.0.1:8081"` is `{url}` wherever blue is meant.
    #[serde(default)]
    pub slots: BTreeMap<Slot, BTreeMap<String, String>>,
    /// The traffic weights in order; the last one is all traffic, the cutover.
    #[serde(default = "Step::defaults")]
    pub steps: Vec<Step>,
    /// When what may be done.
    #[serde(default)]
    pub windows: Windows,
    /// What is checked before anything is touched, beside the built-in checks.
    #[serde(default)]
    pub preflight: Preflight,
    /// What says that a slot is healthy; asked of either slot: before the start, of the candidate
    /// before it gets traffic and before each step, and of both before a rollback.
    #[serde(default)]
    pub health: Vec<GateSpec>,
    /// Smoke tests: asked of the candidate once, before it gets traffic.
    #[serde(default)]
    pub smoke: Vec<GateSpec>,
    /// What is watched wherever the candidate has traffic: bakes, approvals, soak.
    #[serde(default)]
    pub guards: Vec<GateSpec>,
    /// What is asked of the public address: during the soak and after a rollback.
    #[serde(default)]
    pub public: Vec<GateSpec>,
    /// Whether and when migrations run. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrations: Option<Migrations>,
    /// What fills caches in the candidate, in order, before it is verified.
    #[serde(default)]
    pub warm_up: Vec<CommandSpec>,
    /// How workers and schedulers move. Left out: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersPlan>,
    /// The watched time after cutover.
    #[serde(default)]
    pub soak: Soak,
    /// How long the old slot is kept, and what becomes of it then.
    #[serde(default)]
    pub retention: Retention,
    /// Commands or code at named points.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// How a rollback decides.
    #[serde(default)]
    pub rollback: RollbackPlan,
    /// Whether the notifiers are told.
    #[serde(default = "yes")]
    pub notify: bool,
    /// How long each phase may take.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// How calls that failed without effect are repeated.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// How the right to act is held.
    #[serde(default)]
    pub lease: LeasePlan,
}

const fn yes() -> bool {
    true
}

/// Where a release goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The slot that is not live.
    #[default]
    Auto,
    /// Blue; refused while blue is live.
    Blue,
    /// Green; refused while green is live.
    Green,
}

/// One traffic weight, with what has to hold before and during it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Step {
    /// The candidate's share of the traffic.
    pub weight: Share,
    /// For how long the step is watched before the next.
    #[serde(default, with = "humane")]
    pub bake: Duration,
    /// Who has to say yes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalPlan>,
    /// What is asked of the candidate at the end of its bake, beside the guards; all must pass.
    #[serde(default)]
    pub gates: Vec<GateSpec>,
}

/// An approval: with an end, and what is done then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPlan {
    /// How long an answer is waited for.
    #[serde(default = "ApprovalPlan::default_expiry", with = "humane")]
    pub expires: Duration,
    /// What is done when nobody answered.
    #[serde(default)]
    pub default: ApprovalDefault,
}

/// What is done when nobody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalDefault {
    /// Abort: back to the slot that was live.
    #[default]
    Abort,
    /// Go on.
    Proceed,
}

/// What is checked before anything is touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preflight {
    /// Named checks beside the built-in ones.
    pub checks: Vec<GateSpec>,
    /// Whether a deployment may start while the live slot is not healthy: a fix for an outage.
    pub allow_unhealthy_live: bool,
    /// The instances that the candidate must have, as a share of the live slot's, before it gets
    /// traffic; counted only where the host can count.
    pub capacity: Share,
}

/// Whether and when migrations run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Migrations {
    /// When the expand phase runs.
    pub expand: ExpandWhen,
    /// Whether a backfill runs after the soak.
    pub backfill: bool,
}

/// When the expand phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpandWhen {
    /// Before the host deploys the candidate.
    #[default]
    BeforePrepare,
    /// After it: for migrations that are run inside the candidate.
    AfterPrepare,
}

/// How workers and schedulers move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersPlan {
    /// Which comes first. Jobs of the new release may be unreadable to the old.
    pub order: WorkersOrder,
    /// The queues must be down to this many waiting jobs within the deadline of the phase.
    pub max_depth: Option<u64>,
}

/// Which workers move first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkersOrder {
    /// The old ones stop claiming before the new ones start: nothing runs twice.
    #[default]
    QuiesceFirst,
    /// The new ones start before the old ones stop claiming: no pause.
    StartFirst,
}

/// The watched time after cutover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Soak {
    /// How long.
    #[serde(with = "humane")]
    pub time: Duration,
}

/// How long the old slot is kept, and what becomes of it then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How long a rollback by traffic alone stays possible.
    #[serde(with = "humane")]
    pub keep: Duration,
    /// What becomes of the slot then.
    pub then: Disposal,
    /// How long requests in flight are waited for before the slot is stopped, where the router or
    /// the host cannot say that there are none.
    #[serde(with = "humane")]
    pub drain: Duration,
    /// What is done when requests are still in flight after the deadline of the drain.
    pub undrained: Undrained,
}

/// What becomes of a slot after its retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// It is stopped.
    #[default]
    Stop,
    /// It goes on at its standby size.
    Standby,
}

/// What is done when requests are still in flight after the deadline of the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undrained {
    /// The slot is left running, and the operation fails.
    #[default]
    Keep,
    /// The requests are cut.
    Cut,
}

/// A command or a piece of code at a named point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hook {
    /// The name under which events and reports know it.
    pub name: String,
    /// Where: `"before prepare"`, `"after confirm"`, `"after return"`.
    pub at: HookPoint,
    /// The command. Left out: code, registered under the hook's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// What its failure means. On the way back it never means more than a warning.
    #[serde(default)]
    pub on_failure: HookFailure,
}

/// Before or after which phase a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HookPoint {
    /// Before or after.
    pub moment: HookMoment,
    /// Which phase; for the phases of a step, each step's.
    pub phase: Phase,
}

/// Before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookMoment {
    /// Before the phase.
    Before,
    /// After it.
    After,
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            HookMoment::Before => "before",
            HookMoment::After => "after",
        };
        write!(f, "{moment} {}", self.phase)
    }
}

impl Serialize for HookPoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HookPoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let point = text.split_once(' ').and_then(|(moment, phase)| {
            let moment = match moment {
                "before" => HookMoment::Before,
                "after" => HookMoment::After,
                _ => return None,
            };
            Some(Self {
                moment,
                phase: phase.parse().ok()?,
            })
        });
        point.ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no point for a hook: write \"before\" or \"after\" and a phase, such as \"after confirm\""
            ))
        })
    }
}

/// What the failure of a hook means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookFailure {
    /// The phase fails.
    #[default]
    Fail,
    /// It is told, and the deployment goes on.
    Warn,
}

/// How a rollback decides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackPlan {
    /// What is done when neither slot is healthy.
    pub both_unhealthy: BothUnhealthy,
}

/// What is done when neither slot is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BothUnhealthy {
    /// Back to the slot that was live.
    #[default]
    Return,
    /// Stop where it is, and ask.
    Halt,
}

/// How long each phase may take. What is not done then has failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// Reading the routers.
    #[serde(with = "humane")]
    pub reconcile: Duration,
    /// All preflight checks together.
    #[serde(with = "humane")]
    pub preflight: Duration,
    /// Making the routers ready.
    #[serde(with = "humane")]
    pub stage: Duration,
    /// Migrations, each phase of them.
    #[serde(with = "humane")]
    pub migrate: Duration,
    /// From the host's deploy until the candidate is ready.
    #[serde(with = "humane")]
    pub prepare: Duration,
    /// All warm-up commands together.
    #[serde(with = "humane")]
    pub warm_up: Duration,
    /// Health gates and smoke tests of the candidate.
    #[serde(with = "humane")]
    pub verify: Duration,
    /// Setting one split on every router.
    #[serde(with = "humane")]
    pub shift: Duration,
    /// From the accepted split until it is live everywhere.
    #[serde(with = "humane")]
    pub confirm: Duration,
    /// How much longer than its planned time a bake or the soak may take, when gates are inconclusive.
    #[serde(with = "humane")]
    pub hold: Duration,
    /// Each part of moving the workers.
    #[serde(with = "humane")]
    pub workers: Duration,
    /// Asking both slots how they are before a rollback.
    #[serde(with = "humane")]
    pub assess: Duration,
    /// Each part of the way back.
    #[serde(with = "humane")]
    pub rollback: Duration,
    /// Waiting for requests in flight before a slot is stopped.
    #[serde(with = "humane")]
    pub drain: Duration,
    /// Stopping a slot.
    #[serde(with = "humane")]
    pub retire: Duration,
    /// Hooks at one point together, and notifications.
    #[serde(with = "humane")]
    pub hooks: Duration,
}

/// How the right to act is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeasePlan {
    /// A holder that has not renewed for so long may be replaced.
    #[serde(with = "humane")]
    pub ttl: Duration,
    /// How often the record is looked at for what operators ask, while something is waited for.
    #[serde(with = "humane")]
    pub poll: Duration,
    /// The longest that one call to a provider may take.
    #[serde(with = "humane")]
    pub call: Duration,
}

mod defaults;
