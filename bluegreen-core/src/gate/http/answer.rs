//! What an answer must be like.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::command::Secrets;
use crate::plan::HttpCheck;
use crate::plan::pattern::pattern;

/// How much of what was found is shown where something else was asked for.
const SHOWN: usize = 80;

/// An answer to a request.
#[derive(Debug)]
pub(in crate::gate) struct Answer {
    pub(in crate::gate) status: StatusCode,
    pub(in crate::gate) headers: HeaderMap,
    /// The body, or its beginning.
    pub(in crate::gate) body: Vec<u8>,
    /// Whether the body goes on.
    pub(in crate::gate) cut: bool,
    /// From the first byte of the request to the last of the answer.
    pub(in crate::gate) latency: Duration,
}

/// Shows what an answer says, without secrets: these are taken out before anything is cut or escaped,
/// or a part of one could stay.
#[derive(Debug, Clone, Copy)]
pub(in crate::gate) struct Discreet<'a>(pub(in crate::gate) &'a Secrets);

impl Discreet<'_> {
    /// The beginning of a text, in quotes.
    pub(in crate::gate) fn text(self, text: &str) -> String {
        format!("{:?}", self.plain(text))
    }

    /// The beginning of a text.
    pub(in crate::gate) fn plain(self, text: &str) -> String {
        short(&self.0.redact(text))
    }

    fn json(self, value: &Value) -> String {
        match value {
            Value::String(text) => self.text(text),
            other => self.plain(&other.to_string()),
        }
    }
}

impl Answer {
    /// Status and time.
    pub(in crate::gate) fn line(&self) -> String {
        format!("{} in {} ms", self.status.as_u16(), self.latency.as_millis())
    }

    /// All that is not as asked for.
    pub(in crate::gate) fn problems(&self, check: &HttpCheck, discreet: Discreet<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.status_problem(&check.status));
        problems.extend(self.latency_problem(check.max_latency));
        problems.extend(
            check
                .answer_headers
                .iter()
                .filter_map(|(name, value)| self.header_problem(name, value, discreet)),
        );
        if !check.json.is_empty() {
            problems.extend(self.json_problems(check, discreet));
        }
        problems.extend(self.text_problems(check, discreet));
        problems
    }

    fn text_problems(&self, check: &HttpCheck, discreet: Discreet<'_>) -> Vec<String> {
        let (text, note) = (String::from_utf8_lossy(&self.body), self.note());
        let missing = check.contains.iter().filter(|part| !text.contains(part.as_str()));
        let missing = missing.map(|part| format!("the body does not contain {}{note}", discreet.text(part)));
        let forbidden = check.lacks.iter().filter(|part| text.contains(part.as_str()));
        let forbidden = forbidden.map(|part| format!("the body contains {}", discreet.text(part)));
        // What is missing from a part of the body may be in the rest.
        let unseen = (self.cut && !check.lacks.is_empty())
            .then(|| format!("the body is too long to say what it lacks{note}"));
        // An expression that is none matches nothing; it is told before anything is asked.
        let is_matched = |text_of: &&String| pattern(text_of).is_ok_and(|pattern| pattern.is_match(&text));
        let unmatched = check.matches.iter().filter(|text_of| !is_matched(text_of));
        let unmatched = unmatched.map(|text_of| format!("the body does not match {text_of:?}{note}"));
        missing.chain(forbidden).chain(unseen).chain(unmatched).collect()
    }

    fn status_problem(&self, good: &[u16]) -> Option<String> {
        match good {
            [] if self.status.is_success() => None,
            [] => Some("asked for 200 to 299".to_owned()),
            _ if good.contains(&self.status.as_u16()) => None,
            _ => Some(format!("asked for {good:?}")),
        }
    }

    fn latency_problem(&self, longest: Option<Duration>) -> Option<String> {
        let longest = longest.filter(|longest| self.latency > *longest)?;
        Some(format!("asked for {} ms at most", longest.as_millis()))
    }

    fn header_problem(&self, name: &str, value: &str, discreet: Discreet<'_>) -> Option<String> {
        let found = self.headers.get_all(name);
        if found.iter().any(|found| found.as_bytes() == value.as_bytes()) {
            return None;
        }
        let found = match found.iter().next() {
            Some(found) => format!("is {}", discreet.text(&String::from_utf8_lossy(found.as_bytes()))),
            None => "is missing".to_owned(),
        };
        let asked = discreet.text(value);
        Some(format!("the header {name} {found}, asked for {asked}"))
    }

    fn json_problems(&self, check: &HttpCheck, discreet: Discreet<'_>) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return vec![format!("the body is no JSON{}", self.note())];
        };
        let problem = |(pointer, asked): (&String, &Value)| match body.pointer(pointer) {
            Some(found) if is_same(found, asked) => None,
            Some(found) => {
                let (found, asked) = (discreet.json(found), discreet.json(asked));
                Some(format!("{pointer} is {found}, asked for {asked}"))
            }
            None => Some(format!(
                "{pointer} is missing, asked for {}",
                discreet.json(asked)
            )),
        };
        check.json.iter().filter_map(problem).collect()
    }

    const fn note(&self) -> &'static str {
        if self.cut {
            " (only its first MiB was read)"
        } else {
            ""
        }
    }
}

