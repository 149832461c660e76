//! What is checked before anything is touched: everything side by side, all failures shown together.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;

use super::watch::{Asking, EVIDENCE_BYTES, Watchers};
use super::{DeployError, Parts};
use crate::gate::{self, GateParts};
use crate::lifecycle::{CheckResult, Event, Lifecycle, Run, Signed};
use crate::plan::{Action, GateSpec, humane};
use crate::text::bounded;
use crate::{FaultKind, Op, Operation, Outcome, Phase, ReadyState, Slot, Split, Token, Verdict};

type Check<'a> = Pin<Box<dyn Future<Output = (&'static str, Slot, Verdict)> + Send + 'a>>;

impl Parts {
    /// All checks of an operation that has just begun, without beginning it.
    pub(super) async fn check(&self, begun: Lifecycle) -> Result<Vec<CheckResult>, DeployError> {
        let Some(run) = begun.run() else {
            return Ok(Vec::new());
        };
        let op = Op::new(Token::default(), "check", run.plan.lease.call);
        let target = run.target;
        let failed = |evidence: String| {
            Ok(vec![CheckResult {
                name: "live slot".to_owned(),
                slot: target,
                outcome: Outcome::Fail,
                evidence,
            }])
        };
        let event = match self.reconcile(&op).await? {
            event @ Event::Reconciled { .. } => event,
            Event::Deferred { reason, .. } | Event::Failed { reason } => return failed(reason),
            _ => return failed("the routers could not be read".to_owned()),
        };
        let lifecycle = begun.apply(self.clock.now(), &event);
        match lifecycle.run() {
            Some(run) if run.phase == Phase::Preflight => Ok(self.preflight(&lifecycle, run, &op).await),
            Some(run) => failed(run.reason.clone().unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }

    /// All checks of the phase.
    pub(super) async fn preflight(&self, lifecycle: &Lifecycle, run: &Run, op: &Op) -> Vec<CheckResult> {
        let asking = Asking {
            parts: self,
            slots: lifecycle.slots(),
            run,
            op,
        };
        let gate_parts = self.gate_parts(run);
        let mut checks: Vec<Check<'_>> = vec![
            Box::pin(self.routers_hold(run, op)),
            Box::pin(async { self.window(run) }),
        ];
        match run.operation {
            Operation::Deploy => {
                checks.push(Box::pin(async { self.splits(run) }));
                checks.push(Box::pin(async { self.parts_for(run, &gate_parts) }));
                checks.push(Box::pin(async { self.standby(lifecycle, run) }));
                checks.push(Box::pin(self.live_health(asking, &gate_parts)));
                checks.push(Box::pin(self.live_capacity(run, op)));
                checks.push(Box::pin(self.metric_names(run, op, &gate_parts)));
            }
            Operation::Retire => checks.push(Box::pin(async { self.standby(lifecycle, run) })),
            Operation::Contract => checks.push(Box::pin(async { self.contractable(lifecycle, run) })),
            Operation::Rollback | Operation::Adopt => {}
        }
        let built_in = async {
            let answers = join_all(checks).await;
            answers
                .into_iter()
                .map(|(name, slot, verdict)| result(name, slot, verdict))
                .collect::<Vec<_>>()
        };
        let own = async {
            if run.operation != Operation::Deploy {
                return Vec::new();
            }
            let mut watchers = Watchers::default();
            watchers.sync(run, &gate_parts, None, None, self.clock.monotonic());
            watchers.until_decided(asking, run.plan.deadlines.preflight).await
        };
        let foresight = async {
            match run.operation {
                Operation::Deploy => self.foresee(run, op).await,
                _ => Vec::new(),
            }
        };
        let migrations = self.migrations(lifecycle, run, op);
        let (mut results, own, foreseen, migrations) =
            futures_util::join!(built_in, own, foresight, migrations);
        results.extend(migrations);
        results.extend(own);
        results.extend(foreseen);
        results
    }

    async fn routers_hold(&self, run: &Run, op: &Op) -> (&'static str, Slot, Verdict) {
        let held = self.split_held(op, Split::all(run.origin), run.origin).await;
        (
            "routers",
            run.origin,
            Verdict {
                outcome: held.outcome,
                evidence: held.evidence,
            },
        )
    }

    fn window(&self, run: &Run) -> (&'static str, Slot, Verdict) {
        let action = match run.operation {
            Operation::Retire => Action::Retire,
            Operation::Contract => Action::Contract,
            Operation::Deploy | Operation::Rollback | Operation::Adopt => Action::Deploy,
        };
        let verdict = match (
            run.plan.windows.permits(action, self.clock.now()),
            &run.overrides.window,
        ) {
            (Ok(()), _) => Verdict::pass("open"),
            (Err(why), Some(by)) => {
                Verdict::pass(format!("closed ({why}), but {} said: {}", by.by, by.reason))
            }
            (Err(why), None) => Verdict::fail(why),
        };
        ("window", run.target, verdict)
    }

    fn splits(&self, run: &Run) -> (&'static str, Slot, Verdict) {
        let cannot: Vec<_> = self
            .routers
            .iter()
            .flat_map(|router| {
                let capabilities = router.capabilities();
                run.plan
                    .steps
                    .iter()
                    .filter(move |step| !capabilities.can_hold(Split::with(run.target, step.weight)))
                    .map(move |step| format!("{} cannot hold {}", router.name(), step.weight))
            })
            .collect();
        let verdict = if cannot.is_empty() {
            let costs: Vec<_> = self
                .routers
                .iter()
                .filter_map(|router| {
                    let cost = router.capabilities().cost;
                    (!cost.is_empty()).then(|| format!("; {}: {cost}", router.name()))
                })
                .collect();
            Verdict::pass(format!(
                "every step can be held by every router{}",
                costs.concat()
            ))
        } else {
            let instead: BTreeSet<_> = self
                .routers
                .iter()
                .map(|router| router.capabilities().instead)
                .filter(|instead| !instead.is_empty())
                .map(|instead| format!(". {instead}"))
                .collect();
            Verdict::fail(format!(
                "{}: choose steps that every router can hold{}",
                cannot.join("; "),
                instead.into_iter().collect::<String>()
            ))
        };
        ("split", run.target, verdict)
    }

    /// Everything that the plan names is there.
    fn parts_for(&self, run: &Run, gate_parts: &GateParts) -> (&'static str, Slot, Verdict) {
        let plan = &run.plan;
        let mut missing = Vec::new();
        if plan.migrations.is_some() && self.migrator.is_none() {
            missing.push("the plan has migrations, but there is no migrator".to_owned());
        }
        if plan.workers.is_some() && self.workers.is_none() {
            missing.push("the plan moves workers, but there are none".to_owned());
        }
        for hook in plan.hooks.iter().filter(|hook| hook.command.is_none()) {
            if !self.hooks.contains_key(&hook.name) {
                missing.push(format!("hook {} has no command and no code", hook.name));
            }
        }
        if let Err(error) = self.sources(run) {
            missing.push(error.to_string());
        }
        for spec in all_gates(run) {
            if let Err(error) = gate::build(spec, gate_parts) {
                missing.push(format!("gate {}: {error}", spec.name));
            }
        }
        let verdict = if missing.is_empty() {
            Verdict::pass("everything that the plan names is there")
        } else {
            Verdict::fail(missing.join("; "))
        };
        ("parts", run.target, verdict)
    }

    fn standby(&self, lifecycle: &Lifecycle, run: &Run) -> (&'static str, Slot, Verdict) {
        let now = self.clock.now();
        let state = lifecycle.slots().get(run.target);
        let release = state.release.as_ref().map_or_else(
            || "its release".to_owned(),
            |release| format!("release {release}"),
        );
        let verdict = match (lifecycle.kept_standby(now), &run.overrides.give_up_standby) {
            (Some(slot), None) if slot == run.target => {
                let until = state.retained_until.unwrap_or(now);
                Verdict::fail(format!(
                    "{slot} is kept for a rollback to {release} for another {}: wait, or give that way back up by name",
                    humane::format(Duration::from_secs(until.since(now).as_secs()))
                ))
            }
            (Some(slot), Some(by)) if slot == run.target => Verdict::pass(format!(
                "the way back to {release} in {slot} is given up by {}: {}",
                by.by, by.reason
            )),
            _ => Verdict::pass("no slot is kept for a rollback"),
        };
        ("standby", run.target, verdict)
    }

    fn contractable(&self, lifecycle: &Lifecycle, run: &Run) -> (&'static str, Slot, Verdict) {
        let verdict = if self.migrator.is_none() {
            Verdict::fail("there is no migrator")
        } else if let Some(slot) = lifecycle.slots().standby() {
            Verdict::fail(format!("{slot} is kept as standby and may get traffic again"))
        } else {
            Verdict::pass("no slot but the live one has or may get traffic")
        };
        ("contract", run.target, verdict)
    }

    async fn live_health(&self, asking: Asking<'_>, gate_parts: &GateParts) -> (&'static str, Slot, Verdict) {
        let name = "live slot";
        let run = asking.run;
        let mut of_live = run.clone();
        of_live.phase = Phase::Verify;
        of_live.target = run.origin;
        of_live.overrides.skip_smoke = Some(Signed::clone(&run.by));
        let mut watchers = Watchers::default();
        watchers.sync(&of_live, gate_parts, None, None, self.clock.monotonic());
        let asking = Asking {
            run: &of_live,
            ..asking
        };
        let results = watchers
            .until_decided(asking, run.plan.deadlines.preflight / 2)
            .await;
        let bad: Vec<_> = results
            .iter()
            .filter(|result| result.outcome != Outcome::Pass)
            .map(|result| format!("{}: {}", result.name, result.evidence))
            .collect();
        let verdict = if results.is_empty() {
            Verdict::pass("the plan has no health gates to ask")
        } else if bad.is_empty() {
            Verdict::pass(format!("healthy by {} gates", results.len()))
        } else if run.plan.preflight.allow_unhealthy_live {
            Verdict::pass(format!("not healthy ({}), which the plan allows", bad.join("; ")))
        } else {
            Verdict::fail(format!(
                "not healthy ({}): mend it, or allow it with preflight.allow_unhealthy_live to release a fix",
                bad.join("; ")
            ))
        };
        (name, run.origin, verdict)
    }

    async fn live_capacity(&self, run: &Run, op: &Op) -> (&'static str, Slot, Verdict) {
        let verdict = match self
            .bounded(op.budget, "readiness", self.host.readiness(op, run.origin))
            .await
        {
            Ok(seen) => match seen.instances {
                Some(count) => Verdict::pass(format!(
                    "{count} instances live; the candidate needs {} of that",
                    run.plan.preflight.capacity
                )),
                None => Verdict::pass("the host does not count instances"),
            },
            Err(fault) if fault.kind == FaultKind::Rejected => Verdict::fail(fault.to_string()),
            Err(fault) => Verdict::inconclusive(fault.to_string()),
        };
        ("capacity", run.origin, verdict)
    }

    /// Whether the candidate has as many instances as the plan asks for.
    pub(super) async fn capacity(&self, run: &Run, op: &Op) -> CheckResult {
        let (ours, live) = futures_util::join!(
            self.bounded(op.budget, "readiness", self.host.readiness(op, run.target)),
            self.bounded(op.budget, "readiness", self.host.readiness(op, run.origin)),
        );
        let verdict = match (ours, live) {
            (Ok(ours), _) if ours.state != ReadyState::Ready => {
                Verdict::fail(format!("{} is not ready: {}", run.target, ours.evidence))
            }
            (Ok(ours), Ok(live)) => match (ours.instances, live.instances) {
                (Some(ours), Some(live)) => {
                    let needed = u64::from(live) * u64::from(run.plan.preflight.capacity.basis_points());
                    let text = format!(
                        "{ours} instances, live has {live}, {} of that are needed",
                        run.plan.preflight.capacity
                    );
                    if u64::from(ours) * 10_000 >= needed {
                        Verdict::pass(text)
                    } else {
                        Verdict::fail(text)
                    }
                }
                _ => Verdict::pass("ready; the host does not count instances"),
            },
            (Err(fault), _) | (_, Err(fault)) => Verdict::inconclusive(fault.to_string()),
        };
        result("capacity", run.target, verdict)
    }

    /// A misnamed metric is found before anything is touched.
    async fn metric_names(&self, run: &Run, op: &Op, parts: &GateParts) -> (&'static str, Slot, Verdict) {
        let name = "metrics";
        let asked: BTreeSet<_> = all_gates(run)
            .filter_map(|spec| spec.metric.as_ref())
            .map(|metric| metric.name.clone())
            .collect();
        let verdict = match &parts.metrics {
            _ if asked.is_empty() => Verdict::pass("no gate asks for a metric"),
            None => Verdict::fail("gates ask for metrics, but there is no source of metrics"),
            Some(metrics) => {
                let mut unknown = Vec::new();
                for metric in &asked {
                    let answer = self
                        .bounded(op.budget, "read", metrics.read(op, metric, run.origin))
                        .await;
                    match answer {
                        Ok(Some(_)) => {}
                        Ok(None) => {
                            unknown.push(format!("{metric}: live has no data of it; is it misnamed?"));
                        }
                        Err(fault) => unknown.push(fault.to_string()),
                    }
                }
                if unknown.is_empty() {
                    Verdict::pass(format!("{} metrics can be read", asked.len()))
                } else {
                    Verdict::fail(unknown.join("; "))
                }
            }
        };
        (name, run.origin, verdict)
    }
}

fn all_gates(run: &Run) -> impl Iterator<Item = &GateSpec> {
    let plan = &*run.plan;
    plan.preflight
        .checks
        .iter()
        .chain(&plan.health)
        .chain(&plan.smoke)
        .chain(&plan.guards)
        .chain(plan.thresholds.gates())
        .chain(&plan.public)
        .chain(plan.steps.iter().flat_map(|step| &step.gates))
}

pub(super) fn result(name: &str, slot: Slot, verdict: Verdict) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        slot,
        outcome: verdict.outcome,
        evidence: bounded(verdict.evidence, EVIDENCE_BYTES),
    }
}
