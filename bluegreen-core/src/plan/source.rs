//! Sources of metrics as plans describe them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{HeaderValue, humane_option};
use crate::command::CommandSpec;

/// A source of metrics: where it is, and what is looked for under which name. Exactly one of `scrape`, `prometheus`
/// and `commands` is given.
///
/// ```
/// let plan = bluegreen_core::Plan::from_toml(r#"
///     service = "shop"
///     [slots.blue]
///     url = "http://127.0.0.1:8081"
///     [slots.green]
///     url = "http://127.0.0.1:8082"
///
///     [[sources]]
///     name = "app"
///     scrape = "{url}/metrics"
///     counters.requests = "http_requests_total"
///     counters.errors = 'http_requests_total{code=~"5.."}'
///     histograms.latency = "http_request_duration_seconds"
///
///     [[sources]]
///     name = "prometheus"
///     prometheus = "https://prometheus.example/"
///     headers.Authorization = { secret = "prometheus" }
///     gauges.cpu = 'avg(rate(process_cpu_seconds_total{slot="$slot"}[1m]))'
///
///     [[sources]]
///     name = "queues"
///     [sources.commands.gauges.queue_depth]
///     run = ["redis-cli", "llen", "queue:{slot}"]
/// "#)?;
/// assert_eq!(plan.sources.len(), 3);
/// # Ok::<(), bluegreen_core::plan::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceSpec {
    /// The name under which reports know it; unique in its list.
    pub name: String,
    /// The addresses of the pages of metrics of a slot's processes, with blanks in between:
    /// [`ScrapeMetrics`](crate::metrics::ScrapeMetrics). Metrics are named by selectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape: Option<String>,
    /// The address of a Prometheus server: [`PrometheusMetrics`](crate::metrics::PrometheusMetrics). Metrics are
    /// queries with `$slot` in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<String>,
    /// A command for each number: [`CommandMetrics`](crate::metrics::CommandMetrics).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<CommandSource>,
    /// What has happened since the processes began: requests, errors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, String>,
    /// What is now, and rises and falls: CPU, connections, the depth of a queue.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, String>,
    /// How long answers have taken since the processes began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: BTreeMap<String, String>,
    /// A query for the moment of the newest data, in seconds since 1970. For Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<String>,
    /// Headers to send. A secret is named, not written: `{ secret = "name" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderValue>,
    /// How long an answer may take. Left out: 5 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub timeout: Option<Duration>,
    /// From which age data is too old. Left out: a minute, and two for Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub stale_after: Option<Duration>,
}

/// A command for each number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandSource {
    /// What has happened since some beginning.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, CommandSpec>,
    /// What is now, and rises and falls.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, CommandSpec>,
}

impl SourceSpec {
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            scrape: None,
            prometheus: None,
            commands: None,
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            histograms: BTreeMap::new(),
            measured_at: None,
            headers: BTreeMap::new(),
            timeout: None,
            stale_after: None,
        }
    }

    /// The pages of metrics of a slot's processes.
    #[must_use]
    pub fn scrape(name: impl Into<String>, addresses: impl Into<String>) -> Self {
        Self {
            scrape: Some(addresses.into()),
            ..Self::new(name)
        }
    }

    /// A Prometheus server.
    #[must_use]
    pub fn prometheus(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            prometheus: Some(address.into()),
            ..Self::new(name)
        }
    }

    /// A command for each number.
    #[must_use]
    pub fn commands(name: impl Into<String>, commands: CommandSource) -> Self {
        Self {
            commands: Some(commands),
            ..Self::new(name)
        }
    }

    /// With a counter, by its selector or query.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, found_by: impl Into<String>) -> Self {
        self.counters.insert(name.into(), found_by.into());
        self
    }

    /// With a gauge, by its selector or query.
    #[must_use]
    pub fn gauge(mut self, name: impl Into<String>, found_by: impl Into<String>) -> Self {
        self.gauges.insert(name.into(), found_by.into());
        self
    }

    /// With a histogram, by its selector or query.
    #[must_use]
    pub fn histogram(mut self, name: impl Into<String>, found_by: impl Into<String>) -> Self {
        self.histograms.insert(name.into(), found_by.into());
        self
    }

    /// The names of all its metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        let commands = self.commands.iter();
        let commands = commands.flat_map(|commands| commands.counters.keys().chain(commands.gauges.keys()));
        let found = self
            .counters
            .keys()
            .chain(self.gauges.keys())
            .chain(self.histograms.keys());
        found.chain(commands).map(String::as_str)
    }
}
