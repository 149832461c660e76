//! From what a plan says of a request to one that can be sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::shown;
use crate::command::{ExpandError, Secrets};
use crate::plan::pattern::pattern;
use crate::plan::{HeaderValue as PlanHeader, HttpCheck, TemplateError};

/// A request with everything filled in.
pub(in crate::gate) struct Prepared {
    /// Method and address, for people.
    pub(in crate::gate) title: String,
    pub(in crate::gate) request: Request,
    /// What the answer must be like.
    pub(in crate::gate) expected: HttpCheck,
}

/// Where a text stands: what is put into an address may have to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gate) enum Place {
    Address,
    Elsewhere,
}

/// Fills in the placeholders of a text.
pub(in crate::gate) type Fill<'a> = dyn Fn(Place, &str) -> Result<String, TemplateError> + Sync + 'a;

/// Why a request cannot be made of a check.
#[derive(Debug, thiserror::Error)]
pub(in crate::gate) enum Unpreparable {
    #[error(transparent)]
    Expand(#[from] ExpandError),
    #[error("{0:?} is no address: write it with http:// or https:// and a host")]
    NoAddress(String),
    #[error("{0:?} is no method")]
    NoMethod(String),
    #[error("the header {0:?} has a name or a value that HTTP does not allow")]
    NoHeader(String),
    #[error("{0:?} is no regular expression: {1}")]
    NoPattern(String, String),
    #[error("it sends several bodies: send one of `body`, `body_json` and `body_form`")]
    SeveralBodies,
    #[error("what is put into the address {0:?} would make it another one")]
    ElsewhereByValue(String),
}

/// The request of a check.
pub(in crate::gate) fn prepare(
    check: &HttpCheck,
    fill: &Fill<'_>,
    secrets: &Secrets,
) -> Result<Prepared, Unpreparable> {
    let address = part("the address", fill(Place::Address, &check.url))?;
    let url: Url = address
        .parse()
        .map_err(|_| Unpreparable::NoAddress(address.clone()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Unpreparable::NoAddress(address));
    }
    let method = Method::from_bytes(check.method.as_bytes());
    let method = method.map_err(|_| Unpreparable::NoMethod(check.method.clone()))?;
    for text in &check.matches {
        pattern(text).map_err(|why| Unpreparable::NoPattern(text.clone(), why))?;
    }
    let title = format!("{method} {}", shown(&url));

    let mut request = Request::new(method, url);
    *request.headers_mut() = headers(&check.headers, fill, secrets)?;
    if let Some((body, kind)) = body(check, fill)? {
        *request.body_mut() = Some(body.into());
        if let Some(kind) = kind {
            let headers = request.headers_mut();
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(kind));
        }
    }
    Ok(Prepared {
        title,
        request,
        expected: expected(check, fill)?,
    })
}

/// Names the part of a request that could not be filled in.
fn part(part: &str, filled: Result<String, TemplateError>) -> Result<String, ExpandError> {
    filled.map_err(|source| ExpandError::Template {
        part: part.to_owned(),
        source,
    })
}

/// Headers to send, with their values looked up; none of them is shown.
pub(in crate::gate) fn headers(
    headers: &BTreeMap<String, PlanHeader>,
    fill: &Fill<'_>,
    secrets: &Secrets,
) -> Result<HeaderMap, Unpreparable> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let no_header = || Unpreparable::NoHeader(name.clone());
        let what = format!("the header {name}");
        let mut value = match value {
            PlanHeader::Text(text) => HeaderValue::from_str(&part(&what, fill(Place::Elsewhere, text))?),
            PlanHeader::Secret { secret } => {
                let found = secrets.get(secret).ok_or_else(|| ExpandError::NoSuchSecret {
                    part: what,
                    secret: secret.clone(),
                })?;
                HeaderValue::from_str(found.expose_secret())
            }
        }
        .map_err(|_| no_header())?;
        value.set_sensitive(true);
        map.insert(
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| no_header())?,
            value,
        );
    }
    Ok(map)
}

/// The body to send, and what kind it is where that is known.
fn body(check: &HttpCheck, fill: &Fill<'_>) -> Result<Option<(String, Option<&'static str>)>, Unpreparable> {
    match (&check.body, &check.body_json, check.body_form.is_empty()) {
        (None, None, true) => Ok(None),
        (Some(text), None, true) => Ok(Some((part("the body", fill(Place::Elsewhere, text))?, None))),
        (None, Some(json), true) => {
            let json = filled_json(json, fill)?.to_string();
            Ok(Some((json, Some("application/json"))))
        }
        (None, None, false) => {
            let mut fields = Vec::new();
            for (name, value) in &check.body_form {
                let value = part(&format!("the field {name}"), fill(Place::Elsewhere, value))?;
                fields.push(format!("{}={}", percent_encoded(name), percent_encoded(&value)));
            }
            Ok(Some((
                fields.join("&"),
                Some("application/x-www-form-urlencoded"),
            )))
        }
        _ => Err(Unpreparable::SeveralBodies),
    }
}

/// A JSON value whose texts are filled in; escaping comes with writing it.
fn filled_json(value: &Value, fill: &Fill<'_>) -> Result<Value, ExpandError> {
    Ok(match value {
        Value::String(text) => Value::String(part("the JSON body", fill(Place::Elsewhere, text))?),
        Value::Array(items) => {
            let items = items.iter().map(|item| filled_json(item, fill));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(table) => {
            let entries = table
                .iter()
                .map(|(key, item)| Ok::<_, ExpandError>((key.clone(), filled_json(item, fill)?)));
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// What the answer must be like, with its placeholders filled in.
fn expected(check: &HttpCheck, fill: &Fill<'_>) -> Result<HttpCheck, ExpandError> {
    let fill = |what: &str, text: &str| part(what, fill(Place::Elsewhere, text));
    let mut expected = check.clone();
    for text in &mut expected.contains {
        *text = fill("`contains`", text)?;
    }
    for text in &mut expected.lacks {
        *text = fill("`lacks`", text)?;
    }
    for (name, value) in &mut expected.answer_headers {
        *value = fill(&format!("the answer's header {name}"), value)?;
    }
    for (pointer, value) in &mut expected.json {
        if let Value::String(text) = value {
            *text = fill(&format!("the value of {pointer}"), text)?;
        }
    }
    Ok(expected)
}

/// Everything but letters, digits and `-._~` as `%41` (RFC 3986, section 2.3): one part of an address,
/// whatever it holds.
pub(in crate::gate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}