/// Whether two JSON values say the same; 1 and 1.0 do.
fn is_same(found: &Value, asked: &Value) -> bool {
    match (found, asked) {
        (Value::Number(found), Value::Number(asked)) => found == asked || found.as_f64() == asked.as_f64(),
        _ => found == asked,
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.append("x-slot", "green".parse().unwrap());
        headers.append("x-slot", "canary".parse().unwrap());
        let answer = Answer {
            status: StatusCode::ACCEPTED,
            headers,
            body: br#"{"status": "ok", "n": 1, "db": {"up": true}, "list": ["a"], "a/b": null}"#.to_vec(),
            cut: false,
            latency: Duration::from_millis(50),
        };
        let check = toml::from_str(&format!("url = \"http://localhost\"\n{check}")).unwrap();
        answer.problems(&check, Discreet(&Secrets::new()))
    }

    #[test]
    fn an_answer_is_judged_as_the_check_asks() {
        for (check, expected) in [
            ("", ""),
            ("status = [200, 202]", ""),
            ("status = [200]", "asked for [200]"),
            ("max_latency = \"50ms\"", ""),
            ("max_latency = \"49ms\"", "49 ms at most"),
            ("contains = ['\"ok\"', 'list']", ""),
            ("contains = ['absent']", "does not contain \"absent\""),
            ("answer_headers = { X-Slot = 'canary' }", ""),
            (
                "answer_headers = { x-slot = 'blue' }",
                "the header x-slot is \"green\", asked for \"blue\"",
            ),
            ("answer_headers = { x-none = 'a' }", "x-none is missing"),
            (
                "json = { '/status' = 'ok', '/n' = 1.0, '/db/up' = true, '/list/0' = 'a' }",
                "",
            ),
            (
                "json = { '/status' = 'OK' }",
                "/status is \"ok\", asked for \"OK\"",
            ),
            ("json = { '/db' = { up = true } }", ""),
            (
                "json = { '/db/up' = 'true' }",
                "/db/up is true, asked for \"true\"",
            ),
            ("json = { '/none' = 1 }", "/none is missing"),
        ] {
            let found = problems(check).join("; ");
            if expected.is_empty() {
                assert_eq!(found, "", "{check}");
            } else {
                assert!(found.contains(expected), "{check}: {found}");
            }
        }
    }

    #[test]
    fn every_problem_is_told() {
        assert_eq!(
            problems("status = [500]\nmax_latency = \"1ms\"\ncontains = ['x', 'y']").len(),
            4
        );
    }
}
