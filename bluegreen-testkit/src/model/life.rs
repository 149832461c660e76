//! The real lifecycle, stepped once for each thing that can happen to it and then remembered.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bluegreen_core::lifecycle::{Begin, CheckResult, Command, FrozenPlan, Lifecycle, Overrides, Run};
use bluegreen_core::plan::{GateSpec, PlanError, Step};
use bluegreen_core::{
    Event, Health, Operation, Outcome, Plan, Release, RetryPolicy, ServiceName, Share, Signed, Slot, Split,
    Timestamp, Verification, Version,
};

use super::Config;

/// The most routers of a model.
pub(super) const ROUTERS: usize = 3;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// After every retention.
const LATER: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const BAKE: Duration = Duration::from_mins(1);
const SETTLE_MS: u64 = 45_000;

/// What can happen to an operation, without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Happening {
    TakenOver,
    Reconciled([Split; ROUTERS]),
    Checked(bool),
    Watched(Outcome),
    Done,
    Verified(bool),
    Assessed(Health, Health),
    Deferred,
    Unknown,
    Failed,
    Expired,
    Waited,
    Interrupted,
    Approved,
    Abort,
    Return,
    Resolved(Slot),
}

/// A lifecycle that was reached. Two that differ in texts for people alone are one.
#[derive(Clone)]
pub(super) struct Life(Arc<Known>);

struct Known {
    id: u32,
    lifecycle: Lifecycle,
    command: Command,
}

impl Life {
    pub(super) fn run(&self) -> Option<&Run> {
        self.0.lifecycle.run()
    }

    pub(super) fn open(&self) -> Option<&Run> {
        self.0.lifecycle.open()
    }

    pub(super) fn command(&self) -> &Command {
        &self.0.command
    }

    pub(super) fn lifecycle(&self) -> &Lifecycle {
        &self.0.lifecycle
    }

    /// Whether nothing is left to do before an operator has said what.
    pub(super) fn asks(&self) -> bool {
        *self.command() == Command::AskOperator
    }
}

impl PartialEq for Life {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Life {}

impl Hash for Life {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(run) = self.run() else {
            return f.write_str("nothing");
        };
        write!(f, "{} {}", run.operation, run.phase)?;
        if run.phase.belongs_to_a_step() {
            write!(f, " {}", run.step + 1)?;
        }
        if run.attempt > 0 {
            write!(f, ", tries {}", run.attempt)?;
        }
        if run.pause.is_some() {
            f.write_str(", settles")?;
        }
        if run.abort.is_some() {
            f.write_str(", abort noted")?;
        }
        match run.end {
            Some(end) => write!(f, ": {end:?}"),
            None => Ok(()),
        }
    }
}

/// Every lifecycle that was reached, and what follows from what.
#[derive(Debug)]
pub(super) struct Book {
    plan: FrozenPlan,
    settle_ms: u64,
    routers: usize,
    give_up_standby: bool,
    known: RwLock<HashMap<String, Life>>,
    follows: RwLock<HashMap<(Life, Happening, bool), Life>>,
}

impl Book {
    pub(super) fn new(config: &Config, settles: bool) -> Result<Self, super::ModelError> {
        Ok(Self {
            plan: FrozenPlan::new(plan(config)?)?,
            settle_ms: if settles { SETTLE_MS } else { 0 },
            routers: config.routers,
            give_up_standby: config.give_up_standby,
            known: RwLock::default(),
            follows: RwLock::default(),
        })
    }

    /// A service of which nothing is known yet.
    pub(super) fn nothing(&self) -> Life {
        self.intern(Lifecycle::default())
    }

    pub(super) fn begin(&self, life: &Life, operation: Operation, later: bool) -> Option<Life> {
        let by = Signed::new("model", "it checks");
        let overrides = Overrides {
            give_up_standby: self.give_up_standby.then(|| by.clone()),
            ..Overrides::default()
        };
        let version = if life.run().is_some() { "3" } else { "2" };
        let release = match operation {
            Operation::Deploy => Some(Release::new(Version::new(version).ok()?)),
            _ => None,
        };
        let begin = Begin {
            operation,
            release,
            plan: Some(self.plan.clone()),
            by,
            overrides,
        };
        Some(self.intern(life.lifecycle().begin(time(later), begin).ok()?))
    }

    /// What follows, by the real lifecycle.
    pub(super) fn after(&self, life: &Life, happening: Happening, later: bool) -> Life {
        let key = (life.clone(), happening, later);
        let known = self.follows.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(after) = known.get(&key) {
            return after.clone();
        }
        drop(known);
        let lifecycle = life.lifecycle().clone();
        let after = match life.run() {
            Some(run) => {
                let event = self.event(run, happening);
                self.intern(lifecycle.apply(time(later), &event))
            }
            None => life.clone(),
        };
        let mut follows = self.follows.write().unwrap_or_else(PoisonError::into_inner);
        follows.entry(key).or_insert(after).clone()
    }

