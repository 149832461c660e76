//! A gate on a number.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::build::{GateBuildError, GateParts};
use crate::plan::{GateSpec, MetricCheck};
use crate::{Fault, Gate, GateContext, Metrics, Op, Verdict};

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

    fn judge(&self, value: Option<f64>) -> Verdict {
        let name = &self.check.name;
        let Some(value) = value.filter(|value| !value.is_nan()) else {
            return Verdict::inconclusive(format!("{name}: no data"));
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
        let limit = self.timeout.min(op.budget);
        let value = timeout(limit, self.metrics.read(op, &self.check.name, context.slot)).await;
        let value = value.map_err(|_| {
            let message = format!("no answer from the source of metrics within {limit:?}");
            Fault::unavailable("metric", "read", message).on(self.check.name.as_str())
        })?;
        value.map(|value| self.judge(value))
    }
}
