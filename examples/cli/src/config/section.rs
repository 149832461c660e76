//! One section of the file, read so that everything that is wrong with it is told.
//!
//! serde stops at the first mistake. So the value is read again and again: each mistake is noted and
//! mended with a stand-in, until it reads or nothing more can be mended.

use std::collections::BTreeMap;

use bluegreen_core::plan::Problem;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::Segment;

/// How often one section is read at most; a mistake may take several stand-ins.
const ROUNDS: usize = 1000;

/// A section as far as it could be read.
pub(super) struct Section<T> {
    /// What was read; holds stand-ins where there were problems.
    pub(super) value: Option<T>,
    /// What is wrong, by paths that begin with the section's name.
    pub(super) problems: Vec<Problem>,
    stand_ins: BTreeMap<String, usize>,
}

impl<T> Section<T> {
    /// Adds what was found by looking at the value as a whole, unless a stand-in led to it.
    pub(super) fn add(&mut self, found: impl IntoIterator<Item = Problem>) {
        for problem in found {
            if !self.stand_ins.keys().any(|place| touches(&problem.path, place)) {
                self.problems.push(problem);
            }
        }
    }
}

/// Reads a section.
pub(super) fn read<T: DeserializeOwned>(name: &str, mut value: Value) -> Section<T> {
    let mut section = Section {
        value: None,
        problems: Vec::new(),
        stand_ins: BTreeMap::new(),
    };
    for _ in 0..ROUNDS {
        match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(read) => {
                section.value = Some(read);
                return section;
            }
            Err(error) => {
                let path = keys(error.path());
                let mistake = Mistake::of(&error.into_inner().to_string());
                if !mend(name, &mut section, &mut value, path, mistake) {
                    return section;
                }
            }
        }
    }
    section
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Index(usize),
    Name(String),
}

fn keys(path: &serde_path_to_error::Path) -> Vec<Key> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Key::Index(*index)),
            Segment::Map { key } => Some(Key::Name(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn shown(section: &str, path: &[Key]) -> String {
    path.iter().fold(section.to_owned(), |text, key| match key {
        Key::Index(index) => format!("{text}[{index}]"),
        Key::Name(name) => format!("{text}.{name}"),
    })
}

/// Whether one of two places is the other, or within it.
fn touches(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    within(one, other) || within(other, one)
}

fn find<'a>(value: &'a mut Value, path: &[Key]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| match key {
        Key::Index(index) => value.get_mut(index),
        Key::Name(name) => value.get_mut(name),
    })
}

/// What one of serde's messages says. They have had these forms since serde 1.0.
enum Mistake {
    UnknownKey { key: String, message: String },
    Missing { key: String },
    Wrong { message: String, remedy: String },
}

impl Mistake {
    fn of(message: &str) -> Self {
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let first = quoted.first().copied().unwrap_or_default().to_owned();
        if message.starts_with("unknown field `") {
            let known = quoted.get(1..).unwrap_or_default().join(", ");
            let message = if known.is_empty() {
                "leave it out".to_owned()
            } else {
                format!("the keys are {known}")
            };
            return Self::UnknownKey { key: first, message };
        }
        if message.starts_with("missing field `") {
            return Self::Missing { key: first };
        }
        let typed = message
            .strip_prefix("invalid type: ")
            .or_else(|| message.strip_prefix("invalid value: "))
            .and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((_, expected)) = typed {
            // What was found is not shown: it may be a secret in the wrong place.
            return Self::Wrong {
                message: "what stands there does not fit".to_owned(),
                remedy: format!("write {expected}"),
            };
        }
        // The values of the libraries say what is wrong and what to write, parted by a colon.
        let (message, remedy) = message.split_once(": write ").map_or_else(
            || (message, "write another value".to_owned()),
            |(message, remedy)| (message, format!("write {remedy}")),
        );
        Self::Wrong {
            message: message.to_owned(),
            remedy,
        }
    }
}

