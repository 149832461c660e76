//! From a value to a checked plan, with all that is wrong with it.
//!
//! serde stops at the first mistake. So the value is read again and again: each mistake is noted and
//! mended with a stand-in, until it reads; then the plan is checked as a whole. What a stand-in leads
//! to is not told, since nobody wrote it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::nearest::nearest;
use super::tables::Tables;
use super::{Plan, PlanError, Problem, check, humane};

/// A plan with more mistakes than this is told about the first ones.
const ROUNDS: usize = 256;

const SHARE_REMEDY: &str = "write a percentage in quotes, such as \"5%\" or \"2.5%\"";

/// Reads and checks.
pub(super) fn load(mut value: Value) -> Result<Plan, PlanError> {
    if !value.is_object() {
        return Err(Problem::new("", "the plan is no table", "write at least: service = \"name\"").into());
    }
    let mut mending = Mending::default();
    for _ in 0..ROUNDS {
        match serde_path_to_error::deserialize::<_, Plan>(Tables(&value)) {
            Ok(plan) => return mending.finish(plan),
            Err(error) => {
                let path = keys(error.path());
                if !mending.mend(&mut value, path, &error.into_inner().to_string()) {
                    break;
                }
            }
        }
    }
    mending.problems.push(Problem::new(
        "",
        "there may be more problems",
        "correct these and try again",
    ));
    Err(PlanError {
        problems: mending.problems,
    })
}

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Index(usize),
    Name(String),
}

fn keys(path: &serde_path_to_error::Path) -> Vec<Key> {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Key::Index(*index)),
        Segment::Map { key } => Some(Key::Name(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    keys.collect()
}

fn shown(path: &[Key]) -> String {
    path.iter().fold(String::new(), |text, key| match key {
        Key::Index(index) => format!("{text}[{index}]"),
        Key::Name(name) if text.is_empty() => name.clone(),
        Key::Name(name) => format!("{text}.{name}"),
    })
}

fn find<'a>(value: &'a mut Value, path: &[Key]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| match key {
        Key::Index(index) => value.get_mut(index),
        Key::Name(name) => value.get_mut(name),
    })
}

/// The places of a plan that hold stand-ins.
#[derive(Debug, Default)]
pub(super) struct StandIns(BTreeSet<String>);

impl StandIns {
    /// Whether what stands at a path is a stand-in, or in one.
    pub(super) fn hold(&self, path: &str) -> bool {
        self.0.iter().any(|place| is_within(path, place))
    }

    /// Whether there is a stand-in at a path or within it.
    pub(super) fn touch(&self, path: &str) -> bool {
        self.hold(path) || self.0.iter().any(|place| is_within(place, path))
    }
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[derive(Debug, Default)]
struct Mending {
    problems: Vec<Problem>,
    stand_ins: StandIns,
    tried: BTreeSet<String>,
}

impl Mending {
    fn finish(mut self, plan: Plan) -> Result<Plan, PlanError> {
        self.problems.extend(check::problems(&plan, &self.stand_ins));
        // What concerns one part stands together.
        self.problems.sort_by(|one, other| one.path.cmp(&other.path));
        if self.problems.is_empty() {
            Ok(plan)
        } else {
            Err(PlanError {
                problems: self.problems,
            })
        }
    }

    /// Notes a mistake and puts something else in its place. `false` when nothing can be done.
    fn mend(&mut self, value: &mut Value, mut path: Vec<Key>, message: &str) -> bool {
        match Mistake::of(message) {
            Mistake::UnknownKey { key, known } => {
                if path.last() != Some(&Key::Name(key.to_owned())) {
                    path.push(Key::Name(key.to_owned()));
                }
                self.note(
                    &path,
                    "there is no such key".to_owned(),
                    choices(key, &known, "keys"),
                );
                let Some(Key::Name(key)) = path.pop() else {
                    return false;
                };
                if let Some(meant) = nearest(&key, &known) {
                    path.push(Key::Name(meant.to_owned()));
                    self.stand_ins.0.insert(shown(&path));
                    path.pop();
                }
                let table = find(value, &path).and_then(Value::as_object_mut);
                table.is_some_and(|table| table.remove(&key).is_some())
            }
            Mistake::Missing { key } => {
                path.push(Key::Name(key.to_owned()));
                self.note(&path, "it is missing".to_owned(), remedy_for_missing(key));
                self.stand_ins.0.insert(shown(&path));
                path.pop();
                let table = find(value, &path).and_then(Value::as_object_mut);
                table.is_some_and(|table| table.insert(key.to_owned(), stand_in(key)).is_none())
            }
            Mistake::UnknownWord { word, known } => {
                self.note(
                    &path,
                    format!("{word:?} is not known here"),
                    choices(word, &known, "words"),
                );
                self.replace(value, path)
            }
            Mistake::Wrong { message, remedy } => {
                let remedy = match path.last() {
                    Some(Key::Name(name)) if name == "weight" || name == "capacity" => {
                        SHARE_REMEDY.to_owned()
                    }
                    _ => remedy,
                };
                self.note(&path, message, remedy);
                self.replace(value, path)
            }
        }
    }

    fn note(&mut self, path: &[Key], message: String, remedy: String) {
        let path = shown(path);
        if !self.stand_ins.hold(&path) {
            self.problems.push(Problem::new(path, message, remedy));
        }
    }

