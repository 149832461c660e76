//! Names, texts in quotes and lists of labels, as Prometheus writes them.

use std::fmt;

/// More labels than any series has that is well meant.
const MOST_LABELS: usize = 64;

/// Reads a text from left to right.
pub(super) struct Scan<'a> {
    rest: &'a str,
}

/// What stands before a value or a matcher's end: the name, and what is said of labels.
pub(super) struct Head<T> {
    pub(super) name: String,
    /// The label's name, what stands between, and the text in quotes.
    pub(super) labels: Vec<(String, T, String)>,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// What stands up to the next blank or the end.
    pub(super) fn word(&mut self) -> &'a str {
        self.blanks();
        let end = self.rest.find([' ', '\t']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// `http_requests_total{code="500"}`, or `{"http.requests","http.code"="500"}`. `between` reads what stands
    /// between a label and its text.
    pub(super) fn head<T>(
        &mut self,
        between: impl Fn(&mut Self) -> Option<T>,
    ) -> Result<Head<T>, &'static str> {
        self.blanks();
        let mut name = self.plain_name().map(str::to_owned);
        let mut labels = Vec::new();
        self.blanks();
        if self.eat("{") {
            loop {
                self.blanks();
                if self.eat("}") {
                    break;
                }
                let quoted = self.rest.starts_with('"');
                let label = self.name().ok_or("a label has no name")?;
                self.blanks();
                if let Some(between) = between(self) {
                    self.blanks();
                    let text = self.quoted().ok_or("a label's value is not a text in quotes")?;
                    labels.push((label, between, text));
                } else if quoted && name.is_none() {
                    name = Some(label);
                } else {
                    return Err("a label has no value");
                }
                if labels.len() > MOST_LABELS {
                    return Err("there are more than 64 labels");
                }
                self.blanks();
                if !self.eat(",") && !self.rest.starts_with('}') {
                    return Err("the list of labels is not closed");
                }
            }
        }
        let name = name.ok_or("there is no name")?;
        Ok(Head { name, labels })
    }

    fn name(&mut self) -> Option<String> {
        if self.rest.starts_with('"') {
            return self.quoted().filter(|name| !name.is_empty());
        }
        self.plain_name().map(str::to_owned)
    }

    fn plain_name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c| !in_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let found = is_plain_name(name).then_some(name)?;
        self.rest = rest;
        Some(found)
    }

    /// A text in quotes. As with Prometheus, a backslash before what needs none stands for itself.
    fn quoted(&mut self) -> Option<String> {
        let mut chars = self.rest.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => match chars.next()? {
                    'n' => text.push('\n'),
                    plain @ ('\\' | '"') => text.push(plain),
                    other => text.extend(['\\', other]),
                },
                plain => text.push(plain),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

/// Whether a name needs no quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(in_name) && !name.starts_with(|c: char| c.is_ascii_digit())
}

const fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// A text as it stands in quotes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{}\"", escaped.replace('\n', "\\n"))
    }
}
