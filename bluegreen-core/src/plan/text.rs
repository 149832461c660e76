//! Plans as texts: TOML and JSON, read and written.

use serde_json::Value;

use super::json::Strict;
use super::load::load;
use super::{Plan, PlanError, Problem};

/// The longest text that is read. A plan itself is held to far less.
const LONGEST_TEXT_BYTES: usize = 256 * 1024;

impl Plan {
    /// Reads a plan from TOML, and checks it.
    ///
    /// ```
    /// use bluegreen_core::Plan;
    ///
    /// let plan = Plan::from_toml("service = \"shop\"\n[soak]\ntime = \"10m\"")?;
    /// assert_eq!(plan.soak.time.as_secs(), 600);
    /// # Ok::<(), bluegreen_core::plan::PlanError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no TOML, with line and column; otherwise with everything that is wrong with
    /// the plan.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        refuse_if_too_long(text)?;
        let table: toml::Table = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
        load(json_of(toml::Value::Table(table)))
    }

    /// Reads a plan from JSON, and checks it.
    ///
    /// # Errors
    /// When the text is no JSON, or has a key twice, with line and column; otherwise with everything that is wrong with
    /// the plan.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        refuse_if_too_long(text)?;
        let Strict(value) = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        load(value)
    }

    /// Reads a plan from a value, whatever text that came from (YAML, a database), and checks it.
    ///
    /// # Errors
    /// With everything that is wrong with the plan.
    pub fn from_value(value: Value) -> Result<Self, PlanError> {
        load(value)
    }

    /// Writes the plan as JSON, so that [`from_json`](Self::from_json) reads an equal one.
    ///
    /// # Errors
    /// Never for a plan that was checked; serde's otherwise.
    pub fn to_json(&self) -> Result<String, PlanError> {
        serde_json::to_string_pretty(self).map_err(|error| cannot_write(&error))
    }

    /// Writes the plan as TOML, so that [`from_toml`](Self::from_toml) reads an equal one.
    ///
    /// # Errors
    /// When a JSON value that a gate asks for has no form in TOML: `null`, or a number beyond 64 bits.
    pub fn to_toml(&self) -> Result<String, PlanError> {
        // Through the text and not the value: 1.1 as an f32 would become 1.100000023841858.
        let text = serde_json::to_string(self).map_err(|error| cannot_write(&error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| cannot_write(&error))?;
        let value = toml_of(value, "")?;
        toml::to_string_pretty(&value).map_err(|error| cannot_write(&error))
    }
}

fn refuse_if_too_long(text: &str) -> Result<(), PlanError> {
    if text.len() > LONGEST_TEXT_BYTES {
        let message = format!("the text is {} KiB long", text.len().div_ceil(1024));
        return Err(Problem::new("", message, "write at most 256 KiB").into());
    }
    Ok(())
}

fn cannot_write(error: &dyn std::error::Error) -> PlanError {
    Problem::new(
        "",
        format!("the plan cannot be written: {error}"),
        "check it first",
    )
    .into()
}

/// Line and column, but not the line itself as toml would show it: a secret may stand in it.
fn not_toml(text: &str, error: &toml::de::Error) -> PlanError {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = format!(
        "line {line}, column {column} is no TOML: {}",
        error.message().replace('\n', ", ")
    );
    Problem::new(
        "",
        message,
        "correct the line; https://toml.io shows how TOML is written",
    )
    .into()
}

fn not_json(error: &serde_json::Error) -> PlanError {
    Problem::new("", format!("the text is no JSON: {error}"), "correct the line").into()
}

/// Dates become texts; what JSON has no number for (`inf`, `nan`) becomes a text too, so that it is
/// refused where a number is asked for, and not taken as left out.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map_or_else(|| Value::String(number.to_string()), Value::Number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, json_of(value)))
            .collect(),
    }
}

fn toml_of(value: Value, path: &str) -> Result<toml::Value, PlanError> {
    let refused = |what: &str| {
        PlanError::from(Problem::new(
            path,
            format!("TOML has no {what}"),
            "write the plan as JSON",
        ))
    };
    Ok(match value {
        Value::Null => return Err(refused("null")),
        Value::Bool(truth) => toml::Value::Boolean(truth),
        Value::String(text) => toml::Value::String(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => toml::Value::Integer(whole),
            (None, Some(float)) if !number.is_u64() => toml::Value::Float(float),
            _ => return Err(refused("number of more than 63 bits")),
        },
        Value::Array(items) => {
            let items = items
                .into_iter()
                .enumerate()
                .map(|(at, item)| toml_of(item, &format!("{path}[{at}]")));
            toml::Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let below = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                Ok((key, toml_of(value, &below)?))
            });
            toml::Value::Table(entries.collect::<Result<_, PlanError>>()?)
        }
    })
}
