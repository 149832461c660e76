//! Gates as plans describe them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{humane, humane_option};
use crate::command::CommandSpec;

/// A gate of a plan: what is measured, and how often which answer decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GateSpec {
    /// The name under which events and reports know it; unique in its list.
    pub name: String,
    /// Requests, side by side; each must answer as asked for. Exactly one of `http`, `command`,
    /// `metric` and `code` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpCheck>,
    /// A command that ends with 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// A number with limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricCheck>,
    /// A gate that the embedding program registers under the name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub code: bool,
    /// The wait before the first measurement.
    #[serde(default, with = "humane")]
    pub initial_delay: Duration,
    /// The time from one measurement to the next.
    #[serde(default = "GateSpec::default_period", with = "humane")]
    pub period: Duration,
    /// How long one measurement may take.
    #[serde(default = "GateSpec::default_timeout", with = "humane")]
    pub timeout: Duration,
    /// So many passes in a row are a pass.
    #[serde(default = "GateSpec::default_successes")]
    pub success_threshold: u32,
    /// So many failures in a row are a failure.
    #[serde(default = "GateSpec::default_failures")]
    pub failure_threshold: u32,
    /// So many errors of the measurement in a row make the gate inconclusive; at the deadline of the
    /// phase that is a failure.
    #[serde(default = "GateSpec::default_errors")]
    pub error_threshold: u32,
}

/// A request and what its answer must be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpCheck {
    /// The address; may hold placeholders such as `{url}`.
    pub url: String,
    /// The method.
    #[serde(default = "HttpCheck::default_method")]
    pub method: String,
    /// Headers to send. A secret is named, not written: `{ secret = "name" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderValue>,
    /// A body to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The statuses that are good. Empty: 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Values that the JSON body must have, by JSON pointer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Texts that the body must contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// Headers that the answer must have, with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answer_headers: BTreeMap<String, String>,
    /// The longest that the answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub max_latency: Option<Duration>,
}

/// A header's value: as it stands, or the name of a secret that the embedding program holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderValue {
    /// As it stands; may hold placeholders.
    Text(String),
    /// A secret, by name: it is in no record.
    Secret {
        /// The name.
        secret: String,
    },
}

/// A number with limits. No data is inconclusive, never a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricCheck {
    /// The name that the metrics source knows.
    pub name: String,
    /// The value must not be above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The value must not be below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
}

impl GateSpec {
    /// A gate that the embedding program registers under a name, at the default pace.
    pub fn in_code(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            http: Vec::new(),
            command: None,
            metric: None,
            code: true,
            initial_delay: Duration::ZERO,
            period: Self::default_period(),
            timeout: Self::default_timeout(),
            success_threshold: Self::default_successes(),
            failure_threshold: Self::default_failures(),
            error_threshold: Self::default_errors(),
        }
    }

    const fn default_period() -> Duration {
        Duration::from_secs(10)
    }
    const fn default_timeout() -> Duration {
        Duration::from_secs(5)
    }
    const fn default_successes() -> u32 {
        1
    }
    const fn default_failures() -> u32 {
        3
    }
    const fn default_errors() -> u32 {
        5
    }
}

impl HttpCheck {
    fn default_method() -> String {
        "GET".to_owned()
    }
}
