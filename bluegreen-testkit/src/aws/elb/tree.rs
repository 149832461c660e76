//! Settings that go back as they came: nested, as forms, JSON and XML have them.

use serde_json::Value;

use crate::aws::wire::{Form, around, element};

/// A value of a form or its parts. Lists are parts named `member` (and those of maps `entry`) with numbers below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Text(String),
    Parts(Vec<(String, Self)>),
}

impl Default for Tree {
    fn default() -> Self {
        Self::Parts(Vec::new())
    }
}

impl Tree {
    pub(super) fn of(form: &Form) -> Self {
        let mut tree = Self::default();
        for (name, value) in form.pairs() {
            tree.set(name, value);
        }
        tree
    }

    fn set(&mut self, path: &str, value: &str) {
        let Self::Parts(parts) = self else { return };
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        if parts.iter().all(|(name, _)| name != first) {
            parts.push((first.to_owned(), Self::default()));
        }
        let Some((_, part)) = parts.iter_mut().find(|(name, _)| name == first) else {
            return;
        };
        match rest {
            Some(rest) => part.set(rest, value),
            None => *part = Self::Text(value.to_owned()),
        }
    }

    /// Without the part of this name.
    pub(super) fn without(mut self, dropped: &str) -> Self {
        if let Self::Parts(parts) = &mut self {
            parts.retain(|(name, _)| name != dropped);
        }
        self
    }

    pub(super) fn part(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Text(_) => None,
            Self::Parts(parts) => parts
                .iter()
                .find_map(|(known, part)| (known == name).then_some(part)),
        }
    }

    pub(super) fn part_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Text(_) => None,
            Self::Parts(parts) => parts
                .iter_mut()
                .find_map(|(known, part)| (known == name).then_some(part)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.part(name)? {
            Self::Text(text) => Some(text),
            Self::Parts(_) => None,
        }
    }

    /// All texts of a list, here or below.
    pub(super) fn texts(&self, list: &str) -> Vec<&str> {
        let mut found = Vec::new();
        if let Some(list) = self.part(list).and_then(|list| list.part("member"))
            && let Self::Parts(items) = list
        {
            found.extend(items.iter().filter_map(|(_, item)| match item {
                Self::Text(text) => Some(text.as_str()),
                Self::Parts(_) => None,
            }));
        }
        if let Self::Parts(parts) = self {
            found.extend(parts.iter().flat_map(|(_, part)| part.texts(list)));
        }
        found
    }

    /// What stands between the tags of XML.
    pub(super) fn xml(&self) -> String {
        let Self::Parts(parts) = self else {
            return String::new();
        };
        let written = parts.iter().map(|(name, part)| match part {
            Self::Text(text) => element(name, text),
            Self::Parts(items) if name == "member" || name == "entry" => items
                .iter()
                .map(|(_, item)| match item {
                    Self::Text(text) => element(name, text),
                    Self::Parts(_) => around(name, &item.xml()),
                })
                .collect(),
            Self::Parts(_) => around(name, &part.xml()),
        });
        written.collect()
    }
}

/// The fields of a form that say the same as JSON in the way of the command line:
/// `{"Type": "forward", "TargetGroupArn": "arn:…"}`.
pub(super) fn form_of(value: &Value) -> Form {
    let mut pairs = Vec::new();
    flatten("", value, &mut pairs);
    Form::of(pairs)
}

fn flatten(path: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                flatten(&below(name), field, pairs);
            }
        }
        Value::Array(items) => {
            for (number, item) in (1..).zip(items) {
                flatten(&below(&format!("member.{number}")), item, pairs);
            }
        }
        Value::String(text) => pairs.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => pairs.push((path.to_owned(), other.to_string())),
    }
}
