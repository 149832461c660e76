//! A source that reads the pages of metrics of a slot's own processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use reqwest::{Client, StatusCode, Url};

use super::exposition::{Exposition, Kind, MOST_BYTES, Series};
use super::fetch::{Answer, Fetch, address};
use super::named::{Named, Reading, Shape};
use super::{Selector, SourceBuildError};
use crate::command::CommandContext;
use crate::gate::shown;
use crate::{Buckets, Clock, Fault, Metrics, Op, Sample, Slot, SystemClock, plan};

const PROVIDER: &str = "scrape";

/// How old a number may be whose moment stands on the page. Most have none, and are of now.
const STALE_AFTER: Duration = Duration::from_mins(1);

/// Reads the `/metrics` pages of a slot's processes, all at once.
///
/// Where the slot has several, the address has several, with blanks in between: `{metrics}`, and in the plan
/// `metrics = "http://10.0.0.1:9100/metrics http://10.0.0.2:9100/metrics"` under `[slots.blue]`. All of them have
/// to answer: a part of a slot says too little.
///
/// A counter is the sum of the series that its selector fits; so is a gauge. A histogram is named without
/// `_bucket`; its buckets are summed by their bounds. A counter that is on the page without one
/// series of these labels has counted nothing yet: it is 0.
///
/// ```
/// use std::collections::BTreeMap;
/// use bluegreen_core::command::CommandContext;
/// use bluegreen_core::metrics::ScrapeMetrics;
/// use bluegreen_core::{ServiceName, Slot};
///
/// let url = |port: u16| BTreeMap::from([("url".to_owned(), format!("http://127.0.0.1:{port}"))]);
/// let slots = BTreeMap::from([(Slot::Blue, url(8081)), (Slot::Green, url(8082))]);
/// let context = CommandContext::new(ServiceName::new("shop")?).slots(slots);
/// let metrics = ScrapeMetrics::new(context, "{url}/metrics")?
///     .counter("requests", "http_requests_total")?
///     .counter("errors", r#"http_requests_total{code=~"5.."}"#)?
///     .histogram("latency", "http_request_duration_seconds")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScrapeMetrics {
    fetch: Fetch,
    addresses: BTreeMap<Slot, Vec<Url>>,
    metrics: Named<Selector>,
    clock: Arc<dyn Clock>,
    stale_after: Duration,
}

impl ScrapeMetrics {
    /// Pages at an address with placeholders, which is another for each slot.
    ///
    /// # Errors
    /// When a placeholder has no value for a slot, or what comes out is no address, or one that both slots have.
    pub fn new(context: CommandContext, addresses: &str) -> Result<Self, SourceBuildError> {
        let of = |slot: Slot| {
            let error = |problem: String| SourceBuildError::new(format!("the address for {slot}"), problem);
            let filled = context.of_slot(slot).fill(addresses);
            let filled = filled.map_err(|problem| error(problem.to_string()))?;
            let urls: Vec<_> = filled
                .split_whitespace()
                .map(address)
                .collect::<Result<_, _>>()
                .map_err(error)?;
            if urls.is_empty() {
                return Err(error("there is none".to_owned()));
            }
            Ok((slot, urls))
        };
        let of_slots = Slot::BOTH.into_iter().map(of);
        let by_slot: BTreeMap<_, _> = of_slots.collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        // As they are shown: that is how an instance is called.
        let mut all = by_slot.values().flatten().map(shown);
        if let Some(twice) = all.find(|address| !seen.insert(address.clone())) {
            let problem = format!("{twice} is there twice: each process of each slot has its own");
            return Err(SourceBuildError::new("the addresses", problem));
        }
        Ok(Self {
            fetch: Fetch::new(PROVIDER, context)?,
            addresses: by_slot,
            metrics: Named::new(PROVIDER),
            clock: Arc::new(SystemClock::new()),
            stale_after: STALE_AFTER,
        })
    }

