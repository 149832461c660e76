//! What to do: the declarative description of a service's deployments.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::CommandSpec;
use crate::retry::RetryPolicy;
use crate::{ServiceName, Share, Slot};

mod builder;
mod check;
mod deadlines;
mod defaults;
mod explain;
mod gate;
mod hook;
pub mod humane;
pub(crate) mod humane_option;
mod load;
mod nearest;
mod problem;
mod template;
mod text;
mod window;
mod zone;

pub use builder::PlanBuilder;
pub use deadlines::{Deadlines, LeasePlan};
pub use gate::{GateSpec, HeaderValue, HttpCheck, MetricCheck};
pub use hook::{Hook, HookFailure, HookMoment, HookPoint, InvalidHookPoint};
pub use problem::{PlanError, Problem};
pub use template::{TemplateError, expand, placeholders};
pub use window::{Action, Weekday, Window, Windows};
pub use zone::{Boundary, InvalidLocalTime, TimeOfDay, Zone};

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
    #[serde(default, deserialize_with = "slot_values")]
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

/// As a table with two keys, so that a mistake in it can be told with its place.
fn slot_values<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Slot, BTreeMap<String, String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Slots {
        blue: Option<BTreeMap<String, String>>,
        green: Option<BTreeMap<String, String>>,
    }

    let Slots { blue, green } = Slots::deserialize(deserializer)?;
    let both = [(Slot::Blue, blue), (Slot::Green, green)];
    Ok(both
        .into_iter()
        .filter_map(|(slot, values)| Some((slot, values?)))
        .collect())
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
    /// The queues must be down to this many waiting jobs within the deadline of the phase. Left out:
    /// the queues are not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
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

#[cfg(test)]
mod tests;
