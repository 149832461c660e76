//! Which series of a page are meant.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use regex_lite::Regex;

use super::scan::{Quoted, Scan};

/// A metric's name and what its labels must be, written as in PromQL:
/// `http_requests_total{code=~"5..",method!="OPTIONS"}`.
///
/// As there, a regular expression has to fit the whole value, and a label that a series does not have is
/// the empty text.
///
/// ```
/// use bluegreen_core::metrics::Selector;
///
/// let errors: Selector = r#"http_requests_total{code=~"5.."}"#.parse()?;
/// assert_eq!(errors.name(), "http_requests_total");
/// assert!("http_requests_total{code~\"5..\"}".parse::<Selector>().is_err());
/// # Ok::<(), bluegreen_core::metrics::InvalidSelector>(())
/// ```
#[derive(Debug, Clone)]
pub struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    wanted: Wanted,
    text: String,
}

#[derive(Debug, Clone)]
enum Wanted {
    Same,
    Other,
    Fits(Regex),
    FitsNot(Regex),
}

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} selects no series: {problem}")]
pub struct InvalidSelector {
    text: String,
    problem: String,
}

impl Selector {
    /// The name of the metric.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether labels are as asked for. The name is not looked at.
    #[must_use]
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|matcher| {
            let text = labels.get(&matcher.label).map_or("", String::as_str);
            match &matcher.wanted {
                Wanted::Same => text == matcher.text,
                Wanted::Other => text != matcher.text,
                Wanted::Fits(regex) => regex.is_match(text),
                Wanted::FitsNot(regex) => !regex.is_match(text),
            }
        })
    }

    /// The names of the labels that it asks for.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.matchers.iter().map(|matcher| matcher.label.as_str())
    }
}

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem: String| InvalidSelector {
            text: text.to_owned(),
            problem,
        };
        let mut scan = Scan::new(text);
        let head = scan.head(|scan| ["=~", "!~", "!=", "="].into_iter().find(|sign| scan.eat(sign)));
        let head = head.map_err(|problem| error(problem.to_owned()))?;
        let behind = scan.word();
        if !behind.is_empty() {
            return Err(error(format!("{behind:?} stands behind it")));
        }
        let regex = |text: &str| {
            let whole = Regex::new(&format!("^(?s:{text})$"));
            whole.map_err(|problem| error(format!("{text:?} is no regular expression: {problem}")))
        };
        let matcher = |(label, sign, text): (String, &str, String)| {
            let wanted = match sign {
                "=~" => Wanted::Fits(regex(&text)?),
                "!~" => Wanted::FitsNot(regex(&text)?),
                "!=" => Wanted::Other,
                _ => Wanted::Same,
            };
            Ok(Matcher { label, wanted, text })
        };
        Ok(Self {
            name: head.name,
            matchers: head.labels.into_iter().map(matcher).collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut before = "{";
        for Matcher { label, wanted, text } in &self.matchers {
            let sign = match wanted {
                Wanted::Same => "=",
                Wanted::Other => "!=",
                Wanted::Fits(_) => "=~",
                Wanted::FitsNot(_) => "!~",
            };
            write!(f, "{before}{label}{sign}{}", Quoted(text))?;
            before = ",";
        }
        f.write_str(if self.matchers.is_empty() { "" } else { "}" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_as_in_promql() {
        let labels = BTreeMap::from([
            ("code".to_owned(), "503".to_owned()),
            ("path".to_owned(), "/a,\"b\"}\\\n".to_owned()),
        ]);
        for (text, expected) in [
            ("hits", true),
            ("hits{}", true),
            (" hits { code = \"503\" , } ", true),
            ("hits{code=\"50\"}", false),
            ("hits{code=~\"5..\"}", true),
            ("hits{code=~\"50\"}", false),
            ("hits{code=~\"4..|5..\"}", true),
            ("hits{code=~\"5|03\"}", false),
            ("hits{code!~\"5..\"}", false),
            ("hits{code!=\"200\"}", true),
            ("hits{other=\"\"}", true),
            ("hits{other!=\"\"}", false),
            ("hits{other=~\".+\"}", false),
            ("hits{path=\"/a,\\\"b\\\"}\\\\\\n\"}", true),
            ("hits{code=~\"5..\",path=~\"/a.*\"}", true),
            ("hits{code=~\"5..\",path=\"/\"}", false),
            ("{\"hits\",\"code\"=\"503\"}", true),
        ] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.name(), "hits");
            assert_eq!(selector.fits(&labels), expected, "{text}");
            let again: Selector = selector.to_string().parse().unwrap();
            assert_eq!(again.to_string(), selector.to_string());
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_its_problem() {
        for (text, part) in [
            ("", "no name"),
            ("{code=\"1\"}", "no name"),
            ("sum(hits)", "\"(hits)\" stands behind"),
            ("hits{code}", "no value"),
            ("hits{code=500}", "text in quotes"),
            ("hits{code=\"5\"", "not closed"),
            ("hits{code=~\"(\"}", "no regular expression"),
            ("hits[5m]", "stands behind"),
        ] {
            let error = text.parse::<Selector>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
