//! CloudWatch Logs: queries over lines, which take their time.
//!
//! Of the query language there is `filter @message like /this|that/`, the same of `@logStream`, and
//! `stats count(*) as name`.

use std::collections::BTreeMap;

use bluegreen_core::{Monotonic, Timestamp};
use serde_json::{Value, json};

use super::FakeAws;
use super::cloud::{self, Cloud};
use super::wire::{Answer, Answered, Asked, Refusal};
use crate::lock::held;

#[derive(Debug, Default)]
pub(super) struct State {
    groups: BTreeMap<String, Vec<Line>>,
    queries: Vec<Query>,
    /// How queries end, where not by `Complete`.
    end: Option<String>,
}

#[derive(Debug)]
struct Line {
    at: i64,
    stream: String,
    message: String,
}

#[derive(Debug)]
struct Query {
    begun: Monotonic,
    matched: usize,
    scanned: usize,
    counted_as: Option<String>,
    is_stopped: bool,
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

pub(super) fn answer(cloud: &Cloud, state: &mut cloud::State, asked: &Asked) -> Answered {
    let state = &mut state.logs;
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| Refusal::new("SerializationException", "not JSON"))?;
    let answer = match asked.action.as_str() {
        "StartQuery" => state.start(cloud, &body)?,
        "GetQueryResults" => state.results(cloud, &body)?,
        "StopQuery" => {
            state.query(&body)?.is_stopped = true;
            json!({"success": true})
        }
        _ => {
            return Err(Refusal::new(
                "UnknownOperationException",
                "no such operation here",
            ));
        }
    };
    Ok(Answer::json(&answer))
}

impl State {
    fn start(&mut self, cloud: &Cloud, body: &Value) -> Result<Value, Refusal> {
        let names: Vec<&str> = match (&body["logGroupName"], &body["logGroupNames"]) {
            (Value::String(name), Value::Null) => vec![name],
            (Value::Null, Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => {
                return Err(invalid(
                    "Exactly one of logGroupName, logGroupNames has to be given",
                ));
            }
        };
        let (Some(start), Some(end)) = (body["startTime"].as_i64(), body["endTime"].as_i64()) else {
            return Err(invalid("startTime and endTime are needed"));
        };
        let now = cloud.clock.now().as_millis() / 1_000;
        if start > end {
            return Err(invalid("End time should not be before start time"));
        }
        // What was meant as milliseconds lies in the year 58,000.
        if start > now {
            let message = "The query's end date and time is either before the log groups creation time or exceeds \
                the log groups log retention settings";
            return Err(Refusal::new("MalformedQueryException", message));
        }
        let text = body["queryString"].as_str().unwrap_or_default();
        let (messages, streams) = (liked(text, "@message"), liked(text, "@logStream"));
        let has = |wanted: &Option<Vec<String>>, text: &str| {
            let any = |wanted: &Vec<String>| wanted.iter().any(|part| text.contains(part.as_str()));
            wanted.as_ref().is_none_or(any)
        };
        let (mut matched, mut scanned) = (0, 0);
        for name in names {
            let lines = self.groups.get(name).ok_or_else(|| {
                let message = format!("Log group '{name}' does not exist for account ID");
                Refusal::new("ResourceNotFoundException", message)
            })?;
            for line in lines.iter().filter(|line| (start..=end).contains(&line.at)) {
                scanned += 1;
                matched += usize::from(has(&messages, &line.message) && has(&streams, &line.stream));
            }
        }
        let counted_as = text.split_once("stats count(*) as ").map(|(_, rest)| {
            let name = rest.split_whitespace().next();
            name.unwrap_or_default().to_owned()
        });
        self.queries.push(Query {
            begun: cloud.clock.monotonic(),
            matched,
            scanned,
            counted_as,
            is_stopped: false,
        });
        Ok(json!({"queryId": format!("12ab3456-12ab-123a-789e-{:012}", self.queries.len() - 1)}))
    }

    fn query(&mut self, body: &Value) -> Result<&mut Query, Refusal> {
        let id = body["queryId"].as_str().unwrap_or_default();
        let number: Option<usize> = id.rsplit('-').next().and_then(|number| number.parse().ok());
        let query = number.and_then(|number| self.queries.get_mut(number));
        query.ok_or_else(|| Refusal::new("ResourceNotFoundException", "no such query"))
    }

    fn results(&mut self, cloud: &Cloud, body: &Value) -> Result<Value, Refusal> {
        let end = self.end.clone().unwrap_or_else(|| "Complete".to_owned());
        let query = self.query(body)?;
        let age = cloud.clock.monotonic().since(query.begun);
        let takes = cloud.config.query_takes;
        let status = if query.is_stopped {
            "Cancelled"
        } else if age < takes / 3 {
            "Scheduled"
        } else if age < takes {
            "Running"
        } else {
            &end
        };
        let is_complete = status == "Complete";
        let rows = match &query.counted_as {
            // Nothing counted is no row, and not a row with 0.
            Some(name) if is_complete && query.matched > 0 => {
                json!([[{"field": name, "value": query.matched.to_string()}]])
            }
            _ => json!([]),
        };
        let of = |count: usize| if is_complete { count } else { 0 };
        let statistics = json!({
            "recordsMatched": of(query.matched), "recordsScanned": of(query.scanned), "bytesScanned": 0,
        });
        Ok(json!({"results": rows, "status": status, "statistics": statistics}))
    }
}

/// What stands between the slashes after `field like`.
fn liked(query: &str, field: &str) -> Option<Vec<String>> {
    let (_, rest) = query.split_once(&format!("{field} like /"))?;
    let mut inside = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '/' => break,
            '\\' => inside.extend(characters.next()),
            other => inside.push(other),
        }
    }
    Some(inside.split('|').map(str::to_owned).collect())
}

/// Log groups.
impl FakeAws {
    /// Writes a line to a log group, which is made if there is none.
    pub fn log(
        &self,
        group: impl Into<String>,
        stream: impl Into<String>,
        at: Timestamp,
        message: impl Into<String>,
    ) {
        let line = Line {
            at: at.as_millis().div_euclid(1_000),
            stream: stream.into(),
            message: message.into(),
        };
        held(&self.cloud.state)
            .logs
            .groups
            .entry(group.into())
            .or_default()
            .push(line);
    }

    /// Makes an empty log group, or empties one.
    pub fn empty_log_group(&self, group: impl Into<String>) {
        held(&self.cloud.state)
            .logs
            .groups
            .insert(group.into(), Vec::new());
    }

    /// How queries end from now on: `Failed`, `Timeout`, `Unknown`. `None`: `Complete`.
    pub fn set_query_end(&self, status: Option<&str>) {
        held(&self.cloud.state).logs.end = status.map(str::to_owned);
    }
}
