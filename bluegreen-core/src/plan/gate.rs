//! Gates as plans describe them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::threshold::is_default;
use super::{Level, ScenarioSpec, humane, humane_option};
use crate::analysis::OnMissing;
use crate::command::CommandSpec;

/// A gate of a plan: what is measured, and how often which answer decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GateSpec {
    /// The name under which events and reports know it; unique in its list.
    pub name: String,
    /// Requests, side by side; each must answer as asked for. Exactly one of `http`, `scenario`,
    /// `command`, `metric` and `code` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpCheck>,
    /// Requests in order, with values taken from an answer and used in later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioSpec>,
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
    /// A body to send; at most one of `body`, `body_json` and `body_form` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A body to send as JSON. Its texts may hold placeholders, and are escaped as JSON needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_json: Option<serde_json::Value>,
    /// Fields to send as a form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub body_form: BTreeMap<String, String>,
    /// The statuses that are good. Empty: 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Values that the JSON body must have, by JSON pointer. Texts may hold placeholders: `{version}` makes
    /// sure that it is this release that answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Texts that the body must contain; may hold placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// Texts that the body must not contain; may hold placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// Regular expressions (syntax of the crate `regex-lite`) that the body must match somewhere; no
    /// placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Headers that the answer must have, with these values, which may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answer_headers: BTreeMap<String, String>,
    /// The longest that the answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub max_latency: Option<Duration>,
}

/// A header's value: as it stands, or the name of a secret that the embedding program holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

