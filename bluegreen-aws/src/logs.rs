//! A gate on lines of logs: "fewer than 5 lines that match `ERROR|CRITICAL`", by CloudWatch Logs Insights.
//!
//! A query costs money by what it reads: give it a short window, and let the gate ask every minute rather than every
//! second. Lines are found in it half a minute or more after they were written.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::get_query_results::GetQueryResultsOutput;
use aws_sdk_cloudwatchlogs::types::QueryStatus;
use bluegreen_core::{Fault, Gate, GateContext, Op, Slot, Verdict};

use crate::Rate;
use crate::account::{Account, Call, Service, Urgency};

/// `GetQueryResults` takes [5 to 10 a second](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
const SERVICE: Service = Service {
    provider: "logs",
    signed_as: "logs",
    rate: Rate::a_second(5),
};

/// How long is waited before the state of a query is asked for again.
const POLL: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_mins(5);
const COLUMN: &str = "matching";

/// What cannot be asked of logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the gate on logs: {0}")]
pub struct InvalidLogGate(String);

/// Fails when so many lines match in a window, passes when there are fewer. Where there is no line at all, nothing is
/// known: inconclusive.
///
/// ```
/// use bluegreen_aws::Account;
/// use bluegreen_aws::logs::LogGate;
/// # let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
///
/// let gate = LogGate::new(&Account::new(&config), "errors", "/shop/blue", "/shop/green")
///     .matching("ERROR|CRITICAL")?
///     .fewer_than(5);
/// # drop(gate);
/// # Ok::<(), bluegreen_aws::logs::InvalidLogGate>(())
/// ```
#[derive(Clone)]
pub struct LogGate {
    account: Account,
    client: Client,
    name: String,
    groups: [String; 2],
    streams: Option<[String; 2]>,
    pattern: String,
    limit: u64,
    window: Duration,
}

impl fmt::Debug for LogGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGate")
            .field("name", &self.name)
            .field("groups", &self.groups)
            .field("pattern", &self.pattern)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl LogGate {
    /// A gate under the name that plans use, on the log group of each slot: no line that matches `ERROR|CRITICAL` in
    /// the last five minutes, if nothing else is said.
    #[must_use]
    pub fn new(
        account: &Account,
        name: impl Into<String>,
        blue: impl Into<String>,
        green: impl Into<String>,
    ) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: name.into(),
            groups: [blue.into(), green.into()],
            streams: None,
            pattern: "ERROR|CRITICAL".to_owned(),
            limit: 1,
            window: WINDOW,
        }
    }

    /// The regular expression that a line has to match to be counted.
    ///
    /// # Errors
    /// When it is empty, longer than 1,000 bytes, or has control characters.
    pub fn matching(mut self, pattern: impl Into<String>) -> Result<Self, InvalidLogGate> {
        self.pattern = checked(&pattern.into())?;
        Ok(self)
    }

    /// Where both slots write to one group: the regular expressions that the names of their streams match.
    ///
    /// # Errors
    /// As [`matching`](Self::matching).
    pub fn streams(
        mut self,
        blue: impl Into<String>,
        green: impl Into<String>,
    ) -> Result<Self, InvalidLogGate> {
        self.streams = Some([checked(&blue.into())?, checked(&green.into())?]);
        Ok(self)
    }

    /// Passes with fewer lines than this; 1 if nothing is said.
    #[must_use]
    pub fn fewer_than(mut self, lines: u64) -> Self {
        self.limit = lines.max(1);
        self
    }

    /// How far back is looked; five minutes if nothing is said, at least a second.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(Duration::from_secs(1));
        self
    }

    fn query(&self, slot: Slot) -> String {
        let streams = self.streams.as_ref().map(|streams| {
            let stream = for_slot(streams, slot);
            format!("filter @logStream like /{stream}/ | ")
        });
        let streams = streams.unwrap_or_default();
        format!(
            "{streams}filter @message like /{}/ | stats count(*) as {COLUMN}",
            self.pattern
        )
    }

    /// Starts the query, and asks until it has ended. `None`: it has not, and is stopped.
    async fn asked(&self, call: &Call, slot: Slot) -> Result<Option<GetQueryResultsOutput>, Fault> {
        let end = self.account.time().now().as_millis().div_euclid(1_000);
        let window = i64::try_from(self.window.as_secs()).unwrap_or(300);
        // Both in seconds, and both part of what is asked for.
        let request = self
            .client
            .start_query()
            .log_group_name(for_slot(&self.groups, slot))
            .start_time(end - window)
            .end_time(end)
            .query_string(self.query(slot));
        let started = call.read("StartQuery", request.send()).await?;
        let id = started.query_id.unwrap_or_default();
        while call.pause(POLL).await {
            let results = self.client.get_query_results().query_id(&id);
            let results = call.read("GetQueryResults", results.send()).await?;
            if !matches!(
                results.status,
                Some(QueryStatus::Scheduled | QueryStatus::Running)
            ) {
                return Ok(Some(results));
            }
        }
        // It would go on and be paid for.
        let stopped = call
            .read("StopQuery", self.client.stop_query().query_id(&id).send())
            .await;
        if let Err(fault) = stopped {
            tracing::debug!(%fault, "a query that nobody waits for was not stopped");
        }
        Ok(None)
    }
}

