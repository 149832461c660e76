//! A source that asks a Prometheus server, or anything that speaks its HTTP API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use reqwest::Client;

use super::SourceBuildError;
use super::exposition::moment;
use super::named::{Named, Reading, Shape};
use crate::command::CommandContext;
use crate::{Buckets, Clock, Fault, Metrics, Op, Sample, Slot, SystemClock, Timestamp, plan};

mod answer;
mod query;
mod server;

use answer::{Data, One, Point};
use query::fill;
use server::Server;

/// How old the newest data may be. Scrapes are mostly 15 s or a minute apart.
const STALE_AFTER: Duration = Duration::from_mins(2);

/// The moment of the data, where no query for it is given: now.
const NOW: &str = "time()";

/// Asks a Prometheus server, or anything that speaks its HTTP API (Thanos, Mimir, VictoriaMetrics).
///
/// In a query `$slot`, `$service` and every name of the plan's `[slots.…]` are filled in. They are written
/// with a dollar, as in Grafana, because braces are PromQL's own; `$$` is a dollar.
///
/// Counters and histograms are asked for raw, and are counted by who compares them: `increase()` and
/// `rate()` extrapolate. One series is wanted, so aggregate: `sum(…)`, `sum by (le) (…)`. With
/// `sum by (instance) (…)` and `sum by (le, instance) (…)` each process counts on its own, so that one that
/// begins anew is noticed; a sum would hide it. All queries of a sample are of one moment.
///
/// ```
/// use bluegreen_core::command::{CommandContext, Secrets};
/// use bluegreen_core::metrics::PrometheusMetrics;
/// use bluegreen_core::plan::HeaderValue;
/// use bluegreen_core::ServiceName;
///
/// let context = CommandContext::new(ServiceName::new("shop")?)
///     .secrets(Secrets::new().with("prometheus", "Bearer s3cr3t"));
/// let metrics = PrometheusMetrics::new(context, "https://prometheus.example/")?
///     .header("Authorization", HeaderValue::Secret { secret: "prometheus".to_owned() })?
///     .measured_at(r#"min(timestamp(up{job="shop", slot="$slot"}))"#)?
///     .counter("requests", r#"sum by (instance) (http_requests_total{slot="$slot"})"#)?
///     .gauge("error_rate", r#"
///         sum(rate(http_requests_total{slot="$slot", code=~"5.."}[1m]))
///             / sum(rate(http_requests_total{slot="$slot"}[1m]))
///     "#)?
///     .histogram("latency", r#"sum by (le, instance) (http_seconds_bucket{slot="$slot"})"#)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrometheusMetrics {
    server: Server,
    metrics: Named<String>,
    measured_at: String,
    clock: Arc<dyn Clock>,
    stale_after: Duration,
}

impl PrometheusMetrics {
    /// A server by its address: what comes before `/api/v1`.
    ///
    /// # Errors
    /// When it is no address, or has a name or a password in it: those belong into a [`header`](Self::header).
    pub fn new(context: CommandContext, base: &str) -> Result<Self, SourceBuildError> {
        Ok(Self {
            server: Server::new(context, base)?,
            metrics: Named::new(server::PROVIDER),
            measured_at: NOW.to_owned(),
            clock: Arc::new(SystemClock::new()),
            stale_after: STALE_AFTER,
        })
    }