// By hand: what serde derives for an untagged enum lets unknown keys pass and cannot say what is wrong.
impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            secret: String,
        }

        struct TextOrSecret;

        impl<'de> de::Visitor<'de> for TextOrSecret {
            type Value = HeaderValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or { secret = \"name\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderValue, E> {
                Ok(HeaderValue::Text(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<HeaderValue, A::Error> {
                let Named { secret } = Named::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(HeaderValue::Secret { secret })
            }
        }

        deserializer.deserialize_any(TextOrSecret)
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl HeaderValue {
    /// A secret, by name.
    pub fn secret(name: impl Into<String>) -> Self {
        Self::Secret { secret: name.into() }
    }
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
    /// What is usual; this and what follows is as in a [`Threshold`](super::Threshold).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<Level>,
    /// Beyond it the gate is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Level>,
    /// Beyond it the gate fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Level>,
    /// Whether `warning` and `critical` are multiples of the number of the other slot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_live: bool,
    /// Whether low numbers are beyond these levels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below: bool,
    /// What a measurement without data is: inconclusive, or with `rollback` a failure.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_missing: OnMissing,
}

impl GateSpec {
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            http: Vec::new(),
            scenario: None,
            command: None,
            metric: None,
            code: false,
            initial_delay: Duration::ZERO,
            period: Self::default_period(),
            timeout: Self::default_timeout(),
            success_threshold: Self::default_successes(),
            failure_threshold: Self::default_failures(),
            error_threshold: Self::default_errors(),
        }
    }

    /// A gate that sends requests, side by side.
    #[must_use]
    pub fn http(name: impl Into<String>, checks: impl IntoIterator<Item = HttpCheck>) -> Self {
        Self {
            http: checks.into_iter().collect(),
            ..Self::new(name)
        }
    }

    /// A gate that sends requests in order.
    #[must_use]
    pub fn scenario(name: impl Into<String>, scenario: ScenarioSpec) -> Self {
        Self {
            scenario: Some(scenario),
            ..Self::new(name)
        }
    }

    /// A gate that runs a command; 0 is good.
    #[must_use]
    pub fn command(name: impl Into<String>, command: CommandSpec) -> Self {
        Self {
            command: Some(command),
            ..Self::new(name)
        }
    }

    /// A gate that reads a metric.
    #[must_use]
    pub fn metric(name: impl Into<String>, metric: MetricCheck) -> Self {
        Self {
            metric: Some(metric),
            ..Self::new(name)
        }
    }

    /// A gate that the embedding program registers under the name.
    #[must_use]
    pub fn code(name: impl Into<String>) -> Self {
        Self {
            code: true,
            ..Self::new(name)
        }
    }

    /// With a wait before the first measurement.
    #[must_use]
    pub const fn initial_delay(mut self, delay: Duration) -> Self {
        self.initial_delay = delay;
        self
    }

    /// With another time from one measurement to the next.
    #[must_use]
    pub const fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// With another limit for one measurement.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With other numbers of passes, failures and errors in a row that decide.
    #[must_use]
    pub const fn thresholds(mut self, passes: u32, failures: u32, errors: u32) -> Self {
        self.success_threshold = passes;
        self.failure_threshold = failures;
        self.error_threshold = errors;
        self
    }

    pub(super) const fn default_period() -> Duration {
        Duration::from_secs(10)
    }

    pub(super) const fn default_timeout() -> Duration {
        Duration::from_secs(5)
    }

    pub(super) const fn default_successes() -> u32 {
        1
    }

    pub(super) const fn default_failures() -> u32 {
        3
    }

    pub(super) const fn default_errors() -> u32 {
        5
    }
}

impl HttpCheck {
    /// A request of a method, that any status from 200 to 299 answers well.
    #[must_use]
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: method.into(),
            headers: BTreeMap::new(),
            body: None,
            body_json: None,
            body_form: BTreeMap::new(),
            status: Vec::new(),
            json: BTreeMap::new(),
            contains: Vec::new(),
            lacks: Vec::new(),
            matches: Vec::new(),
            answer_headers: BTreeMap::new(),
            max_latency: None,
        }
    }

    /// A `GET` request.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Self::default_method(), url)
    }

    /// With one more header to send.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// With a body to send.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With a body to send as JSON.
    #[must_use]
    pub fn body_json(mut self, body: impl Into<serde_json::Value>) -> Self {
        self.body_json = Some(body.into());
        self
    }

    /// With one more field of a form to send.
    #[must_use]
    pub fn body_form(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.body_form.insert(name.into(), value.into());
        self
    }

    /// With one more status that is good.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status.push(status);
        self
    }

    /// With one more value that the JSON body must have at a JSON pointer.
    #[must_use]
    pub fn json(mut self, pointer: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.json.insert(pointer.into(), value.into());
        self
    }

    /// With one more text that the body must contain.
    #[must_use]
    pub fn contains(mut self, text: impl Into<String>) -> Self {
        self.contains.push(text.into());
        self
    }

    /// With one more text that the body must not contain.
    #[must_use]
    pub fn lacks(mut self, text: impl Into<String>) -> Self {
        self.lacks.push(text.into());
        self
    }

    /// With one more regular expression that the body must match.
    #[must_use]
    pub fn matches(mut self, regex: impl Into<String>) -> Self {
        self.matches.push(regex.into());
        self
    }

    /// With one more header that the answer must have.
    #[must_use]
    pub fn answer_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.answer_headers.insert(name.into(), value.into());
        self
    }

    /// With the longest that the answer may take.
    #[must_use]
    pub const fn max_latency(mut self, latency: Duration) -> Self {
        self.max_latency = Some(latency);
        self
    }

    fn default_method() -> String {
        "GET".to_owned()
    }
}

impl MetricCheck {
    /// A metric; give it a limit.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            max: None,
            min: None,
            normal: None,
            warning: None,
            critical: None,
            of_live: false,
            below: false,
            on_missing: OnMissing::default(),
        }
    }

    /// With the greatest value that is good.
    #[must_use]
    pub const fn max(mut self, max: f64) -> Self {
        self.max = Some(max);
        self
    }

    /// With the least value that is good.
    #[must_use]
    pub const fn min(mut self, min: f64) -> Self {
        self.min = Some(min);
        self
    }
}
