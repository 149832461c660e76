//! Numbers of balancers and apps, as DigitalOcean measures them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Fault, Metrics, Op, Slot};
use serde::Deserialize;

use crate::PerSlot;
use crate::client::{ApiError, Client, Urgency};

/// How far back the newest value may lie.
const WINDOW: Duration = Duration::from_mins(5);

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measured {
    /// A metric of a balancer, by its name in the API: `frontend_http_requests_per_second`,
    /// `droplets_http_response_time_95p`. A balancer is measured as a whole: it is the number of whichever slot
    /// has all the traffic, so both slots get the same one.
    LoadBalancer {
        /// The balancer's id.
        id: String,
        /// The metric's name in the API.
        metric: String,
    },
    /// A metric of a component of an app: `cpu_percentage`, `memory_percentage`, `restart_count`.
    App {
        /// Each slot's app and component.
        places: PerSlot<crate::Place>,
        /// The metric's name in the API.
        metric: String,
    },
}

/// How several series (a status class each, an instance each) become one number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Combine {
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// Of all of them, the share of those with this label: of responses, those with `code` = `5xx`. No data
    /// where the sum is 0.
    Share {
        /// The label's name.
        label: String,
        /// Its value.
        value: String,
    },
}

/// A source of numbers from DigitalOcean's monitoring, for thresholds. The names that plans use are given
/// here; values come as strings and are read as numbers, the newest of the last five minutes.
#[derive(Debug, Clone)]
pub struct Monitoring {
    client: Client,
    metrics: BTreeMap<String, (Measured, Combine)>,
    window: Duration,
}

impl Monitoring {
    /// A source that knows no metric yet.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self {
            client,
            metrics: BTreeMap::new(),
            window: WINDOW,
        }
    }

    /// With a metric under the name that plans use.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, measured: Measured, combine: Combine) -> Self {
        self.metrics.insert(name.into(), (measured, combine));
        self
    }

    /// How far back the newest value may lie; five minutes if nothing is said.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Series {
    /// The newest value that is a number.
    fn newest(&self) -> Option<f64> {
        let newest = self.values.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        newest.1.trim().parse().ok().filter(|value: &f64| !value.is_nan())
    }
}

impl Combine {
    fn of(&self, series: &[Series]) -> Option<f64> {
        let values: Vec<(&Series, f64)> = series
            .iter()
            .filter_map(|series| Some((series, series.newest()?)))
            .collect();
        if values.is_empty() {
            return None;
        }
        let all = || values.iter().map(|(_, value)| *value);
        match self {
            Self::Sum => Some(all().sum()),
            Self::Max => all().reduce(f64::max),
            Self::Share { label, value } => {
                let has = |series: &Series| {
                    series.metric.get(label).and_then(serde_json::Value::as_str) == Some(value.as_str())
                };
                let part: f64 = values
                    .iter()
                    .filter(|(series, _)| has(series))
                    .map(|(_, value)| *value)
                    .sum();
                let whole: f64 = all().sum();
                (whole > 0.0).then(|| part / whole)
            }
        }
    }
}

#[async_trait]
impl Metrics for Monitoring {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let resource = format!("metric {} of {slot}", crate::client::bounded(metric));
        let call = self.client.begin(op, Urgency::Routine, "read", resource);
        let Some((measured, combine)) = self.metrics.get(metric) else {
            return Err(call.unfit("this source knows no metric of this name"));
        };
        let end = self.client.time().now().as_millis() / 1_000;
        let start = end - i64::try_from(self.window.as_secs()).unwrap_or(300);
        let (start, end) = (start.to_string(), end.to_string());
        let times = [("start", start.as_str()), ("end", end.as_str())];
        let (path, query) = match measured {
            Measured::LoadBalancer { id, metric } => {
                (["load_balancer", metric.as_str()], vec![("lb_id", id.as_str())])
            }
            Measured::App { places, metric } => {
                let place = places.get(slot);
                let query = vec![
                    ("app_id", place.app.as_str()),
                    ("app_component", place.component.as_str()),
                ];
                (["apps", metric.as_str()], query)
            }
        };
        let [kind, name] = path;
        let query: Vec<(&str, &str)> = query.into_iter().chain(times).collect();
        let answer: Answer = call.get(&["monitoring", "metrics", kind, name], &query).await?;
        let value = combine.of(&answer.data.result);
        if value.is_some_and(f64::is_infinite) {
            return Err(call.fault(ApiError::Unreadable("a value is infinite".to_owned())));
        }
        Ok(value)
    }
}
