//! A gate on a number.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::build::{GateBuildError, GateParts};
use crate::analysis::OnMissing;
use crate::plan::{GateSpec, Level, MetricCheck};
use crate::{Fault, Gate, GateContext, Metrics, Op, Outcome, Share, Slot, Verdict};

/// Compares a number with limits. No data, or what is no number, is inconclusive, never a pass; a
/// name that the source does not know is its fault.
pub struct MetricGate {
    name: String,
    check: MetricCheck,
    timeout: Duration,
    metrics: Arc<dyn Metrics>,
}

impl MetricGate {
    /// The gate that a plan describes by a metric.
    ///
    /// # Errors
    /// When the spec has no metric, there is no source of metrics, or the limits allow everything or nothing.
    pub fn new(spec: &GateSpec, parts: &GateParts) -> Result<Self, GateBuildError> {
        let error = |problem: &str| Err(GateBuildError::new(&spec.name, problem));
        let Some(check) = &spec.metric else {
            return error("it has no `metric`");
        };
        let Some(metrics) = &parts.metrics else {
            return error(
                "it asks for a metric, but no source of metrics is given to the program that deploys",
            );
        };
        match (check.min, check.max) {
            (None, None) if check.warning.is_some() || check.critical.is_some() => {}
            (None, None) => return error("give it `max`, `min` or both: without a limit everything passes"),
            (Some(limit), _) | (_, Some(limit)) if limit.is_nan() => return error("a limit is no number"),
            (_, Some(limit)) if limit.is_nan() => return error("a limit is no number"),
            (Some(min), Some(max)) if min > max => return error("`min` is above `max`: nothing passes"),
            _ => {}
        }
        Ok(Self {
            name: spec.name.clone(),
            check: check.clone(),
            timeout: spec.timeout,
            metrics: Arc::clone(metrics),
        })
    }

    /// What is there, and what is missing is as the plan says.
    fn number(&self, value: Option<f64>, of: &str) -> Result<f64, Verdict> {
        value.filter(|value| !value.is_nan()).ok_or_else(|| {
            let evidence = format!("{}: no data{of}", self.check.name);
            match self.check.on_missing {
                OnMissing::Hold => Verdict::inconclusive(evidence),
                OnMissing::Rollback => Verdict::fail(evidence),
            }
        })
    }

    /// Against the levels: `live` is the number to compare with, where the plan asks for it.
    fn level(&self, value: f64, live: Option<f64>) -> Verdict {
        let check = &self.check;
        let name = &check.name;
        let measured = live.map_or(value, |live| value / live);
        let beyond = |level: Level, number: f64| {
            let limit = level.value();
            if check.below {
                number < limit
            } else {
                number > limit
            }
        };
        let word = if check.below { "below" } else { "above" };
        let told = |level: Level| match live {
            None => format!("{name} = {}", level.like(value)),
            Some(live) => format!(
                "{name} = {}, live's is {}, which is {}",
                Level::from(value),
                Level::from(live),
                level.like(measured)
            ),
        };
        if let (Some(_), Some(normal)) = (live, check.normal.filter(|normal| !beyond(*normal, value))) {
            return Verdict::pass(format!(
                "{name} = {}, not {word} what is normal ({normal})",
                normal.like(value)
            ));
        }
        let crossed = |level: Option<Level>| level.filter(|level| beyond(*level, measured));
        if let Some(level) = crossed(check.critical) {
            return Verdict::fail(format!("{}, {word} critical ({level})", told(level)));
        }
        if let Some(level) = crossed(check.warning) {
            return Verdict::inconclusive(format!("{}, {word} warning ({level})", told(level)));
        }
        let limit = check.warning.or(check.critical).unwrap_or(Level::from(0.0));
        match check
            .normal
            .filter(|normal| live.is_none() && beyond(*normal, value))
        {
            Some(normal) => Verdict::pass(format!(
                "{}, {word} normal ({normal}), not {word} {limit}",
                told(limit)
            )),
            None => Verdict::pass(format!("{}, not {word} {limit}", told(limit))),
        }
    }

    fn judge(&self, value: Option<f64>) -> Verdict {
        let name = &self.check.name;
        let value = match self.number(value, "") {
            Ok(value) => value,
            Err(missing) => return missing,
        };
        if let Some(max) = self.check.max.filter(|max| value > *max) {
            return Verdict::fail(format!("{name} = {value}, above {max}"));
        }
        if let Some(min) = self.check.min.filter(|min| value < *min) {
            return Verdict::fail(format!("{name} = {value}, below {min}"));
        }
        let max = self
            .check
            .max
            .map(|max| format!(", not above {max}"))
            .unwrap_or_default();
        let min = self
            .check
            .min
            .map(|min| format!(", not below {min}"))
            .unwrap_or_default();
        Verdict::pass(format!("{name} = {value}{max}{min}"))
    }
}

impl MetricGate {
    async fn read(&self, op: &Op, slot: Slot) -> Result<Option<f64>, Fault> {
        let limit = self.timeout.min(op.budget);
        let value = timeout(limit, self.metrics.read(op, &self.check.name, slot)).await;
        value.map_err(|_| {
            let message = format!("no answer from the source of metrics within {limit:?}");
            Fault::unavailable("metric", "read", message).on(self.check.name.as_str())
        })?
    }
}

impl fmt::Debug for MetricGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricGate")
            .field("name", &self.name)
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Gate for MetricGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let value = self.read(op, context.slot).await?;
        let limited = self.judge(value);
        let check = &self.check;
        let has_levels = check.warning.is_some() || check.critical.is_some();
        let value = match value {
            Some(value) if has_levels && limited.outcome == Outcome::Pass => value,
            _ => return Ok(limited),
        };
        if !check.of_live {
            return Ok(self.level(value, None));
        }
        let live = context.slot.other();
        if context.split.share(live) == Share::NONE {
            let name = &check.name;
            let evidence = format!(
                "{name} = {}; live has no traffic to compare with",
                Level::from(value)
            );
            return Ok(Verdict::pass(evidence));
        }
        let of_live = self.read(op, live).await?;
        // A multiple of nothing is no number.
        Ok(
            match self.number(of_live.filter(|of_live| *of_live > 0.0), " of live") {
                Ok(of_live) => self.level(value, Some(of_live)),
                Err(missing) => missing,
            },
        )
    }
}
