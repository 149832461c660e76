//! Thresholds as operators write them: normal, warning, critical.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{GateSpec, MetricCheck, humane, percent};
use crate::analysis::OnMissing;

/// Thresholds by the names of their metrics, watched wherever the candidate has traffic: the short form of guards
/// on numbers.
///
/// ```
/// use bluegreen_core::Plan;
///
/// let plan = Plan::from_toml(r#"
///     service = "shop"
///     [thresholds]
///     cpu          = { normal = "60%", warning = "75%", critical = "90%" }
///     p95          = { normal = "500ms", warning = "1s", critical = "2s" }
///     queue_depth  = { warning = 100, critical = 1000, failure_threshold = 6 }
///     memory       = { of_live = true, critical = "200%", normal = 500_000_000 }
///     pool_free    = { below = true, warning = 10, critical = 2, on_missing = "rollback" }
/// "#)?;
/// assert_eq!(plan.thresholds.gates().len(), 5);
/// # Ok::<(), bluegreen_core::plan::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Threshold>", into = "BTreeMap<String, Threshold>")]
pub struct Thresholds(Vec<GateSpec>);

impl Thresholds {
    /// Each as the gate that it is.
    #[must_use]
    pub fn gates(&self) -> &[GateSpec] {
        &self.0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With one more, in the place of one of the same name.
    pub(super) fn insert(&mut self, name: String, threshold: Threshold) {
        let mut all: BTreeMap<String, Threshold> = std::mem::take(self).into();
        all.insert(name, threshold);
        *self = all.into();
    }
}

/// A number of the candidate, and what is normal, a warning, critical.
///
/// | the number is | the measurement |
/// |---|---|
/// | beyond `critical` | has failed; `failure_threshold` of them in a row lead back |
/// | beyond `warning` | does not pass: after `error_threshold` of them in a row the step is held |
/// | not there, or could not be read | says nothing: `error_threshold` in a row hold the step |
/// | anything else | passes; the evidence says when it is beyond `normal` |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Threshold {
    /// The metric, as its source knows it. Left out: the name of the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What is usual. With `of_live` a floor, as a number and not as a multiple: only what is beyond it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<Level>,
    /// Beyond it the step is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Level>,
    /// Beyond it all traffic goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Level>,
    /// Whether `warning` and `critical` are multiples of live's number: 2 or `"200%"`. Once live has no traffic
    /// there is nothing to compare with, and it passes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_live: bool,
    /// Whether low numbers are the bad ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below: bool,
    /// What a measurement without data is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_missing: OnMissing,
    /// The wait before the first measurement.
    #[serde(default, skip_serializing_if = "Duration::is_zero", with = "humane")]
    pub initial_delay: Duration,
    /// The time from one measurement to the next.
    #[serde(
        default = "GateSpec::default_period",
        skip_serializing_if = "usual_period",
        with = "humane"
    )]
    pub period: Duration,
    /// How long one measurement may take.
    #[serde(
        default = "GateSpec::default_timeout",
        skip_serializing_if = "usual_timeout",
        with = "humane"
    )]
    pub timeout: Duration,
    /// So many failures in a row lead back.
    #[serde(
        default = "GateSpec::default_failures",
        skip_serializing_if = "usual_failures"
    )]
    pub failure_threshold: u32,
    /// So many measurements in a row that said nothing hold the step.
    #[serde(default = "GateSpec::default_errors", skip_serializing_if = "usual_errors")]
    pub error_threshold: u32,
}

// What is usual is not written: a table of thresholds stays a table.

fn usual_period(period: &Duration) -> bool {
    *period == GateSpec::default_period()
}

fn usual_timeout(timeout: &Duration) -> bool {
    *timeout == GateSpec::default_timeout()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn usual_failures(failures: &u32) -> bool {
    *failures == GateSpec::default_failures()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn usual_errors(errors: &u32) -> bool {
    *errors == GateSpec::default_errors()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_default(on_missing: &OnMissing) -> bool {
    *on_missing == OnMissing::default()
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            metric: None,
            normal: None,
            warning: None,
            critical: None,
            of_live: false,
            below: false,
            on_missing: OnMissing::default(),
            initial_delay: Duration::ZERO,
            period: GateSpec::default_period(),
            timeout: GateSpec::default_timeout(),
            failure_threshold: GateSpec::default_failures(),
            error_threshold: GateSpec::default_errors(),
        }
    }
}

impl Threshold {
    /// Above this all traffic goes back.
    #[must_use]
    pub fn critical(level: impl Into<Level>) -> Self {
        Self {
            critical: Some(level.into()),
            ..Self::default()
        }
    }

    /// With a level above which the step is held.
    #[must_use]
    pub fn warning(mut self, level: impl Into<Level>) -> Self {
        self.warning = Some(level.into());
        self
    }

    /// With what is usual.
    #[must_use]
    pub fn normal(mut self, level: impl Into<Level>) -> Self {
        self.normal = Some(level.into());
        self
    }

    /// As multiples of live's number.
    #[must_use]
    pub const fn of_live(mut self) -> Self {
        self.of_live = true;
        self
    }

    /// Where low numbers are the bad ones.
    #[must_use]
    pub const fn below(mut self) -> Self {
        self.below = true;
        self
    }
}

impl From<BTreeMap<String, Threshold>> for Thresholds {
    fn from(all: BTreeMap<String, Threshold>) -> Self {
        let gate = |(name, threshold): (String, Threshold)| GateSpec {
            initial_delay: threshold.initial_delay,
            period: threshold.period,
            timeout: threshold.timeout,
            failure_threshold: threshold.failure_threshold,
            error_threshold: threshold.error_threshold,
            ..GateSpec::metric(
                name.clone(),
                MetricCheck {
                    normal: threshold.normal,
                    warning: threshold.warning,
                    critical: threshold.critical,
                    of_live: threshold.of_live,
                    below: threshold.below,
                    on_missing: threshold.on_missing,
                    ..MetricCheck::new(threshold.metric.unwrap_or(name))
                },
            )
        };
        Self(all.into_iter().map(gate).collect())
    }
}

impl From<Thresholds> for BTreeMap<String, Threshold> {
    fn from(all: Thresholds) -> Self {
        let threshold = |gate: GateSpec| {
            let check = gate.metric?;
            let threshold = Threshold {
                metric: Some(check.name).filter(|metric| *metric != gate.name),
                normal: check.normal,
                warning: check.warning,
                critical: check.critical,
                of_live: check.of_live,
                below: check.below,
                on_missing: check.on_missing,
                initial_delay: gate.initial_delay,
                period: gate.period,
                timeout: gate.timeout,
                failure_threshold: gate.failure_threshold,
                error_threshold: gate.error_threshold,
            };
            Some((gate.name, threshold))
        };
        all.0.into_iter().filter_map(threshold).collect()
    }
}

/// A number as people write it: `90`, `"90%"` for 0.9, `"500ms"` for 0.5 seconds. Shown as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    written: f64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Number,
    Percent,
    /// Written in milliseconds.
    Time,
}