    /// With a counter: a query for what has happened since the processes began.
    ///
    /// # Errors
    /// When a placeholder has no value, the query is the same for both slots, or the name is taken.
    pub fn counter(self, name: impl Into<String>, query: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Counter, query)
    }

    /// With a number that rises and falls, a rate or a share among them. May be the same for both slots.
    ///
    /// # Errors
    /// When a placeholder has no value, or the name is taken.
    pub fn gauge(self, name: impl Into<String>, query: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Gauge, query)
    }

    /// With a histogram: a query for its buckets, by `le`.
    ///
    /// # Errors
    /// When a placeholder has no value, the query is the same for both slots, or the name is taken.
    pub fn histogram(self, name: impl Into<String>, query: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Histogram, query)
    }

    fn with(mut self, name: String, shape: Shape, query: &str) -> Result<Self, SourceBuildError> {
        let [blue, green] = self
            .filled(query)
            .map_err(|problem| SourceBuildError::metric(&name, problem))?;
        if shape != Shape::Gauge && blue == green {
            let problem = "the query is the same for both slots: tell them apart with $slot";
            return Err(SourceBuildError::metric(&name, problem));
        }
        self.metrics.add(name, shape, query.to_owned())?;
        Ok(self)
    }

    fn filled(&self, query: &str) -> Result<[String; 2], String> {
        let of = |slot: Slot| {
            fill(query, &self.server.fetch.context.of_slot(slot))
                .map_err(|problem| format!("for {slot}: {problem}"))
        };
        Ok([of(Slot::Blue)?, of(Slot::Green)?])
    }

    /// With a query for the moment of the newest data, in seconds since 1970:
    /// `min(timestamp(up{slot="$slot"}))`. Without it nothing is known of how old the data is that
    /// Prometheus answers with, up to its own five minutes.
    ///
    /// # Errors
    /// When a placeholder has no value.
    pub fn measured_at(mut self, query: impl Into<String>) -> Result<Self, SourceBuildError> {
        self.measured_at = query.into();
        let filled = self.filled(&self.measured_at).map(drop);
        filled.map_err(|problem| SourceBuildError::new("the query for the moment", problem))?;
        Ok(self)
    }

    /// With a header for each request, such as `Authorization`; a secret is named.
    ///
    /// # Errors
    /// When there is no such secret, or HTTP does not allow it.
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Into<plan::HeaderValue>,
    ) -> Result<Self, SourceBuildError> {
        self.server.fetch.header(name.into(), value.into())?;
        Ok(self)
    }

    /// With another time that an answer may take than 5 seconds.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.server.fetch.timeout = timeout;
        self
    }

    /// With another age from which data is too old than 2 minutes. The clocks of the server and of this
    /// machine may not be further apart either.
    #[must_use]
    pub const fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = age;
        self
    }

    /// With another client, such as one that trusts a private authority.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.server.fetch.client = client;
        self
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What a metric was over the last `span`, a number every `step`, the oldest first; moments without
    /// data are left out. The server refuses more than 11 000 numbers.
    ///
    /// # Errors
    /// As with [`read`](Metrics::read), which see.
    pub async fn history(
        &self,
        op: &Op,
        metric: &str,
        slot: Slot,
        (span, step): (Duration, Duration),
    ) -> Result<Vec<(Timestamp, f64)>, Fault> {
        let (shape, query) = self.metrics.number(metric)?;
        let Some((end, _)) = self.moment(op, slot).await? else {
            return Ok(Vec::new());
        };
        let start = Timestamp::from_millis(
            end.as_millis()
                .saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        );
        let range = [
            ("start", in_seconds(start)),
            ("end", in_seconds(end)),
            ("step", format!("{}", step.as_secs_f64())),
        ];
        let Data::Matrix(mut series) = self.ask(op, "query_range", (query, slot), &range).await? else {
            return Err(self.server.rejected("the answer is no series over a time"));
        };
        if series.len() > 1 {
            return Err(self.several(series.len()));
        }
        let points = series.pop().map(|series| series.values).unwrap_or_default();
        let numbers = points
            .into_iter()
            .filter_map(|point| Some((point.at, shape.check(point.value)?)));
        Ok(numbers.collect())
    }

    /// The server's now, and the moment of its newest data of a slot. `None`: there is none.
    async fn moment(&self, op: &Op, slot: Slot) -> Result<Option<(Timestamp, Timestamp)>, Fault> {
        let series = self.series(op, &self.measured_at, slot, None).await?;
        if series.len() > 1 {
            return Err(self.several(series.len()));
        }
        let Some(Point { at: now, value }) = series.into_iter().next().and_then(|(_, point)| point) else {
            return Ok(None);
        };
        let Some(newest) = moment(value) else {
            return Ok(None);
        };
        let here = self.clock.now();
        let apart = here.since(now).max(now.since(here));
        if apart > self.stale_after {
            let problem =
                format!("it answers as of {now}, and here it is {here}: a clock is wrong, or the answer old");
            return Err(self.server.unavailable(problem));
        }
        if now.since(newest) > self.stale_after {
            let problem = format!("the newest data of {slot} is of {newest}, and it is {now} now");
            return Err(self.server.unavailable(problem));
        }
        Ok(Some((now, newest)))
    }

    /// What the query of a metric gives, by the instances.
    async fn find(
        &self,
        op: &Op,
        slot: Slot,
        (shape, query): (Shape, &str),
        now: Timestamp,
    ) -> Result<Vec<(String, Option<Reading>)>, Fault> {
        let series = self.series(op, query, slot, Some(now)).await?;
        let count = series.len();
        let mut by_instance: BTreeMap<String, Vec<(Option<String>, f64)>> = BTreeMap::new();
        for (mut labels, point) in series {
            let Some(point) = point else {
                return Err(self
                    .server
                    .rejected("the query gives a native histogram: ask for its numbers instead"));
            };
            let instance = labels.remove("instance").unwrap_or_default();
            let bound = labels.remove("le").filter(|_| shape == Shape::Histogram);
            // What has other labels is one series of several as soon as another value of them is met.
            if shape != Shape::Gauge && !labels.is_empty() {
                return Err(self.several(count));
            }
            by_instance
                .entry(instance)
                .or_default()
                .push((bound, point.value));
        }
        let reading = |(instance, numbers): (String, Vec<_>)| {
            let reading = match (shape, numbers.as_slice()) {
                (Shape::Histogram, _) => Some(self.buckets(numbers)?),
                (_, [(_, number)]) => shape.check(*number).map(Reading::Number),
                _ => return Err(self.several(count)),
            };
            Ok((instance, reading))
        };
        by_instance.into_iter().map(reading).collect()
    }

    fn buckets(&self, numbers: Vec<(Option<String>, f64)>) -> Result<Reading, Fault> {
        let bound = |(bound, number): (Option<String>, f64)| Some((bound?.parse().ok()?, number));
        let buckets: Option<Vec<(f64, f64)>> = numbers.into_iter().map(bound).collect();
        let buckets = buckets.ok_or_else(|| {
            self.server
                .rejected("the query of a histogram has to give its buckets: sum by (le) (…_bucket{…})")
        })?;
        let buckets =
            Buckets::new(buckets).map_err(|problem| self.server.unavailable(problem.to_string()))?;
        Ok(Reading::Buckets(buckets))
    }

    /// The series that a query gives, with their labels, as of a moment.
    async fn series(
        &self,
        op: &Op,
        query: &str,
        slot: Slot,
        now: Option<Timestamp>,
    ) -> Result<Vec<(BTreeMap<String, String>, Option<Point>)>, Fault> {
        let now: Vec<_> = now.map(|now| ("time", in_seconds(now))).into_iter().collect();
        match self.ask(op, "query", (query, slot), &now).await? {
            Data::Vector(series) => Ok(series
                .into_iter()
                .map(|One { metric, value }| (metric, value))
                .collect()),
            Data::Scalar(point) => Ok(vec![(BTreeMap::new(), Some(point))]),
            Data::Matrix(_) | Data::String(_) => Err(self.server.rejected(format!(
                "{query} gives no single numbers: leave out the range or the text"
            ))),
        }
    }

    async fn ask(
        &self,
        op: &Op,
        path: &str,
        (query, slot): (&str, Slot),
        more: &[(&str, String)],
    ) -> Result<Data, Fault> {
        let query = fill(query, &self.server.fetch.context.of_slot(slot));
        let query = query.map_err(|problem| self.server.rejected(problem))?;
        self.server.ask(op, path, &query, more).await
    }

    fn several(&self, count: usize) -> Fault {
        self.server.rejected(format!(
            "the query gives series with labels ({count} now) and not one: aggregate them with sum(…), \
             sum by (instance) (…) or, for a histogram, sum by (le, instance) (…)"
        ))
    }
}