    /// With a counter, by its [`Selector`].
    ///
    /// # Errors
    /// When the selector is none, or the name is taken.
    pub fn counter(self, name: impl Into<String>, selector: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Counter, selector)
    }

    /// With a gauge, by its [`Selector`].
    ///
    /// # Errors
    /// When the selector is none, or the name is taken.
    pub fn gauge(self, name: impl Into<String>, selector: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Gauge, selector)
    }

    /// With a histogram, by the [`Selector`] of its name without `_bucket`.
    ///
    /// # Errors
    /// When the selector is none, or the name is taken.
    pub fn histogram(self, name: impl Into<String>, selector: &str) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Histogram, selector)
    }

    fn with(mut self, name: String, shape: Shape, selector: &str) -> Result<Self, SourceBuildError> {
        let error = |problem: String| SourceBuildError::metric(&name, problem);
        let selector: Selector = selector.parse().map_err(|problem| error(format!("{problem}")))?;
        if shape == Shape::Histogram && selector.name().ends_with("_bucket") {
            return Err(error(
                "write the name of the histogram without `_bucket`".to_owned(),
            ));
        }
        self.metrics.add(name, shape, selector)?;
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
        self.fetch.header(name.into(), value.into())?;
        Ok(self)
    }

    /// With another time that a page may take than 5 seconds.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.fetch.timeout = timeout;
        self
    }

    /// With another age from which numbers whose moment stands on the page are too old than one minute.
    #[must_use]
    pub const fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = age;
        self
    }

    /// With another client, such as one that trusts a private authority.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.fetch.client = client;
        self
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The pages of a slot, by the addresses.
    async fn pages(&self, op: &Op, slot: Slot) -> Result<Vec<(String, Exposition)>, Fault> {
        let urls = self.addresses.get(&slot).into_iter().flatten();
        try_join_all(urls.map(|url| async {
            let answer = self.fetch.get(op, url.clone(), MOST_BYTES).await?;
            let page = self.page(&answer)?;
            Ok((answer.address, page))
        }))
        .await
    }

    fn page(&self, answer: &Answer) -> Result<Exposition, Fault> {
        let address = &answer.address;
        if answer.status != StatusCode::OK {
            return Err(self.fetch.refused(answer, ""));
        }
        if answer.content_type.starts_with("text/html") || answer.body.trim_ascii_start().starts_with(b"<") {
            return Err(self
                .fetch
                .rejected(address, "it is HTML and no page of metrics: the address is wrong"));
        }
        let page = Exposition::parse(&answer.body)
            .map_err(|problem| self.fetch.rejected(address, problem.to_string()))?;
        if let Some(first) = page.bad_lines.first() {
            let count = page.bad_lines.len();
            if page.series.is_empty() {
                let problem = format!("it is no page of metrics: {first}");
                return Err(self.fetch.rejected(address, problem));
            }
            tracing::debug!(address, count, %first, "lines of metrics that cannot be read");
        }
        if answer.content_type.starts_with("application/openmetrics-text") && !page.ended {
            let problem = "the page has no `# EOF`: it was cut off";
            return Err(self.fetch.unavailable(address, problem));
        }
        Ok(page)
    }

    /// What a metric is on one page.
    fn find(
        &self,
        (address, page): (&str, &Exposition),
        shape: Shape,
        selector: &Selector,
    ) -> Result<Option<Reading>, Fault> {
        let name = match shape {
            Shape::Counter | Shape::Gauge => selector.name().to_owned(),
            Shape::Histogram => format!("{}_bucket", selector.name()),
        };
        if page.is_damaged(&name) {
            let bad = page.bad_lines.iter().find(|bad| bad.text.contains(&name));
            let problem = bad.map(ToString::to_string).unwrap_or_default();
            return Err(self.fetch.unavailable(address, problem));
        }
        check_kind(page, shape, selector.name()).map_err(|problem| self.fetch.rejected(address, problem))?;
        let all: Vec<&Series> = page.series.iter().filter(|series| series.name == name).collect();
        if all.is_empty() {
            return Ok((is_declared(page, &name) && shape == Shape::Counter).then_some(Reading::Number(0.0)));
        }
        for label in selector.labels() {
            if !all.iter().any(|series| series.labels.contains_key(label)) {
                let problem = format!("no series of {name} has the label {label:?}");
                return Err(self.fetch.rejected(address, problem));
            }
        }
        let found: Vec<&Series> = all
            .into_iter()
            .filter(|series| selector.fits(&series.labels))
            .collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = found.iter().find(|series| !seen.insert(&series.labels)) {
            return Err(self.fetch.unavailable(address, format!("it has two of {twice}")));
        }
        let now = self.clock.now();
        if let Some(old) = found
            .iter()
            .filter_map(|series| series.at)
            .find(|at| now.since(*at) > self.stale_after)
        {
            let problem = format!("{name} is of {old}, and it is {now} now");
            return Err(self.fetch.unavailable(address, problem));
        }
        if shape == Shape::Histogram {
            return buckets(&found).map_err(|problem| self.fetch.unavailable(address, problem));
        }
        if found.is_empty() {
            return Ok((shape == Shape::Counter).then_some(Reading::Number(0.0)));
        }
        let each: Option<Vec<f64>> = found.iter().map(|series| shape.check(series.value)).collect();
        let sum = each.and_then(|each| shape.check(each.into_iter().sum()));
        Ok(sum.map(Reading::Number))
    }
}

