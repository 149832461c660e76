//! What Prometheus answers: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Timestamp;
use crate::metrics::exposition::seconds;

/// The whole of it.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) data: Option<Data>,
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

/// What a query gives.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Data {
    Vector(Vec<One>),
    Scalar(Point),
    Matrix(Vec<Many>),
    String(serde::de::IgnoredAny),
}

/// A series with one number.
#[derive(Debug, Deserialize)]
pub(super) struct One {
    pub(super) metric: BTreeMap<String, String>,
    /// Not there for a native histogram.
    #[serde(default)]
    pub(super) value: Option<Point>,
}

/// A series with numbers over a time.
#[derive(Debug, Deserialize)]
pub(super) struct Many {
    #[serde(default)]
    pub(super) values: Vec<Point>,
}

/// A number and its moment, which comes as a number of seconds and a text.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "(serde_json::Number, String)")]
pub(super) struct Point {
    pub(super) at: Timestamp,
    /// May be NaN and infinite.
    pub(super) value: f64,
}

impl TryFrom<(serde_json::Number, String)> for Point {
    type Error = String;

    fn try_from((at, value): (serde_json::Number, String)) -> Result<Self, String> {
        let no_number = |text: &str| format!("{text:?} is no number");
        Ok(Self {
            at: seconds(&at.to_string()).ok_or_else(|| no_number(&at.to_string()))?,
            value: value.parse().map_err(|_| no_number(&value))?,
        })
    }
}

impl Answer {
    /// What says that the numbers are not of everything that they should be of: a remote store that could
    /// not be read. Remarks about the query are none of it.
    pub(super) fn warning(&self) -> Option<&str> {
        let mut warnings = self.warnings.iter().map(String::as_str);
        warnings.find(|warning| !warning.starts_with("PromQL info"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_texts_and_moments_are_not() {
        for (text, at, value) in [
            (r#"[1700000000.781,"1.5"]"#, 1_700_000_000_781, 1.5),
            (r#"[1700000000,"+Inf"]"#, 1_700_000_000_000, f64::INFINITY),
            (r#"[0,"-Inf"]"#, 0, f64::NEG_INFINITY),
            (r#"[0,"1e+06"]"#, 0, 1e6),
        ] {
            let point: Point = serde_json::from_str(text).unwrap();
            let expected = Point {
                at: Timestamp::from_millis(at),
                value,
            };
            assert_eq!(point, expected, "{text}");
        }
        let nan: Point = serde_json::from_str(r#"[0,"NaN"]"#).unwrap();
        assert!(nan.value.is_nan());
        for text in [r#"[0,"x"]"#, r#"["0","1"]"#, "[0,1]", "[1e300,\"1\"]", "[0]"] {
            assert!(serde_json::from_str::<Point>(text).is_err(), "{text}");
        }
    }
}
