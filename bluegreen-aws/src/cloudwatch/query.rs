//! Rows of numbers, asked for in one request and read from as many pages as there are.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};
use aws_smithy_types::DateTime;
use bluegreen_core::{Fault, FaultKind, Slot};

use super::measure::{Measure, Origin, Row, for_slot};
use crate::account::{Call, bounded};

const OPERATION: &str = "GetMetricData";
/// More pages than the largest window has.
const MOST_PAGES: usize = 50;

/// The numbers of a row, each with its second.
#[derive(Debug, Default)]
pub(super) struct Points {
    label: Option<String>,
    found: Vec<(i64, f64)>,
    is_whole: bool,
}

impl Points {
    /// The newest number.
    pub(super) fn newest(&self) -> Option<f64> {
        let newest = self.found.iter().max_by_key(|(at, _)| *at);
        newest.map(|(_, value)| *value)
    }

    /// The second of the newest number.
    pub(super) fn newest_second(&self) -> Option<i64> {
        self.found.iter().map(|(at, _)| *at).max()
    }

    /// The sum of all, where there are any.
    pub(super) fn total(&self) -> Option<f64> {
        (!self.found.is_empty()).then(|| self.found.iter().map(|(_, value)| value).sum())
    }
}

/// From when to when is asked, in seconds since 1970: the end is not part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Span {
    /// The window of a measure up to the last whole period before `now`: the one that has begun is not over.
    pub(super) fn before(now: i64, measure: &Measure) -> Self {
        let periods = measure.rows().into_iter().map(|row| i64::from(row.period_secs));
        let end = now - now.rem_euclid(periods.max().unwrap_or(60));
        let window = i64::try_from(measure.window.as_secs()).unwrap_or(300);
        Self {
            start: end - window,
            end,
        }
    }
}

/// The numbers of rows for a slot.
pub(super) async fn rows(
    call: &Call,
    client: &Client,
    rows: &[&Row],
    slot: Slot,
    Span { start, end }: Span,
) -> Result<Vec<Points>, Fault> {
    let queries: Vec<MetricDataQuery> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| query(number, row, slot))
        .collect();
    let mut found: Vec<Points> = rows.iter().map(|_| Points::default()).collect();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let request = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampDescending)
            .set_next_token(next);
        let page = call.read(OPERATION, request.send()).await?;
        for result in page.metric_data_results.unwrap_or_default() {
            take(call, &mut found, result)?;
        }
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    if next.is_some() || found.iter().any(|points| !points.is_whole) {
        let kind = FaultKind::Unavailable { retry_after: None };
        return Err(call.fault(kind, OPERATION, "only a part of the data was given (PartialData)"));
    }
    Ok(found)
}

fn query(number: usize, row: &Row, slot: Slot) -> MetricDataQuery {
    let period = i32::try_from(row.period_secs).unwrap_or(60);
    let query = MetricDataQuery::builder().id(format!("row{number}"));
    match &row.origin {
        Origin::Expression(texts) => query.expression(for_slot(texts, slot)).period(period).build(),
        Origin::Metric {
            namespace,
            name,
            dimensions,
            stat,
        } => {
            let dimensions = dimensions.iter().map(|(name, values)| {
                Dimension::builder()
                    .name(name)
                    .value(for_slot(values, slot))
                    .build()
            });
            let metric = Metric::builder()
                .namespace(namespace)
                .metric_name(name)
                .set_dimensions(Some(dimensions.collect()))
                .build();
            let stat = MetricStat::builder()
                .metric(metric)
                .period(period)
                .stat(stat.as_sent())
                .build();
            query.metric_stat(stat).build()
        }
    }
}

/// Adds a part of a row to what there is of it.
fn take(call: &Call, found: &mut [Points], result: MetricDataResult) -> Result<(), Fault> {
    let number = result.id.as_deref().and_then(|id| id.strip_prefix("row"));
    let number = number.and_then(|number| number.parse::<usize>().ok());
    let Some(row) = number.and_then(|number| found.get_mut(number)) else {
        return Ok(());
    };
    match result.status_code {
        Some(StatusCode::Complete) => row.is_whole = true,
        Some(StatusCode::PartialData) => row.is_whole = false,
        Some(StatusCode::Forbidden) => {
            return Err(call.unfit(OPERATION, "the metric may not be read with these credentials"));
        }
        other => {
            let status = other.as_ref().map_or("no status", StatusCode::as_str);
            let kind = FaultKind::Unavailable { retry_after: None };
            return Err(call.fault(kind, OPERATION, format!("CloudWatch says {}", bounded(status))));
        }
    }
    if row.label.is_some() && row.label != result.label {
        let what = "the expression gives several series: let it add them up, or take one";
        return Err(call.unfit(OPERATION, what));
    }
    row.label = result.label.or(Some(String::new()));
    let times = result
        .timestamps
        .unwrap_or_default()
        .into_iter()
        .map(|at| at.secs());
    let points = times.zip(result.values.unwrap_or_default());
    for (at, value) in points.filter(|(_, value)| !value.is_nan()) {
        if value.is_infinite() {
            let kind = FaultKind::Unavailable { retry_after: None };
            return Err(call.fault(kind, OPERATION, "a value is infinite"));
        }
        row.found.push((at, value));
    }
    Ok(())
}
