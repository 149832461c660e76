//! Smoke scenarios as plans describe them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{HeaderValue, HttpCheck, humane_option};

/// Requests in order, with values taken from an answer and used in later ones.
///
/// ```
/// use bluegreen_core::plan::{GateSpec, HeaderValue, HttpCheck, ScenarioSpec, ScenarioStep, Take};
/// use serde_json::json;
///
/// let login = HttpCheck::new("POST", "{url}/login")
///     .body_json(json!({ "user": "smoke", "password": "{password}" }));
/// let create = HttpCheck::new("POST", "{url}/orders")
///     .header("authorization", "Bearer {token}")
///     .body_json(json!({ "name": "smoke-{run}" }))
///     .status(201);
/// let delete = HttpCheck::new("DELETE", "{url}/orders/{order}").header("authorization", "Bearer {token}");
///
/// let orders = ScenarioSpec::new()
///     .value("password", HeaderValue::secret("smoke_password"))
///     .step(ScenarioStep::new("log-in", login).take("token", Take::json("/token")))
///     .step(ScenarioStep::new("create", create).take("order", Take::json("/id").shown()))
///     .clean_up(ScenarioStep::new("delete", delete));
/// let gate = GateSpec::scenario("orders", orders);
/// assert_eq!(gate.name, "orders");
/// ```
///
/// # Placeholders
/// Beside those of every plan, the texts of the steps may hold `{run}` (another short text in each run),
/// the names of [`values`](Self::values), and those that an earlier step takes. These are put into an
/// address percent-encoded, and only behind its host: an answer cannot choose where a later request goes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScenarioSpec {
    /// Values for placeholders of the steps, by name. A secret is named, not written:
    /// `{ secret = "name" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, HeaderValue>,
    /// Headers of every request; those of a step come before them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderValue>,
    /// The requests, in order. The first that is not answered as asked for ends them.
    #[serde(default)]
    pub steps: Vec<ScenarioStep>,
    /// What is done afterwards, in order, however the steps ended and also where one of these fails.
    /// A step whose values were never taken is passed over: there is nothing that it could clean up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clean_up: Vec<ScenarioStep>,
    /// How much of the gate's `timeout` is kept for `clean_up`. Left out: a third of it, at most 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub clean_up_time: Option<Duration>,
}

/// A request of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScenarioStep {
    /// The name under which the evidence knows it; unique in its scenario.
    pub name: String,
    /// The request, and what its answer must be like.
    pub http: HttpCheck,
    /// What later steps need of the answer, by the name of the placeholder. What cannot be taken is a
    /// failure of this step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub take: BTreeMap<String, Take>,
    /// Which redirects are followed.
    #[serde(default, skip_serializing_if = "Redirects::are_not_followed")]
    pub redirects: Redirects,
    /// How long this step may take. Left out: what is left of the scenario's time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub timeout: Option<Duration>,
}

/// What is taken from an answer: by `json`, by `header`, or by `regex` alone from the body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Take {
    /// A JSON pointer into the body, to a text, a number or a truth value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// The name of a header. Where it is there several times, the first is taken that `regex` matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A regular expression (syntax of the crate `regex-lite`) on what the pointer or the header gives,
    /// or else on the body: its first group is taken; without a group, all that it matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Whether the value may be shown. Left out it is `***` in all evidence: it may be a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
}

/// Which redirects are followed, at most five in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirects {
    /// None: the redirect is the answer.
    #[default]
    None,
    /// Those to the same scheme, host and port. One to elsewhere is a failure.
    SameOrigin,
    /// All. Elsewhere, the headers and the body of the plan are not sent along.
    Anywhere,
}

impl Redirects {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn are_not_followed(&self) -> bool {
        *self == Self::None
    }
}

impl ScenarioSpec {
    /// Nothing yet: give it steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a value for a placeholder.
    #[must_use]
    pub fn value(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// With a header of every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// With one more step.
    #[must_use]
    pub fn step(mut self, step: ScenarioStep) -> Self {
        self.steps.push(step);
        self
    }

    /// With one more step that is always done at the end.
    #[must_use]
    pub fn clean_up(mut self, step: ScenarioStep) -> Self {
        self.clean_up.push(step);
        self
    }

    /// With another part of the gate's timeout for cleaning up.
    #[must_use]
    pub const fn clean_up_time(mut self, time: Duration) -> Self {
        self.clean_up_time = Some(time);
        self
    }

    /// How much of a gate's timeout is kept for cleaning up.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn reserve(&self, timeout: Duration) -> Duration {
        const MOST: Duration = Duration::from_secs(5);
        if self.clean_up.is_empty() {
            return Duration::ZERO;
        }
        self.clean_up_time.unwrap_or_else(|| (timeout / 3).min(MOST))
    }
}

impl ScenarioStep {
    /// A request.
    #[must_use]
    pub fn new(name: impl Into<String>, http: HttpCheck) -> Self {
        Self {
            name: name.into(),
            http,
            take: BTreeMap::new(),
            redirects: Redirects::None,
            timeout: None,
        }
    }

    /// With a value for a placeholder of later steps.
    #[must_use]
    pub fn take(mut self, name: impl Into<String>, take: Take) -> Self {
        self.take.insert(name.into(), take);
        self
    }

    /// With other redirects that are followed.
    #[must_use]
    pub const fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// With a time limit of its own.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Take {
    /// What stands at a JSON pointer.
    #[must_use]
    pub fn json(pointer: impl Into<String>) -> Self {
        Self {
            json: Some(pointer.into()),
            ..Self::default()
        }
    }

    /// The value of a header.
    #[must_use]
    pub fn header(name: impl Into<String>) -> Self {
        Self {
            header: Some(name.into()),
            ..Self::default()
        }
    }

    /// What a regular expression finds in the body.
    #[must_use]
    pub fn body(regex: impl Into<String>) -> Self {
        Self::default().regex(regex)
    }

    /// Only the part that a regular expression finds.
    #[must_use]
    pub fn regex(mut self, regex: impl Into<String>) -> Self {
        self.regex = Some(regex.into());
        self
    }

    /// The value is no secret: evidence may show it.
    #[must_use]
    pub const fn shown(mut self) -> Self {
        self.shown = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_time_is_kept_for_a_clean_up_unless_the_plan_says_how_much() {
        let secs = Duration::from_secs;
        let step = || ScenarioStep::new("a", HttpCheck::get("{url}"));
        let nothing = ScenarioSpec::new().step(step());
        assert_eq!(nothing.reserve(secs(30)), Duration::ZERO);
        let something = nothing.clean_up(step());
        assert_eq!(something.reserve(secs(6)), secs(2));
        assert_eq!(something.reserve(secs(60)), secs(5));
        assert_eq!(something.clean_up_time(secs(20)).reserve(secs(60)), secs(20));
    }
}
