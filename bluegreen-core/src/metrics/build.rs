//! From what a plan says of its sources to sources that can be asked.

use std::sync::Arc;

use super::{CommandMetrics, SourceBuildError, Sources};
use crate::command::CommandContext;
use crate::plan::SourceSpec;
use crate::{Clock, Metrics};

/// What sources are built from, beside what the plan says of them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceParts {
    /// The service, the plan's variables for each slot, and the secrets.
    pub context: CommandContext,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The source of the embedding program, for what no source of the plan was told of.
    pub code: Option<Arc<dyn Metrics>>,
    /// The client that asks, where it is not to be one of their own.
    #[cfg(feature = "http")]
    pub http: Option<reqwest::Client>,
}

impl SourceParts {
    /// With what all sources need.
    #[must_use]
    pub fn new(context: CommandContext, clock: Arc<dyn Clock>) -> Self {
        Self {
            context,
            clock,
            code: None,
            #[cfg(feature = "http")]
            http: None,
        }
    }
}

impl Sources {
    /// Builds the sources of a plan, beside the one of the embedding program.
    ///
    /// # Errors
    /// With the first thing that is wrong: an address, a selector, a placeholder or a secret without a value.
    pub fn build(specs: &[SourceSpec], parts: &SourceParts) -> Result<Self, SourceBuildError> {
        let mut sources = Self::new(parts.code.clone());
        for spec in specs {
            let source = build(spec, parts).map_err(|error| {
                SourceBuildError::new(format!("the source {:?}", spec.name), error.to_string())
            })?;
            sources.describe(
                spec.name.clone(),
                spec.metrics().map(str::to_owned).collect(),
                source,
            );
        }
        Ok(sources)
    }
}

fn build(spec: &SourceSpec, parts: &SourceParts) -> Result<Arc<dyn Metrics>, SourceBuildError> {
    match (&spec.scrape, &spec.prometheus, &spec.commands) {
        (None, None, Some(commands)) => {
            let mut source = CommandMetrics::new(parts.context.clone());
            for (name, command) in &commands.counters {
                source = source.counter(name, command.clone())?;
            }
            for (name, command) in &commands.gauges {
                source = source.gauge(name, command.clone())?;
            }
            Ok(Arc::new(source))
        }
        (Some(addresses), None, None) => http::scrape(spec, addresses, parts),
        (None, Some(address), None) => http::prometheus(spec, address, parts),
        _ => {
            let problem = "give it exactly one of `scrape`, `prometheus` and `commands`";
            Err(SourceBuildError::new("what it asks", problem))
        }
    }
}

#[cfg(feature = "http")]
mod http {
    use std::sync::Arc;

    use super::super::{PrometheusMetrics, ScrapeMetrics, SourceBuildError};
    use super::SourceParts;
    use crate::Metrics;
    use crate::plan::SourceSpec;

    /// The two have the same methods; no trait is worth it.
    macro_rules! filled {
        ($source:expr, $spec:expr, $parts:expr) => {{
            let mut source = $source.clock(Arc::clone(&$parts.clock));
            if let Some(client) = &$parts.http {
                source = source.client(client.clone());
            }
            for (name, found_by) in &$spec.counters {
                source = source.counter(name, found_by)?;
            }
            for (name, found_by) in &$spec.gauges {
                source = source.gauge(name, found_by)?;
            }
            for (name, found_by) in &$spec.histograms {
                source = source.histogram(name, found_by)?;
            }
            for (name, value) in &$spec.headers {
                source = source.header(name, value.clone())?;
            }
            if let Some(timeout) = $spec.timeout {
                source = source.timeout(timeout);
            }
            if let Some(age) = $spec.stale_after {
                source = source.stale_after(age);
            }
            source
        }};
    }

    pub(super) fn scrape(
        spec: &SourceSpec,
        addresses: &str,
        parts: &SourceParts,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        let source = ScrapeMetrics::new(parts.context.clone(), addresses)?;
        Ok(Arc::new(filled!(source, spec, parts)))
    }

    pub(super) fn prometheus(
        spec: &SourceSpec,
        address: &str,
        parts: &SourceParts,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        let mut source = PrometheusMetrics::new(parts.context.clone(), address)?;
        if let Some(query) = &spec.measured_at {
            source = source.measured_at(query)?;
        }
        Ok(Arc::new(filled!(source, spec, parts)))
    }
}

#[cfg(not(feature = "http"))]
mod http {
    use std::sync::Arc;

    use super::super::SourceBuildError;
    use super::SourceParts;
    use crate::Metrics;
    use crate::plan::SourceSpec;

    const PROBLEM: &str = "it needs the feature `http` of bluegreen-core, which this program was built without: \
         add features = [\"http\"] where its Cargo.toml names bluegreen-core";

    pub(super) fn scrape(
        _: &SourceSpec,
        _: &str,
        _: &SourceParts,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        Err(SourceBuildError::new("scraping", PROBLEM))
    }

    pub(super) fn prometheus(
        _: &SourceSpec,
        _: &str,
        _: &SourceParts,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        Err(SourceBuildError::new("Prometheus", PROBLEM))
    }
}