    /// Replaces what stands at a path. A key goes, so that its default holds; an element of a list
    /// stays, or the numbers of those after it would be wrong.
    fn replace(&mut self, value: &mut Value, mut path: Vec<Key>) -> bool {
        // What was replaced before and still does not read takes what is around it along.
        while !self.tried.insert(shown(&path)) && !path.is_empty() {
            path.pop();
        }
        self.stand_ins.0.insert(shown(&path));
        let Some(last) = path.pop() else { return false };
        let within = path.iter().rev().find_map(|key| match key {
            Key::Name(name) => Some(name.as_str()),
            Key::Index(_) => None,
        });
        match (find(value, &path), last) {
            (Some(Value::Object(table)), Key::Name(name)) => table.remove(&name).is_some(),
            (Some(Value::Array(items)), Key::Index(index)) => items.get_mut(index).is_some_and(|item| {
                *item = match within {
                    // The key stands for the whole list, its elements are texts.
                    Some("run") => json!("stand-in"),
                    within => stand_in(within.unwrap_or_default()),
                };
                true
            }),
            _ => false,
        }
    }
}

/// Something that reads, for a key that must be there or for an element of the list of that name.
fn stand_in(key: &str) -> Value {
    match key {
        "weight" => json!("1%"),
        "url" => json!("http://localhost"),
        "run" => json!(["true"]),
        "at" => json!("before prepare"),
        "zone" => json!("UTC"),
        "status" => json!(200),
        "days" => json!("mon"),
        "actions" => json!("deploy"),
        "service" | "name" | "secret" | "contains" | "lacks" | "matches" => json!("stand-in"),
        // Elements that are tables: what must be in them is then missing, and stood in for.
        _ => json!({}),
    }
}

fn remedy_for_missing(key: &str) -> String {
    match key {
        "service" => "write the name of the service: service = \"shop\"".to_owned(),
        "weight" => "write the share of the traffic: weight = \"5%\"".to_owned(),
        "url" => "write the address: url = \"{url}/health\"".to_owned(),
        "run" => "write the program and its arguments: run = [\"program\", \"argument\"]".to_owned(),
        "at" => "write when it runs: at = \"after confirm\"".to_owned(),
        "zone" => "write the time zone in which the times are meant: zone = \"Europe/Berlin\"".to_owned(),
        "http" => "write the request: http = { url = \"{url}/health\" }".to_owned(),
        "secret" => "write the name of the secret: { secret = \"name\" }".to_owned(),
        key => format!("write {key} = \"...\""),
    }
}

fn choices(word: &str, known: &[&str], what: &str) -> String {
    match (nearest(word, known), known) {
        (_, []) => "leave it out".to_owned(),
        (Some(meant), _) => format!("did you mean {meant:?}? The {what} are {}", known.join(", ")),
        (None, _) => format!("the {what} are {}", known.join(", ")),
    }
}

/// What one of serde's messages says. They have had these forms since serde 1.0; one in another form
/// is passed on as it stands.
#[derive(Debug, PartialEq, Eq)]
enum Mistake<'a> {
    UnknownKey { key: &'a str, known: Vec<&'a str> },
    UnknownWord { word: &'a str, known: Vec<&'a str> },
    Missing { key: &'a str },
    Wrong { message: String, remedy: String },
}

impl<'a> Mistake<'a> {
    fn of(message: &'a str) -> Self {
        let mut quoted = message.split('`').skip(1).step_by(2);
        let first = quoted.next().unwrap_or_default();
        let known = quoted.collect();
        if message.starts_with("unknown field `") {
            Self::UnknownKey { key: first, known }
        } else if message.starts_with("unknown variant `") {
            Self::UnknownWord { word: first, known }
        } else if message.starts_with("missing field `") {
            Self::Missing { key: first }
        } else if let Some((found, expected)) = message
            .strip_prefix("invalid type: ")
            .or_else(|| message.strip_prefix("invalid value: "))
            .and_then(|rest| rest.rsplit_once(", expected "))
        {
            let message = format!("{} does not fit here", in_words(found));
            let remedy = remedy_for(expected);
            Self::Wrong { message, remedy }
        } else {
            // The values of this crate say what is wrong and what to write, parted by a colon.
            let (message, remedy) = [": write ", ": use "]
                .into_iter()
                .find_map(|colon| message.find(colon))
                .and_then(|at| Some((message.get(..at)?, message.get(at + 2..)?)))
                .unwrap_or((message, "write another value"));
            Self::Wrong {
                message: message.to_owned(),
                remedy: remedy.to_owned(),
            }
        }
    }
}

/// What was found. A text is not shown: it may be a secret in the wrong place.
fn in_words(found: &str) -> String {
    let quoted = found.split('`').nth(1).unwrap_or_default();
    match found {
        _ if found.starts_with("string") => "a text".to_owned(),
        _ if found.starts_with("integer") || found.starts_with("floating point") => {
            format!("the number {quoted}")
        }
        _ if found.starts_with("boolean") => quoted.to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn remedy_for(expected: &str) -> String {
    match expected {
        "a string" => "write a text in quotes".to_owned(),
        "a boolean" => "write true or false".to_owned(),
        "a sequence" => "write a list in [ ]".to_owned(),
        "a map" => "write a table of keys and values".to_owned(),
        "a duration" => humane::REMEDY.to_owned(),
        "u16" | "u32" | "u64" => "write a whole number that is not negative".to_owned(),
        "f32" | "f64" => "write a number".to_owned(),
        _ if expected.starts_with("struct ") => "write a table of keys and values".to_owned(),
        other => format!("write {other}"),
    }
}