/// Whether the page says that there is such a counter. OpenMetrics leaves out the `_total` of its series.
fn is_declared(page: &Exposition, name: &str) -> bool {
    let family = name.strip_suffix("_total").filter(|_| page.ended);
    page.kinds.contains_key(name)
        || family.is_some_and(|family| page.kinds.get(family) == Some(&Kind::Counter))
}

/// What the page itself says of the kind of a metric.
fn check_kind(page: &Exposition, shape: Shape, name: &str) -> Result<(), String> {
    let kind = page.kinds.get(name).copied();
    let total = format!("{name}_total");
    match (shape, kind) {
        (Shape::Counter, Some(Kind::Counter))
            if page.ended && !name.ends_with("_total")
                || page.series.iter().any(|series| series.name == total) =>
        {
            Err(format!("the series of the counter {name} are called {total}"))
        }
        (Shape::Counter, Some(kind @ (Kind::Gauge | Kind::Histogram | Kind::Summary)))
        | (Shape::Gauge, Some(kind @ Kind::Histogram))
        | (Shape::Histogram, Some(kind @ (Kind::Counter | Kind::Gauge | Kind::Summary))) => {
            Err(format!("{name} is a {kind}"))
        }
        _ => Ok(()),
    }
}

/// The buckets of all series together, by their bounds.
fn buckets(found: &[&Series]) -> Result<Option<Reading>, String> {
    let mut by_bound: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for series in found {
        let Some(bound) = series.labels.get("le") else {
            return Err(format!("{} has a series without a bound", series.name));
        };
        let (sum, count) = by_bound.entry(bound).or_default();
        *sum += series.value;
        *count += 1;
    }
    let Some(&(_, count)) = by_bound.values().next() else {
        return Ok(None);
    };
    if by_bound.values().any(|(_, other)| *other != count) {
        return Err("the series have different bounds: select those that have the same".to_owned());
    }
    let pairs = by_bound.into_iter().map(|(bound, (sum, _))| {
        let number: Result<f64, _> = bound.parse();
        number
            .map(|number| (number, sum))
            .map_err(|_| format!("the bound {bound:?} is no number"))
    });
    let buckets = Buckets::new(pairs.collect::<Result<Vec<_>, _>>()?);
    let buckets = buckets.map_err(|problem| problem.to_string())?;
    Ok(Some(Reading::Buckets(buckets)))
}

#[async_trait]
impl Metrics for ScrapeMetrics {
    /// The sum over the slot's processes; no data where one of them has none.
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let (shape, selector) = self.metrics.number(metric)?;
        let mut sum = 0.0;
        for (address, page) in self.pages(op, slot).await? {
            match self.find((&address, &page), shape, selector)? {
                Some(Reading::Number(number)) => sum += number,
                _ => return Ok(None),
            }
        }
        Ok(shape.check(sum))
    }

    async fn sample(&self, op: &Op, slot: Slot) -> Result<Sample, Fault> {
        let pages = self.pages(op, slot).await?;
        let mut sample = Sample::new(self.clock.now());
        for (address, page) in pages {
            let readings = sample.instance(address.as_str());
            for (name, shape, selector) in self.metrics.iter() {
                readings.put(name, shape, self.find((&address, &page), shape, selector)?);
            }
        }
        Ok(sample)
    }
}