impl Level {
    /// A share in percent: 5 for 0.05.
    #[must_use]
    pub const fn percent(percent: f64) -> Self {
        let (written, unit) = (percent, Unit::Percent);
        Self { written, unit }
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        match self.unit {
            Unit::Number => self.written,
            Unit::Percent => self.written / 100.0,
            Unit::Time => self.written / 1000.0,
        }
    }

    pub(super) const fn is_time(self) -> bool {
        matches!(self.unit, Unit::Time)
    }

    pub(super) const fn is_finite(self) -> bool {
        self.written.is_finite()
    }

    /// Another number in the same form.
    #[must_use]
    pub fn like(self, value: f64) -> String {
        match self.unit {
            Unit::Number => format!("{}", (value * 1000.0).round() / 1000.0),
            Unit::Percent => format!("{}%", (value * 10_000.0).round() / 100.0),
            // To the nearest millisecond.
            Unit::Time => Duration::try_from_secs_f64(value + 0.0005).map_or_else(
                |_| format!("{value}s"),
                |span| {
                    humane::format(Duration::from_millis(
                        u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
                    ))
                },
            ),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.like(self.value()))
    }
}

impl From<f64> for Level {
    fn from(written: f64) -> Self {
        let unit = Unit::Number;
        Self { written, unit }
    }
}

impl From<Duration> for Level {
    fn from(span: Duration) -> Self {
        let (written, unit) = (span.as_secs_f64() * 1000.0, Unit::Time);
        Self { written, unit }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.unit {
            Unit::Number => serializer.serialize_f64(self.written),
            Unit::Percent => serializer.serialize_str(&format!("{}%", self.written)),
            Unit::Time => serializer.serialize_str(&self.to_string()),
        }
    }
}

const REMEDY: &str = "write a number, a percentage such as \"5%\", or a time such as \"500ms\"";

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl de::Visitor<'_> for Written {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a percentage such as \"5%\", or a time such as \"500ms\"")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Level, E> {
                Ok(number.into())
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a level of more than 2^53 needs no last digit"
            )]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Level, E> {
                Ok((number as f64).into())
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a level of more than 2^53 needs no last digit"
            )]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Level, E> {
                Ok((number as f64).into())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
                if text.ends_with('%') {
                    return percent::parse(text)
                        .map(Level::percent)
                        .ok_or_else(|| E::custom(format!("{text:?} is no percentage: {REMEDY}")));
                }
                humane::parse(text)
                    .map(Level::from)
                    .map_err(|_| E::custom(format!("{text:?} is no level: {REMEDY}")))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn levels_are_read_as_people_write_them_and_shown_so() {
        for (written, value, shown) in [
            (json!(90), 90.0, "90"),
            (json!(0.5), 0.5, "0.5"),
            (json!(-3), -3.0, "-3"),
            (json!("0.1%"), 0.001, "0.1%"),
            (json!("200 %"), 2.0, "200%"),
            (json!("500ms"), 0.5, "500ms"),
            (json!("2s"), 2.0, "2s"),
        ] {
            let level: Level = serde_json::from_value(written.clone()).unwrap();
            assert!((level.value() - value).abs() < 1e-12, "{written}");
            assert_eq!(level.to_string(), shown);
            let again: Level = serde_json::from_value(serde_json::to_value(level).unwrap()).unwrap();
            assert_eq!(again, level);
        }
        for written in [
            json!("5"),
            json!("x%"),
            json!("inf%"),
            json!("nan%"),
            json!(""),
            json!(true),
            json!([1]),
        ] {
            let refused = serde_json::from_value::<Level>(written.clone()).expect_err(&written.to_string());
            assert!(refused.to_string().contains("a percentage such as"), "{refused}");
        }
    }
}
