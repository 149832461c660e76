//! What to do: the declarative description of a service's deployments.
//!
//! A plan is read with [`Plan::from_toml`], [`Plan::from_json`] or [`Plan::from_value`], or put together
//! with [`Plan::builder`]; each checks it and tells everything that is wrong at once. The least plan is
//! the name of the service. A fuller one:
//!
//! ```
//! let plan = bluegreen_core::Plan::from_toml(r#"
//!     service = "shop"
//!     migrations = {}
//!
//!     [slots.blue]
//!     url = "http://127.0.0.1:8081"
//!     [slots.green]
//!     url = "http://127.0.0.1:8082"
//!
//!     [[health]]
//!     name = "api"
//!     http = [{ url = "{url}/health", json = { "/status" = "ok" } }]
//!
//!     [[guards]]
//!     name = "errors"
//!     metric = { name = "error_rate", max = 0.01 }
//!
//!     [[steps]]
//!     weight = "5%"
//!     bake = "5m"
//!     [[steps]]
//!     weight = "100%"
//!     approval = { expires = "2h" }
//!
//!     [[windows.freeze]]
//!     days = ["fri"]
//!     from = "15:00"
//!     zone = "Europe/Berlin"
//! "#)?;
//! println!("{}", plan.explain());
//! # Ok::<(), bluegreen_core::plan::PlanError>(())
//! ```
//!
//! # Placeholders
//! Commands and addresses may hold `{service}`, `{slot}`, `{other}` (the slot that it is not), `{version}`,
//! `{artifact}`, `{deployment}` and every name of `[slots.blue]` and `[slots.green]`; `{{` and `}}` are
//! braces. [`expand`] fills them in. [Scenarios](ScenarioSpec) have more of them.
//!
//! # Secrets
//! A plan is stored and shown, so a secret is named in it, `{ secret = "name" }`, and given to the
//! deployer. Headers such as `Authorization` and `Cookie`, variables such as `DB_PASSWORD` and `API_TOKEN`
//! and addresses with a password are refused when they are written out.
//!
//! # Defaults
//! What a plan does not say. `gate`, `http`, `hook`, `approval` and `window` stand for each of their kind.
//!
//! The analysis has a table of its own, [with its docs](crate::analysis#defaults); a threshold has the gate's.
//!
//! | name | default | why |
//! |---|---|---|
//! | `target` | `auto` | a release belongs into the idle slot; to name one is to risk naming the live one |
//! | `steps.weight` | `5%, 25%, 50%, 100%` | little traffic finds most faults; doubling after that keeps a cold candidate from being overrun |
//! | `steps.bake` | `2m, 2m, 2m, 2m` | twelve measurements a step at the default period, and eight minutes in all |
//! | `preflight.allow_unhealthy_live` | `false` | an unhealthy live slot makes every comparison worthless; a fix for an outage says so |
//! | `preflight.capacity` | `100%` | the candidate will carry everything that the live slot carries now |
//! | `approval.expires` | `1h` | long enough to be asked, short enough that the candidate does not get stale |
//! | `approval.default` | `abort` | silence is not a yes |
//! | `gate.initial_delay` | `0s` | a gate is asked when the host says that the slot is ready |
//! | `gate.period` | `10s` | often enough to stop a bad step early, seldom enough not to be load |
//! | `gate.timeout` | `5s` | what answers later is not healthy for its users either |
//! | `gate.success_threshold` | `1` | an answer that is good is good; slow starters ask for more |
//! | `gate.failure_threshold` | `3` | one lost packet is no failure |
//! | `gate.error_threshold` | `5` | a measurement may fail more often than what it measures |
//! | `http.method` | `GET` | a probe reads |
//! | `migrations.expand` | `before_prepare` | new code must not meet the old schema |
//! | `migrations.backfill` | `false` | it writes data: it is asked for |
//! | `workers.order` | `quiesce_first` | nothing runs twice |
//! | `soak.time` | `5m` | what breaks only under all traffic breaks soon |
//! | `retention.keep` | `1h` | most regrets come within the hour, and two slots cost twice |
//! | `retention.then` | `stop` | what is not needed is not paid for |
//! | `retention.drain` | `1m` | longer than almost every request |
//! | `retention.undrained` | `keep` | nobody's request is cut unless the plan says so |
//! | `hook.on_failure` | `fail` | a hook that may be ignored says so |
//! | `window.from` | `00:00` | the whole day |
//! | `window.to` | `24:00` | the whole day |
//! | `window.actions` | `deploy, retire, contract` | not shift: a deployment that has begun may finish |
//! | `rollback.both_unhealthy` | `return` | the old release is at least known |
//! | `notify` | `true` | people want to know; without notifiers it costs nothing |
//! | `deadlines.reconcile` | `1m` | reading, with some repetitions |
//! | `deadlines.preflight` | `2m` | reading, and some commands |
//! | `deadlines.stage` | `2m` | a change at the provider, with some repetitions; a router waits out a TTL beyond it |
//! | `deadlines.migrate` | `30m` | large tables take their time, and ending a migration is worse than waiting for it |
//! | `deadlines.prepare` | `15m` | an image is pulled and machines are started |
//! | `deadlines.warm_up` | `5m` | caches that take longer belong elsewhere |
//! | `deadlines.verify` | `10m` | some measurements in a row, and smoke tests |
//! | `deadlines.shift` | `2m` | one change on each router, with some repetitions |
//! | `deadlines.confirm` | `5m` | DNS of a low TTL, and load balancers that take minutes |
//! | `deadlines.hold` | `15m` | a source of metrics that is away for a while should not cost a deployment |
//! | `deadlines.workers` | `2m` | jobs that are claimed finish, or are given back |
//! | `deadlines.assess` | `5s` | a rollback must not wait for it |
//! | `deadlines.rollback` | `5m` | as long as a confirmation may take |
//! | `deadlines.drain` | `10m` | long requests and websockets end by themselves |
//! | `deadlines.retire` | `5m` | stopping machines |
//! | `deadlines.hooks` | `2m` | purging a cache, opening a ticket |
//! | `retry.first` | `500ms` | what is short is over by then |
//! | `retry.max` | `10s` | longer waits belong to the deadline |
//! | `retry.factor` | `2.0` | each wait gives the provider twice the rest |
//! | `retry.attempts` | `8` | about half a minute in all: longer than a restart, shorter than a deadline |
//! | `lease.ttl` | `30s` | how long a crash holds everything up |
//! | `lease.poll` | `1s` | how long an abort may go unnoticed |
//! | `lease.call` | `20s` | it fits into the lease, with time to notice and renew |

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::AnalysisSpec;
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
mod json;
mod load;
pub(crate) mod nearest;
#[cfg(feature = "http")]
pub(crate) mod pattern;
pub(crate) mod percent;
mod problem;
mod scenario;
mod source;
mod tables;
mod template;
mod text;
mod threshold;
mod window;
mod zone;

