//! A request as it came.

use hyper::Method;
use serde_json::Value;

/// A request, read as far as all parts of the API need it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
    /// Where the API is, for the addresses of pages.
    pub(super) base: String,
    /// The most items that a page of this server has.
    pub(super) page_most: usize,
}

impl Asked {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The segments after `/v2`.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix("/v2/").unwrap_or_default();
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect()
    }
}

/// A part of an address with its escapes undone.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'%'));
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parts = query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    parts.map(pair).collect()
}
