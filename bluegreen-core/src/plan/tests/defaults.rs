//! The table of defaults in the module's docs is true and complete.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Plan;
use crate::lifecycle::Phase;
use crate::plan::{ApprovalPlan, GateSpec, HookPoint, HttpCheck, Migrations, Window, WorkersPlan};

/// Every default that a plan can have, by its name in the table.
fn defaults() -> BTreeMap<String, String> {
    let plan = Plan::from_toml("service = \"shop\"").unwrap();
    let mut whole = serde_json::to_value(&plan).unwrap();
    let table = whole.as_object_mut().unwrap();
    table.remove("service");
    table.insert("migrations".to_owned(), json!(Migrations::default()));
    table.insert("workers".to_owned(), json!(WorkersPlan::default()));
    let steps = |key: &str| {
        plan.steps
            .iter()
            .map(|step| json!(step)[key].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    table.insert(
        "steps".to_owned(),
        json!({ "weight": steps("weight"), "bake": steps("bake") }),
    );
    // What stands in lists, with nothing said but what must be.
    for (name, element, said) in [
        ("approval", json!(ApprovalPlan::default()), &[][..]),
        ("gate", json!(GateSpec::code("a")), &["name", "code"]),
        ("http", json!(HttpCheck::get("http://a")), &["url"]),
        (
            "hook",
            json!(crate::plan::Hook::code("a", HookPoint::after(Phase::Finish))),
            &["name", "at"],
        ),
        ("window", json!(Window::new("UTC".parse().unwrap())), &["zone"]),
    ] {
        let mut element = element;
        element
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !said.contains(&key.as_str()));
        table.insert(name.to_owned(), element);
    }
    let mut all = BTreeMap::new();
    flatten(&whole, "", &mut all);
    all
}

fn flatten(value: &Value, path: &str, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(value, &path, all);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| item.as_str().unwrap()).collect();
            all.insert(path.to_owned(), items.join(", "));
        }
        Value::String(text) => drop(all.insert(path.to_owned(), text.clone())),
        other => drop(all.insert(path.to_owned(), other.to_string())),
    }
}

#[test]
fn the_table_of_defaults_is_true_and_complete() {
    let docs = include_str!("../mod.rs");
    let rows: BTreeMap<_, _> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .map(|row| {
            let (name, rest) = row.split_once("` | ").expect(row);
            let (value, why) = rest.split_once(" | ").expect(row);
            assert!(why.trim_end_matches('|').trim().len() > 10, "{name}: why?");
            (name.to_owned(), value.trim_matches('`').to_owned())
        })
        .collect();
    let real = defaults();
    assert_eq!(rows, real);
}