pub use builder::PlanBuilder;
pub use deadlines::{Deadlines, LeasePlan};
pub use gate::{GateSpec, HeaderValue, HttpCheck, MetricCheck};
pub use hook::{Hook, HookFailure, HookMoment, HookPoint, InvalidHookPoint};
pub use problem::{PlanError, Problem};
pub use scenario::{Redirects, ScenarioSpec, ScenarioStep, Take};
pub use source::{CommandSource, SourceSpec};
pub use template::{TemplateError, expand, placeholders};
pub use threshold::{Level, Threshold, Thresholds};
pub use window::{Action, Weekday, Window, Windows};
pub use zone::{Boundary, InvalidLocalTime, TimeOfDay, Zone};

/// The declarative description of a service's deployments; the [module's docs](self) have the table of
/// defaults. Deserialising one does not check it, which is for records: plans that people write are read
/// with [`from_toml`](Self::from_toml) and its like.
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
    /// Where numbers about the slots come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSpec>,
    /// What is watched wherever the candidate has traffic: bakes, approvals, soak.
    #[serde(default)]
    pub guards: Vec<GateSpec>,
    /// Numbers of the candidate with what is normal, a warning and critical, by the names of their metrics; watched
    /// like the guards.
    #[serde(default, skip_serializing_if = "Thresholds::is_empty")]
    pub thresholds: Thresholds,
    /// How candidate and live are compared while both have traffic. Left out: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisSpec>,
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
    /// How long requests in flight are waited for before the slot is stopped, where a router cannot
    /// count them. One that can and does not answer is asked until the deadline of the drain.
    #[serde(with = "humane")]
    pub drain: Duration,
    /// What is done when requests are still in flight, or may be, after the deadline of the drain.
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

/// What is done when requests are still in flight, or may be, after the deadline of the drain.
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