/// What stands between slashes in a query.
fn checked(pattern: &str) -> Result<String, InvalidLogGate> {
    if pattern.is_empty() || pattern.len() > 1_000 || pattern.chars().any(char::is_control) {
        return Err(InvalidLogGate(
            "a pattern has 1 to 1,000 bytes, on one line".to_owned(),
        ));
    }
    let mut escaped = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '/' => escaped.push_str("\\/"),
            '\\' => match characters.next() {
                Some(next) => escaped.extend(['\\', next]),
                None => return Err(InvalidLogGate("a pattern cannot end with a backslash".to_owned())),
            },
            other => escaped.push(other),
        }
    }
    Ok(escaped)
}

fn for_slot(values: &[String; 2], slot: Slot) -> &str {
    let [blue, green] = values;
    match slot {
        Slot::Blue => blue,
        Slot::Green => green,
    }
}

/// How many lines matched: no row is none.
fn counted(results: &GetQueryResultsOutput) -> Option<u64> {
    let fields = results.results.as_deref().unwrap_or_default().iter().flatten();
    let mut columns = fields.filter(|field| field.field.as_deref() == Some(COLUMN));
    match columns.next() {
        None => Some(0),
        Some(field) => field.value.as_deref()?.parse().ok(),
    }
}

#[async_trait]
impl Gate for LogGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let group = for_slot(&self.groups, context.slot);
        let call = self.account.begin(op, Urgency::Routine, SERVICE, group);
        let Some(results) = self.asked(&call, context.slot).await? else {
            return Ok(Verdict::inconclusive(
                "the query has not ended in the time of the call",
            ));
        };
        if results.status != Some(QueryStatus::Complete) {
            let status = results.status.as_ref().map_or("no status", QueryStatus::as_str);
            return Ok(Verdict::inconclusive(format!("the query has ended as {status}")));
        }
        let scanned = results
            .statistics
            .as_ref()
            .map_or(0.0, |statistics| statistics.records_scanned);
        let limit = self.limit;
        Ok(match counted(&results) {
            None => Verdict::inconclusive("the answer has no count that can be read"),
            Some(_) if scanned <= 0.0 => Verdict::inconclusive(format!(
                "no lines at all in {group} in the last {:?}",
                self.window
            )),
            Some(count) if count < limit => {
                Verdict::pass(format!("{count} of {scanned} lines match, fewer than {limit}"))
            }
            Some(count) => Verdict::fail(format!(
                "{count} of {scanned} lines match, and {limit} are too many"
            )),
        })
    }
}