/// As the API takes moments.
fn in_seconds(at: Timestamp) -> String {
    let millis = at.as_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

#[async_trait]
impl Metrics for PrometheusMetrics {
    /// The number that the query gives; of a counter, the sum over the instances.
    ///
    /// # Errors
    /// [`Rejected`](crate::FaultKind::Rejected) for a name that the source was not told, a query that Prometheus
    /// refuses (with its own words) and one that gives several series;
    /// [`Unavailable`](crate::FaultKind::Unavailable) when there is no answer, or not a whole one, or it is too old.
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let (shape, query) = self.metrics.number(metric)?;
        let Some((now, _)) = self.moment(op, slot).await? else {
            return Ok(None);
        };
        let found = self.find(op, slot, (shape, query), now).await;
        let found = found.map_err(|fault| named(fault, metric))?;
        if shape == Shape::Gauge && found.len() > 1 {
            return Err(named(self.several(found.len()), metric));
        }
        let numbers: Option<Vec<f64>> = found
            .into_iter()
            .map(|(_, reading)| match reading {
                Some(Reading::Number(number)) => Some(number),
                _ => None,
            })
            .collect();
        let numbers = numbers.filter(|numbers| !numbers.is_empty());
        Ok(numbers.and_then(|numbers| shape.check(numbers.into_iter().sum())))
    }

    /// All queries side by side, as of one moment.
    async fn sample(&self, op: &Op, slot: Slot) -> Result<Sample, Fault> {
        let Some((now, newest)) = self.moment(op, slot).await? else {
            return Ok(Sample::new(self.clock.now()));
        };
        let all = self.metrics.iter().map(|(name, shape, query)| async move {
            let found = self.find(op, slot, (shape, query), now).await;
            let found = found.map_err(|fault| named(fault, name))?;
            Ok::<_, Fault>((name, shape, found))
        });
        let all: Vec<_> = try_join_all(all).await?;
        let mut sample = Sample::new(newest);
        for (name, shape, found) in all {
            for (instance, reading) in found {
                sample.instance(instance).put(name, shape, reading);
            }
        }
        Ok(sample)
    }
}

/// Says which metric a fault is about.
fn named(mut fault: Fault, metric: &str) -> Fault {
    fault.message = format!("{metric}: {}", fault.message);
    fault
}
