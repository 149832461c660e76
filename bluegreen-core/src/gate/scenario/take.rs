//! What later steps need of an answer.

use serde_json::Value;

use super::super::http::Answer;
use crate::plan::Take;
use crate::plan::pattern::pattern;

/// The longest value that is taken.
const MOST_BYTES: usize = 8 * 1024;

/// Whether there is one thing to take, and the expression is one.
pub(super) fn check(take: &Take) -> Result<(), String> {
    match (&take.json, &take.header, &take.regex) {
        (Some(_), Some(_), _) | (None, None, None) => {
            return Err("take one thing: by `json`, by `header`, or by `regex` from the body".to_owned());
        }
        _ => {}
    }
    take.regex.as_deref().map_or(Ok(()), |text| {
        pattern(text)
            .map(drop)
            .map_err(|why| format!("{text:?} is no regular expression: {why}"))
    })
}

/// Takes a value.
///
/// # Errors
/// Why it cannot be taken, without anything that the answer says.
pub(super) fn take(take: &Take, answer: &Answer) -> Result<String, String> {
    let (what, candidates) = candidates(take, answer)?;
    let found = match &take.regex {
        None => candidates.into_iter().next(),
        Some(text) => {
            let pattern = pattern(text)?;
            let first = candidates.iter().find_map(|candidate| {
                let groups = pattern.captures(candidate)?;
                groups
                    .get(1)
                    .or_else(|| groups.get(0))
                    .map(|found| found.as_str().to_owned())
            });
            Some(first.ok_or_else(|| format!("{what} does not match {text:?}"))?)
        }
    };
    match found {
        None => Err(format!("{what} is missing")),
        Some(value) if value.is_empty() => Err(format!("{what} is empty")),
        Some(value) if value.len() > MOST_BYTES => Err(format!(
            "{what} has {} bytes, and {MOST_BYTES} are taken at most",
            value.len()
        )),
        Some(value) => Ok(value),
    }
}

/// What is looked at, with its name.
fn candidates(take: &Take, answer: &Answer) -> Result<(String, Vec<String>), String> {
    if let Some(pointer) = &take.json {
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|_| "the body is no JSON".to_owned())?;
        let text = match body.pointer(pointer) {
            None => return Err(format!("{pointer} is missing")),
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(Value::Null) => return Err(format!("{pointer} is null")),
            Some(Value::Array(_)) => return Err(format!("{pointer} is a list")),
            Some(Value::Object(_)) => return Err(format!("{pointer} is a table")),
        };
        return Ok((pointer.clone(), vec![text]));
    }
    if let Some(name) = &take.header {
        let values = answer.headers.get_all(name.as_str()).iter();
        let texts: Vec<_> = values
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect();
        if texts.is_empty() {
            return Err(format!("the header {name} is missing"));
        }
        return Ok((format!("the header {name}"), texts));
    }
    Ok((
        "the body".to_owned(),
        vec![String::from_utf8_lossy(&answer.body).into_owned()],
    ))
}
