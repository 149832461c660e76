//! CloudWatch: metrics and alarms, in CBOR.

mod statistic;

use std::collections::BTreeMap;

use bluegreen_core::Timestamp;
use ciborium::Value;

use super::FakeAws;
use super::cloud::{self, Cloud};
use super::wire::{Answer, Answered, Asked, Refusal, cbor};
use crate::lock::held;

use self::statistic::Stored;

/// The most queries of one request.
const MOST_QUERIES: usize = 500;

#[derive(Debug, Default)]
pub(super) struct State {
    series: BTreeMap<Name, BTreeMap<i64, Stored>>,
    /// What expressions give: each series with its label.
    expressions: BTreeMap<String, Vec<(String, f64)>>,
    /// A state other than `Complete`, of every answer.
    status: Option<String>,
    alarms: BTreeMap<String, Alarm>,
}

/// Namespace, name, and dimensions in their order.
type Name = (String, String, Vec<(String, String)>);

#[derive(Debug)]
struct Alarm {
    state: String,
    reason: String,
    is_composite: bool,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("com.amazonaws.cloudwatch#ValidationError", message)
}

pub(super) fn answer(cloud: &Cloud, state: &mut cloud::State, asked: &Asked) -> Answered {
    let state = &state.cloudwatch;
    let body: Value = ciborium::from_reader(&*asked.body)
        .map_err(|_| Refusal::new("com.amazon.coral.service#SerializationException", "not CBOR"))?;
    let answer = match asked.action.as_str() {
        "GetMetricData" => state.metric_data(&body, cloud.config.page_most)?,
        "DescribeAlarms" => state.describe_alarms(&body, cloud.config.page_most),
        _ => {
            return Err(Refusal::new(
                "UnknownOperationException",
                "no such operation here",
            ));
        }
    };
    Ok(Answer::new(cbor(&answer)))
}

/// One result on its way: its query, its label, and its points, the newest first.
struct Found {
    id: String,
    label: String,
    points: Vec<(i64, f64)>,
}

