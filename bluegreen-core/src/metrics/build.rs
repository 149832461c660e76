//! From what a plan says of its sources to sources that can be asked.

use std::sync::Arc;

use super::{CommandMetrics, SourceBuildError, Sources};
use crate::command::CommandContext;
use crate::plan::SourceSpec;
use crate::{Clock, Metrics};

impl Sources {
    /// Builds the sources of a plan, beside the one of the embedding program.
    ///
    /// # Errors
    /// With the first thing that is wrong: an address, a selector, a placeholder or a secret without a value.
    pub fn build(
        specs: &[SourceSpec],
        context: &CommandContext,
        clock: &Arc<dyn Clock>,
        code: Option<Arc<dyn Metrics>>,
    ) -> Result<Self, SourceBuildError> {
        let mut sources = Self::new(code);
        for spec in specs {
            let built = build(spec, context, clock);
            let source = built.map_err(|error| {
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

fn build(
    spec: &SourceSpec,
    context: &CommandContext,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Metrics>, SourceBuildError> {
    match (&spec.scrape, &spec.prometheus, &spec.commands) {
        (None, None, Some(commands)) => {
            let mut source = CommandMetrics::new(context.clone());
            for (name, command) in &commands.counters {
                source = source.counter(name, command.clone())?;
            }
            for (name, command) in &commands.gauges {
                source = source.gauge(name, command.clone())?;
            }
            Ok(Arc::new(source))
        }
        (Some(addresses), None, None) => http::scrape(spec, addresses, context, clock),
        (None, Some(address), None) => http::prometheus(spec, address, context, clock),
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
    use crate::command::CommandContext;
    use crate::plan::SourceSpec;
    use crate::{Clock, Metrics};

    /// The two have the same methods; no trait is worth it.
    macro_rules! filled {
        ($source:expr, $spec:expr) => {{
            let mut source = $source;
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
        context: &CommandContext,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        let source = ScrapeMetrics::new(context.clone(), addresses)?.clock(Arc::clone(clock));
        Ok(Arc::new(filled!(source, spec)))
    }

    pub(super) fn prometheus(
        spec: &SourceSpec,
        address: &str,
        context: &CommandContext,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        let mut source = PrometheusMetrics::new(context.clone(), address)?.clock(Arc::clone(clock));
        if let Some(query) = &spec.measured_at {
            source = source.measured_at(query)?;
        }
        Ok(Arc::new(filled!(source, spec)))
    }
}

#[cfg(not(feature = "http"))]
mod http {
    use std::sync::Arc;

    use super::super::SourceBuildError;
    use crate::command::CommandContext;
    use crate::plan::SourceSpec;
    use crate::{Clock, Metrics};

    const PROBLEM: &str =
        "it needs the feature `http` of bluegreen-core, which this program was built without";

    pub(super) fn scrape(
        _: &SourceSpec,
        _: &str,
        _: &CommandContext,
        _: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        Err(SourceBuildError::new("scraping", PROBLEM))
    }

    pub(super) fn prometheus(
        _: &SourceSpec,
        _: &str,
        _: &CommandContext,
        _: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Metrics>, SourceBuildError> {
        Err(SourceBuildError::new("Prometheus", PROBLEM))
    }
}
