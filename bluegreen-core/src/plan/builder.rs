//! Plans in code.

use super::{
    BothUnhealthy, Deadlines, GateSpec, Hook, LeasePlan, Migrations, Plan, PlanError, Preflight, Retention,
    RollbackPlan, Soak, SourceSpec, Step, Target, Threshold, Window, Windows, WorkersPlan,
};
use crate::analysis::AnalysisSpec;
use crate::command::CommandSpec;
use crate::retry::RetryPolicy;
use crate::{ServiceName, Slot};

/// Puts a plan together; what is not said has its default.
///
/// ```
/// use std::time::Duration;
/// use bluegreen_core::plan::{GateSpec, HttpCheck, Step};
/// use bluegreen_core::{Plan, ServiceName, Share, Slot};
///
/// let plan = Plan::builder(ServiceName::new("shop")?)
///     .slot_value(Slot::Blue, "url", "http://127.0.0.1:8081")
///     .slot_value(Slot::Green, "url", "http://127.0.0.1:8082")
///     .health(GateSpec::http("api", [HttpCheck::get("{url}/health")]))
///     .step(Step::new(Share::from_percent(10)?, Duration::from_secs(300)))
///     .step(Step::new(Share::ALL, Duration::ZERO))
///     .build()?;
/// assert_eq!(plan.steps.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct PlanBuilder {
    plan: Plan,
    default_steps: bool,
}

impl Plan {
    /// Begins a plan for a service.
    pub fn builder(service: ServiceName) -> PlanBuilder {
        PlanBuilder {
            plan: Self::with_defaults(service),
            default_steps: true,
        }
    }
}

impl PlanBuilder {
    /// The plan, if nothing is wrong with it.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn build(self) -> Result<Plan, PlanError> {
        let mut problems = self.plan.problems();
        problems.sort_by(|one, other| one.path.cmp(&other.path));
        if problems.is_empty() {
            Ok(self.plan)
        } else {
            Err(PlanError { problems })
        }
    }

    /// Where releases go.
    pub const fn target(mut self, target: Target) -> Self {
        self.plan.target = target;
        self
    }

    /// The value of a placeholder in a slot. Give it in both.
    pub fn slot_value(mut self, slot: Slot, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan
            .slots
            .entry(slot)
            .or_default()
            .insert(name.into(), value.into());
        self
    }

    /// One more step. The first one takes the place of the default steps.
    pub fn step(mut self, step: Step) -> Self {
        if std::mem::take(&mut self.default_steps) {
            self.plan.steps.clear();
        }
        self.plan.steps.push(step);
        self
    }

    /// All steps.
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.default_steps = false;
        self.plan.steps = steps.into_iter().collect();
        self
    }

    /// One more window in which actions are allowed.
    pub fn allow(mut self, window: Window) -> Self {
        self.plan.windows.allow.push(window);
        self
    }

    /// One more window in which actions are not allowed.
    pub fn freeze(mut self, window: Window) -> Self {
        self.plan.windows.freeze.push(window);
        self
    }

    /// All windows.
    pub fn windows(mut self, windows: Windows) -> Self {
        self.plan.windows = windows;
        self
    }

    /// What is checked before anything is touched.
    pub fn preflight(mut self, preflight: Preflight) -> Self {
        self.plan.preflight = preflight;
        self
    }

    /// One more gate that says that a slot is healthy.
    pub fn health(mut self, gate: GateSpec) -> Self {
        self.plan.health.push(gate);
        self
    }

    /// One more smoke test.
    pub fn smoke(mut self, gate: GateSpec) -> Self {
        self.plan.smoke.push(gate);
        self
    }

    /// One more guard: watched wherever the candidate has traffic.
    pub fn guard(mut self, gate: GateSpec) -> Self {
        self.plan.guards.push(gate);
        self
    }

    /// One more source of metrics.
    pub fn source(mut self, source: SourceSpec) -> Self {
        self.plan.sources.push(source);
        self
    }

    /// One more threshold, by the name of its metric.
    pub fn threshold(mut self, name: impl Into<String>, threshold: Threshold) -> Self {
        self.plan.thresholds.insert(name.into(), threshold);
        self
    }

    /// How candidate and live are compared while both have traffic.
    pub fn analysis(mut self, analysis: AnalysisSpec) -> Self {
        self.plan.analysis = Some(analysis);
        self
    }

    /// One more gate that asks the public address.
    pub fn public(mut self, gate: GateSpec) -> Self {
        self.plan.public.push(gate);
        self
    }

    /// That migrations run, and when.
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.plan.migrations = Some(migrations);
        self
    }

    /// One more command that fills caches in the candidate.
    pub fn warm_up(mut self, command: CommandSpec) -> Self {
        self.plan.warm_up.push(command);
        self
    }

    /// That workers move, and how.
    pub fn workers(mut self, workers: WorkersPlan) -> Self {
        self.plan.workers = Some(workers);
        self
    }

    /// The watched time after cutover.
    pub const fn soak(mut self, time: std::time::Duration) -> Self {
        self.plan.soak = Soak { time };
        self
    }

    /// How long the old slot is kept, and what becomes of it then.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.plan.retention = retention;
        self
    }

    /// One more hook.
    pub fn hook(mut self, hook: Hook) -> Self {
        self.plan.hooks.push(hook);
        self
    }

    /// What a rollback does when neither slot is healthy.
    pub const fn both_unhealthy(mut self, both_unhealthy: BothUnhealthy) -> Self {
        self.plan.rollback = RollbackPlan { both_unhealthy };
        self
    }

    /// Whether the notifiers are told.
    pub const fn notify(mut self, notify: bool) -> Self {
        self.plan.notify = notify;
        self
    }

    /// How long each phase may take.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.plan.deadlines = deadlines;
        self
    }

    /// How calls that failed without effect are repeated.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.plan.retry = retry;
        self
    }

    /// How the right to act is held.
    pub fn lease(mut self, lease: LeasePlan) -> Self {
        self.plan.lease = lease;
        self
    }
}