impl State {
    fn metric_data(&self, body: &Value, page_most: usize) -> Result<Value, Refusal> {
        let (start, end) = (moment(body, "StartTime")?, moment(body, "EndTime")?);
        if start >= end {
            return Err(invalid(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let queries = list(body, "MetricDataQueries");
        if queries.is_empty() || queries.len() > MOST_QUERIES {
            return Err(invalid(
                "The parameter MetricDataQueries must have 1 to 500 members.",
            ));
        }
        let mut found = Vec::new();
        for query in queries {
            found.extend(self.queried(query, start, end)?);
        }
        let skipped: usize = text(body, "NextToken")
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let all: usize = found.iter().map(|found| found.points.len()).sum();
        let (mut before, mut results) = (skipped, Vec::new());
        let mut room = page_most;
        for result in found {
            let skip = before.min(result.points.len());
            before -= skip;
            let rest = result.points.len() - skip;
            let taken = rest.min(room);
            room -= taken;
            let points: Vec<(i64, f64)> = result.points.into_iter().skip(skip).take(taken).collect();
            let status = match &self.status {
                Some(status) => status.as_str(),
                None if taken < rest => "PartialData",
                None => "Complete",
            };
            let times = points.iter().map(|(at, _)| Value::Tag(1, Box::new((*at).into())));
            results.push(map([
                ("Id", result.id.into()),
                ("Label", result.label.into()),
                ("StatusCode", status.into()),
                ("Timestamps", Value::Array(times.collect())),
                (
                    "Values",
                    Value::Array(points.iter().map(|(_, value)| (*value).into()).collect()),
                ),
            ]));
        }
        let mut answer = vec![("MetricDataResults", Value::Array(results))];
        if skipped + page_most < all {
            answer.push(("NextToken", (skipped + page_most).to_string().into()));
        }
        Ok(map(answer))
    }

    fn queried(&self, query: &Value, start: i64, end: i64) -> Result<Vec<Found>, Refusal> {
        let id = text(query, "Id").unwrap_or_default();
        let is_id = |id: &str| {
            id.starts_with(|c: char| c.is_ascii_lowercase())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !is_id(&id) {
            return Err(invalid(format!(
                "The value {id} for parameter Id is not matching the expected pattern"
            )));
        }
        match (field(query, "MetricStat"), text(query, "Expression")) {
            (Some(measured), None) => {
                let period = number(measured, "Period").unwrap_or(0);
                if !matches!(period, 1 | 5 | 10 | 20 | 30) && (period <= 0 || period % 60 != 0) {
                    return Err(invalid(format!(
                        "The value {period} for parameter Period is not valid"
                    )));
                }
                let metric =
                    field(measured, "Metric").ok_or_else(|| invalid("The parameter Metric is required"))?;
                let statistic = text(measured, "Stat").unwrap_or_default();
                let points = match self.series.get(&name(metric)) {
                    Some(series) => {
                        statistic::points(series, &statistic, period, start, end).map_err(invalid)?
                    }
                    None => Vec::new(),
                };
                let label = text(metric, "MetricName").unwrap_or_default();
                Ok(vec![Found { id, label, points }])
            }
            (None, Some(expression)) => {
                let given = self.expressions.get(&expression);
                let given =
                    given.ok_or_else(|| invalid(format!("Error in expression '{id}': {expression}")))?;
                let found = given.iter().map(|(label, value)| Found {
                    id: id.clone(),
                    label: label.clone(),
                    points: vec![(start - start.rem_euclid(60), *value)],
                });
                Ok(found.collect())
            }
            _ => Err(invalid(
                "Either MetricStat or Expression has to be given, not both",
            )),
        }
    }

    fn describe_alarms(&self, body: &Value, page_most: usize) -> Value {
        let names: Vec<&str> = list(body, "AlarmNames")
            .iter()
            .filter_map(Value::as_text)
            .collect();
        let types: Vec<&str> = list(body, "AlarmTypes")
            .iter()
            .filter_map(Value::as_text)
            .collect();
        // Without types, only alarms on metrics are returned.
        let wants = |alarm: &Alarm| {
            if alarm.is_composite {
                types.contains(&"CompositeAlarm")
            } else {
                types.is_empty() || types.contains(&"MetricAlarm")
            }
        };
        let skipped: usize = text(body, "NextToken")
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let all: Vec<(&String, &Alarm)> = self
            .alarms
            .iter()
            .filter(|(name, alarm)| (names.is_empty() || names.contains(&name.as_str())) && wants(alarm))
            .collect();
        let (mut of_metrics, mut composite) = (Vec::new(), Vec::new());
        for (name, alarm) in all.iter().skip(skipped).take(page_most) {
            let shown = map([
                ("AlarmName", name.as_str().into()),
                ("StateValue", alarm.state.as_str().into()),
                ("StateReason", alarm.reason.as_str().into()),
            ]);
            if alarm.is_composite {
                composite.push(shown);
            } else {
                of_metrics.push(shown);
            }
        }
        let mut answer = vec![
            ("MetricAlarms", Value::Array(of_metrics)),
            ("CompositeAlarms", Value::Array(composite)),
        ];
        if skipped + page_most < all.len() {
            answer.push(("NextToken", (skipped + page_most).to_string().into()));
        }
        map(answer)
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = value.as_map()?;
    let found = fields.iter().find(|(known, _)| known.as_text() == Some(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

fn text(value: &Value, name: &str) -> Option<String> {
    field(value, name)?.as_text().map(str::to_owned)
}

fn number(value: &Value, name: &str) -> Option<i64> {
    field(value, name)?.as_integer()?.try_into().ok()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    field(value, name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A moment: tag 1, a number of seconds, whole or not.
fn moment(value: &Value, name: &str) -> Result<i64, Refusal> {
    let missing = || invalid(format!("The parameter {name} is required."));
    let Some(Value::Tag(1, seconds)) = field(value, name) else {
        return Err(missing());
    };
    match &**seconds {
        Value::Integer(whole) => i64::try_from(*whole).map_err(|_| missing()),
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        Value::Float(part) => Ok(part.floor() as i64),
        _ => Err(missing()),
    }
}

fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Map(
        fields
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    )
}

fn name(metric: &Value) -> Name {
    let mut dimensions: Vec<(String, String)> = list(metric, "Dimensions")
        .iter()
        .map(|one| {
            (
                text(one, "Name").unwrap_or_default(),
                text(one, "Value").unwrap_or_default(),
            )
        })
        .collect();
    dimensions.sort();
    let of = |name: &str| text(metric, name).unwrap_or_default();
    (of("Namespace"), of("MetricName"), dimensions)
}

fn named(namespace: &str, metric: &str, dimensions: &[(&str, &str)]) -> Name {
    let mut dimensions: Vec<(String, String)> = dimensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    dimensions.sort();
    (namespace.to_owned(), metric.to_owned(), dimensions)
}

/// Metrics and alarms.
impl FakeAws {
    /// Measures something at a moment: values as a program publishes them one by one. NaN and infinity are left
    /// out, as CloudWatch refuses them.
    pub fn put_metric(
        &self,
        namespace: &str,
        metric: &str,
        dimensions: &[(&str, &str)],
        at: Timestamp,
        values: &[f64],
    ) {
        let values = values.iter().copied().filter(|value| value.is_finite());
        self.store_metric(
            named(namespace, metric, dimensions),
            at,
            Stored::Values(values.collect()),
        );
    }

    /// The same published as one set of statistics, of which no percentile can be made.
    pub fn put_metric_set(
        &self,
        namespace: &str,
        metric: &str,
        dimensions: &[(&str, &str)],
        at: Timestamp,
        (count, sum): (f64, f64),
    ) {
        self.store_metric(
            named(namespace, metric, dimensions),
            at,
            Stored::Set { count, sum },
        );
    }

    fn store_metric(&self, name: Name, at: Timestamp, stored: Stored) {
        let state = &mut held(&self.cloud.state).cloudwatch;
        let second = at.as_millis().div_euclid(1_000);
        state.series.entry(name).or_default().insert(second, stored);
    }

    /// Forgets all data of a metric.
    pub fn clear_metric(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)]) {
        let state = &mut held(&self.cloud.state).cloudwatch;
        state.series.remove(&named(namespace, metric, dimensions));
    }

    /// What an expression gives, each series with its label.
    pub fn set_expression(&self, expression: impl Into<String>, series: Vec<(String, f64)>) {
        let state = &mut held(&self.cloud.state).cloudwatch;
        state.expressions.insert(expression.into(), series);
    }

    /// The state of every result from now on: `PartialData`, `InternalError`, `Forbidden`. `None`: as it is.
    pub fn set_metric_status(&self, status: Option<&str>) {
        held(&self.cloud.state).cloudwatch.status = status.map(str::to_owned);
    }

    /// Sets an alarm on a metric: `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub fn set_alarm(&self, name: impl Into<String>, state: impl Into<String>) {
        self.store_alarm(name.into(), state.into(), false);
    }

    /// Sets a composite alarm.
    pub fn set_composite_alarm(&self, name: impl Into<String>, state: impl Into<String>) {
        self.store_alarm(name.into(), state.into(), true);
    }

    fn store_alarm(&self, name: String, state: String, is_composite: bool) {
        let reason = "Threshold Crossed: 1 datapoint [7.0 (21/11/26 08:30:00)]".to_owned();
        let alarm = Alarm {
            state,
            reason,
            is_composite,
        };
        held(&self.cloud.state).cloudwatch.alarms.insert(name, alarm);
    }
}