    fn intern(&self, lifecycle: Lifecycle) -> Life {
        let key = key(&lifecycle);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let id = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let command = lifecycle.command();
        known
            .entry(key)
            .or_insert_with(|| {
                Life(Arc::new(Known {
                    id,
                    lifecycle,
                    command,
                }))
            })
            .clone()
    }

    fn event(&self, run: &Run, happening: Happening) -> Event {
        let why = String::new;
        let by = || Signed::new("operator", "asked");
        let settle_ms = self.settle_ms;
        let names = || (0..self.routers).map(|router| format!("router {router}"));
        match happening {
            Happening::TakenOver => Event::Claimed {
                holder: why(),
                epoch: 0,
                takeover: true,
                settle_ms,
            },
            Happening::Reconciled(splits) => Event::Reconciled {
                routers: names().zip(splits).collect(),
            },
            Happening::Checked(pass) => Event::Checked {
                results: results(run, if pass { Outcome::Pass } else { Outcome::Fail }),
            },
            Happening::Watched(outcome) => Event::Watched {
                watched_ms: 60_000,
                results: results(run, outcome),
            },
            Happening::Done => Event::Done { evidence: why() },
            Happening::Verified(live) => {
                let answer = if live {
                    Verification::Live { evidence: why() }
                } else {
                    Verification::NotYet { why: why() }
                };
                Event::Verified {
                    routers: names().map(|name| (name, answer.clone())).collect(),
                    settle_ms,
                }
            }
            Happening::Assessed(origin, target) => Event::Assessed {
                origin,
                target,
                evidence: why(),
            },
            Happening::Deferred => Event::Deferred {
                reason: why(),
                retry_after_ms: None,
            },
            Happening::Unknown => Event::Unknown {
                reason: why(),
                settle_ms,
            },
            Happening::Failed => Event::Failed { reason: why() },
            Happening::Expired => Event::Expired,
            Happening::Waited => Event::Waited,
            Happening::Interrupted => Event::Interrupted,
            Happening::Approved => Event::Approved {
                by: why(),
                step: run.step + 1,
            },
            Happening::Abort => Event::AbortRequested { by: by() },
            Happening::Return => Event::ReturnRequested { by: by() },
            Happening::Resolved(live) => Event::Resolved { by: by(), live },
        }
    }
}

fn time(later: bool) -> Timestamp {
    if later { LATER } else { NOW }
}

fn results(run: &Run, outcome: Outcome) -> Vec<CheckResult> {
    let built_in = ("routers".to_owned(), run.target);
    run.gates()
        .into_iter()
        .map(|gate| (gate.to_string(), gate.slot))
        .chain([built_in])
        .map(|(name, slot)| CheckResult {
            name,
            slot,
            outcome,
            evidence: String::new(),
        })
        .collect()
}

/// All of the record that decides: everything but texts for people, the plan, which is always the
/// same, and times, which are constant. How long was watched counts up to what is asked for.
fn key(lifecycle: &Lifecycle) -> String {
    let mut value = serde_json::to_value(lifecycle).unwrap_or_default();
    if let Some(run) = value.get_mut("run").and_then(serde_json::Value::as_object_mut) {
        for name in ["plan", "reason", "waiting_for", "unverified", "since", "ended"] {
            run.remove(name);
        }
        if let Some(of) = lifecycle.run() {
            let enough = of.watch_time().as_millis();
            let watched = u128::from(of.watched_ms) >= enough;
            run.insert("watched_ms".to_owned(), watched.into());
        }
    }
    value.to_string()
}

fn plan(config: &Config) -> Result<Plan, super::ModelError> {
    let count = u16::try_from(config.steps.clamp(1, 4)).unwrap_or(1);
    let mut plan = Plan::builder(ServiceName::new("model")?)
        .health(GateSpec::code("up"))
        .guard(GateSpec::code("errors"))
        .soak(BAKE)
        .notify(false)
        .retry(RetryPolicy {
            attempts: config.attempts,
            ..RetryPolicy::default()
        });
    for number in 1..=count {
        let weight = Share::from_basis_points(10_000 / count * number)?;
        let last = number == count;
        let mut step = Step::new(if last { Share::ALL } else { weight }, BAKE);
        if last && config.approval {
            step = step.approval(bluegreen_core::plan::ApprovalPlan::default());
        }
        plan = plan.step(step);
    }
    plan.build().map_err(|error: PlanError| error.into())
}
