//! What is compared, and how.

use std::path::Path;
use std::time::Duration;

use bluegreen_core::analysis::{AnalysisSpec, ErrorsSpec, LatencySpec, MetricSpec};
use bluegreen_core::plan::Plan as ServicePlan;
use bluegreen_core::plan::humane;
use serde::Deserialize;

use crate::Failure;

/// The plan of a replay.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Plan {
    #[serde(with = "humane")]
    pub(crate) bake: Duration,
    pub(crate) cumulative: bool,
    pub(crate) analysis: AnalysisSpec,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            bake: Duration::from_mins(10),
            cumulative: false,
            analysis: AnalysisSpec::default(),
        }
    }
}

impl Plan {
    /// The plan of a file, or the defaults. `apart` is the time from one row to the next.
    pub(crate) fn read(
        path: Option<&Path>,
        latencies: bool,
        apart: Option<Duration>,
    ) -> Result<Self, Failure> {
        let mut plan = match path {
            Some(path) => {
                let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
                Self::of_file(&text).map_err(|error| told(&error))?
            }
            None => Self::default(),
        };
        if let (None, Some(apart)) = (path, apart) {
            plan.analysis.tick = plan.analysis.tick.max(apart);
        }
        if plan.analysis.metrics.is_empty() {
            plan.analysis
                .metrics
                .push(MetricSpec::errors("errors", ErrorsSpec::default()));
            if latencies {
                plan.analysis
                    .metrics
                    .push(MetricSpec::latency("latency", LatencySpec::default()));
            }
        }
        plan.analysis.check("analysis")?;
        Ok(plan)
    }

    /// A plan of a replay; or that of a service, alone or in the file of a program, of which the first step is replayed.
    fn of_file(text: &str) -> Result<Self, Failure> {
        let mut table: toml::Table = toml::from_str(text)?;
        if let Some(toml::Value::Table(of_service)) = table.remove("plan") {
            table = of_service;
        } else if !table.contains_key("service") {
            return Ok(toml::from_str(text)?);
        }
        let plan = ServicePlan::from_value(serde_json::to_value(table)?)?;
        let analysis = plan.analysis.ok_or("the plan has no [analysis]")?;
        let bake = plan.steps.first().map_or(Self::default().bake, |step| step.bake);
        Ok(Self {
            bake,
            analysis,
            ..Self::default()
        })
    }
}
