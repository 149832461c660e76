//! What an answer must be like.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::plan::HttpCheck;

/// How much of what was found is shown where something else was asked for.
const SHOWN: usize = 80;

/// An answer to a request.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, or its beginning.
    pub(super) body: Vec<u8>,
    /// Whether the body goes on.
    pub(super) cut: bool,
    /// From the first byte of the request to the last of the answer.
    pub(super) latency: Duration,
}

impl Answer {
    /// All that is not as asked for.
    pub(super) fn problems(&self, check: &HttpCheck) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.status_problem(&check.status));
        problems.extend(self.latency_problem(check.max_latency));
        problems.extend(
            check
                .answer_headers
                .iter()
                .filter_map(|(name, value)| self.header_problem(name, value)),
        );
        if !check.json.is_empty() {
            problems.extend(self.json_problems(check));
        }
        let text = String::from_utf8_lossy(&self.body);
        problems.extend(
            check
                .contains
                .iter()
                .filter(|part| !text.contains(part.as_str()))
                .map(|part| format!("the body does not contain {part:?}{}", self.note())),
        );
        problems
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

    fn header_problem(&self, name: &str, value: &str) -> Option<String> {
        let found = self.headers.get_all(name);
        if found.iter().any(|found| found.as_bytes() == value.as_bytes()) {
            return None;
        }
        let found = match found.iter().next() {
            Some(found) => format!("is {:?}", short(&String::from_utf8_lossy(found.as_bytes()))),
            None => "is missing".to_owned(),
        };
        Some(format!("the header {name} {found}, asked for {value:?}"))
    }

    fn json_problems(&self, check: &HttpCheck) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return vec![format!("the body is no JSON{}", self.note())];
        };
        let problem = |(pointer, asked): (&String, &Value)| match body.pointer(pointer) {
            Some(found) if is_same(found, asked) => None,
            Some(found) => Some(format!(
                "{pointer} is {}, asked for {asked}",
                short(&found.to_string())
            )),
            None => Some(format!("{pointer} is missing, asked for {asked}")),
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
        answer.problems(&toml::from_str(&format!("url = \"http://localhost\"\n{check}")).unwrap())
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