/// Notes a mistake and puts something else in its place. `false` when nothing more can be done.
fn mend<T>(
    name: &str,
    section: &mut Section<T>,
    value: &mut Value,
    mut path: Vec<Key>,
    mistake: Mistake,
) -> bool {
    // A stand-in that does not fit: the next one.
    let at = shown(name, &path);
    if let Some(place) = section
        .stand_ins
        .keys()
        .find(|place| at.starts_with(place.as_str()) && touches(&at, place))
        .cloned()
    {
        let end = path
            .iter()
            .enumerate()
            .map(|(index, _)| index + 1)
            .find(|end| path.get(..*end).is_some_and(|part| shown(name, part) == place));
        let part = end.and_then(|end| path.get(..end)).unwrap_or_default().to_vec();
        return stand_in(section, value, &part, place);
    }
    let (message, remedy) = match mistake {
        Mistake::UnknownKey { key, message } => {
            if path.last() == Some(&Key::Name(key.clone())) {
                path.pop();
            }
            let table = find(value, &path).and_then(Value::as_object_mut);
            let removed = table.is_some_and(|table| table.remove(&key).is_some());
            path.push(Key::Name(key));
            section.problems.push(Problem {
                path: shown(name, &path),
                message: "there is no such key".to_owned(),
                remedy: message,
            });
            return removed;
        }
        Mistake::Missing { key } => {
            let remedy = format!("write {key} = …");
            path.push(Key::Name(key));
            // Nothing fitted there, and it cannot be left out.
            if section.stand_ins.contains_key(&shown(name, &path)) {
                return false;
            }
            ("it is missing".to_owned(), remedy)
        }
        Mistake::Wrong { message, remedy } => (message, remedy),
    };
    let place = shown(name, &path);
    section.problems.push(Problem {
        path: place.clone(),
        message,
        remedy,
    });
    stand_in(section, value, &path, place)
}

/// Puts the next thing that may fit into a place; at last nothing, so that a default holds.
fn stand_in<T>(section: &mut Section<T>, value: &mut Value, path: &[Key], place: String) -> bool {
    let next = section.stand_ins.get(&place).map_or(0, |index| index + 1);
    section.stand_ins.insert(place, next);
    let candidate = candidates().into_iter().nth(next);
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    match (find(value, parents), last, candidate) {
        (Some(Value::Object(table)), Key::Name(key), Some(candidate)) => {
            table.insert(key.clone(), candidate);
            true
        }
        (Some(Value::Object(table)), Key::Name(key), None) => table.remove(key).is_some(),
        (Some(Value::Array(items)), Key::Index(index), Some(candidate)) => {
            items.get_mut(*index).is_some_and(|item| {
                *item = candidate;
                true
            })
        }
        _ => false,
    }
}

fn candidates() -> [Value; 10] {
    [
        json!("stand-in"),
        json!("127.0.0.1:1"),
        json!("1s"),
        json!(100),
        json!(true),
        json!([]),
        json!(["true"]),
        json!({"run": ["true"]}),
        json!({"env": "stand-in"}),
        json!({}),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluegreen_core::command::CommandHostSpec;

    #[test]
    fn all_that_is_wrong_with_a_section_is_told_at_once() {
        let section = read::<CommandHostSpec>(
            "host",
            json!({
                "deploy": {"run": "docker", "colour": 1},
                "readyness": {"run": []},
                "standby": {"run": ["a"], "timeout": 5},
            }),
        );
        let told: Vec<_> = section
            .problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        for place in [
            "host.deploy.run",
            "host.deploy.colour",
            "host.readyness",
            "host.standby.timeout",
            "host.retire",
        ] {
            assert_eq!(
                told.iter().filter(|path| **path == place).count(),
                1,
                "{place}: {told:?}"
            );
        }
        assert_eq!(told.len(), 5, "{told:?}");
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_shown() {
        let section = read::<CommandHostSpec>("host", json!({"deploy": "hunter2", "retire": {"run": ["x"]}}));
        let [problem] = section.problems.as_slice() else {
            panic!("{:?}", section.problems)
        };
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
}
