//! From what a plan says to a gate that can be asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{CommandGate, MetricGate};
use crate::command::{CommandContext, ExpandError};
use crate::plan::GateSpec;
use crate::{Gate, GateContext, Metrics, Slot};

/// What gates are built from, beside what the plan says of them.
#[derive(Clone)]
#[non_exhaustive]
pub struct GateParts {
    /// The service, the plan's variables for each slot, and the secrets.
    pub context: CommandContext,
    /// Where metric gates get their numbers.
    pub metrics: Option<Arc<dyn Metrics>>,
    /// The gates that the embedding program registers, by name, for specs that say `code = true`.
    pub custom: BTreeMap<String, Arc<dyn Gate>>,
    /// The client of HTTP gates. Left out, one of their own is made: no proxy, no redirects, a new
    /// connection for each request. Give another to follow redirects or to trust a private authority.
    #[cfg(feature = "http")]
    pub http: Option<reqwest::Client>,
    /// The one that is made where none is given: making one reads all trusted authorities.
    #[cfg(feature = "http")]
    pub(super) own_http: Arc<std::sync::OnceLock<reqwest::Client>>,
}

impl GateParts {
    /// With what all gates need, and nothing for metrics and code.
    #[must_use]
    pub fn new(context: CommandContext) -> Self {
        Self {
            context,
            metrics: None,
            custom: BTreeMap::new(),
            #[cfg(feature = "http")]
            http: None,
            #[cfg(feature = "http")]
            own_http: Arc::default(),
        }
    }

    /// With a source of metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<dyn Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// With a gate of the embedding program.
    #[must_use]
    pub fn custom(mut self, gate: Arc<dyn Gate>) -> Self {
        self.custom.insert(gate.name().to_owned(), gate);
        self
    }

    /// With another client for HTTP gates.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }
}

impl fmt::Debug for GateParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateParts")
            .field("context", &self.context)
            .field("metrics", &self.metrics)
            .field("custom", &self.custom.keys())
            .finish_non_exhaustive()
    }
}

/// Why a gate cannot be built. All of it is told before anything is touched.
#[derive(Debug, thiserror::Error)]
#[error("the gate {gate:?} cannot be built: {problem}")]
pub struct GateBuildError {
    /// The gate's name.
    pub gate: String,
    /// What is wrong with it and what to do.
    pub problem: String,
}

impl GateBuildError {
    pub(super) fn new(gate: &str, problem: impl Into<String>) -> Self {
        Self {
            gate: gate.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn expand(gate: &str, slot: Slot, error: &ExpandError) -> Self {
        Self::new(gate, format!("for {slot}: {error}"))
    }
}

/// Builds the gate that a plan describes.
///
/// # Errors
/// When the spec says not exactly one thing to measure, or what it names is not there: a placeholder,
/// a secret, a registered gate, a source of metrics; or an address, header or method cannot be one.
pub fn build(spec: &GateSpec, parts: &GateParts) -> Result<Arc<dyn Gate>, GateBuildError> {
    let error = |problem: &str| Err(GateBuildError::new(&spec.name, problem));
    let kinds = (
        spec.http.as_slice(),
        &spec.scenario,
        &spec.command,
        &spec.metric,
        spec.code,
    );
    match kinds {
        ([], None, None, None, true) => match parts.custom.get(&spec.name) {
            Some(gate) => Ok(Arc::clone(gate)),
            None => error("the plan says `code = true`, but no gate is registered under this name"),
        },
        ([], None, Some(_), None, false) => Ok(Arc::new(CommandGate::new(spec, parts)?)),
        ([], None, None, Some(_), false) => Ok(Arc::new(MetricGate::new(spec, parts)?)),
        ([_, ..], None, None, None, false) | ([], Some(_), None, None, false) => requests(spec, parts),
        _ => error("give it exactly one of `http`, `scenario`, `command`, `metric` and `code`"),
    }
}

#[cfg(feature = "http")]
fn requests(spec: &GateSpec, parts: &GateParts) -> Result<Arc<dyn Gate>, GateBuildError> {
    Ok(if spec.scenario.is_some() {
        Arc::new(super::ScenarioGate::new(spec, parts)?)
    } else {
        Arc::new(super::HttpGate::new(spec, parts)?)
    })
}

#[cfg(not(feature = "http"))]
fn requests(spec: &GateSpec, _: &GateParts) -> Result<Arc<dyn Gate>, GateBuildError> {
    Err(GateBuildError::new(
        &spec.name,
        "HTTP gates need the feature `http` of bluegreen-core, which this program was built without: \
         add features = [\"http\"] where its Cargo.toml names bluegreen-core",
    ))
}

/// The values for the placeholders of a gate that is asked about a slot.
pub(super) fn values(parts: &CommandContext, asked: &GateContext) -> crate::command::Values {
    let values = parts.of_slot(asked.slot);
    match &asked.release {
        Some(release) => values.release(release),
        None => values,
    }
}

/// Stands in for what is only known when the gate is asked, so that placeholders can be checked before.
pub(super) fn stand_in(parts: &CommandContext, slot: Slot) -> crate::command::Values {
    ["version", "artifact", "deployment"]
        .into_iter()
        .fold(parts.of_slot(slot), |values, name| values.with(name, "0"))
}
