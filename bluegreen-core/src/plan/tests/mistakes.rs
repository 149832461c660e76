//! Every mistake is told, all at once, with its place and what to write instead.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Plan;
use crate::plan::PlanError;

fn mistakes(toml: &str) -> PlanError {
    Plan::from_toml(toml).expect_err("the plan was taken")
}

fn of_value(value: Value) -> Vec<String> {
    let error = Plan::from_value(value).expect_err("the plan was taken");
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn all_mistakes_of_a_plan_are_told_at_once() {
    let error = mistakes(
        r#"
            servcie = "shop"
            target = "red"
            notify = "yes"
            colour = "blue"

            [slots.blue]
            url = "http://127.0.0.1:8081"
            port = 8081
            [slots.red]
            url = "http://127.0.0.1:8082"

            [[steps]]
            wieght = "5%"
            bake = "2 minuts"
            [[steps]]
            weight = 25
            [[steps]]
            weight = "20%"
            [[steps]]
            weight = "20%"
            [[steps]]
            weight = "90%"

            [[health]]
            name = "api"
            http = [
                { url = "{urll}/health", status = [200, "ok", 999], method = "get" },
                { url = "ftp://example.org", headers = { Authorization = "Bearer hunter2", Accept = { secret = "a", x = 1 } } },
                "http://127.0.0.1",
            ]
            [[health]]
            name = "api"
            command = { run = [] }
            success_threshold = -1
            failure_threshold = 0

            [[guards]]
            name = "errors"
            metric = { name = "errors", max = nan }
            [[guards]]
            name = "Latency!"
            metric = { name = "latency" }

            [[hooks]]
            at = "after all"
            command = { run = ["purge cache"], env = { DB_PASSWORD = "hunter2" } }
            [[hooks]]
            name = "queues"
            at = "after quiesce"

            [[windows.freeze]]
            days = ["fri", "Sat"]
            from = "3pm"
            zone = "Berlin"

            [soak]
            time = -5
            [lease]
            ttl = "10s"
            poll = "5s"
            [retry]
            attempts = 0
            [deadlines]
            shfit = "1m"
            confirm = "0s"
        "#,
    );
    let told: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    let expected = ["service", "steps[0].bake", "guards[0].name"];
    println!("{error}");
    assert_eq!(told, expected, "{error}");
    assert!(
        error
            .problems
            .iter()
            .all(|problem| !problem.message.is_empty() && !problem.remedy.is_empty())
    );
    assert_eq!(
        error.to_string().lines().count(),
        expected.len() + 1,
        "one line a problem"
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    for toml in [
        "service = \"shop\"\n[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a\", headers = { Authorization = \"hunter2\" } }]",
        "service = \"shop\"\n[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a\", headers = \"hunter2\" }]",
        "service = \"shop\"\n[[health]]\nname = \"a\"\nhttp = [{ url = \"http://a\", headers = { A = [\"hunter2\"] } }]",
        "service = \"shop\"\n[[health]]\nname = \"a\"\nhttp = [{ url = \"http://me:hunter2@a\" }]",
        "service = \"shop\"\n[[health]]\nname = \"a\"\nhttp = [{ url = \"hunter2\" }]",
        "service = \"shop\"\nwarm_up = [{ run = [\"a\"], env = { TOKEN = \"hunter2\" } }]",
        "service = \"shop\"\nTOKEN = \"hunter2",
        "service = \"shop\"\nTOKEN = hunter2",
    ] {
        let error = mistakes(toml);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_text_that_is_no_toml_or_json_is_told_with_line_and_column() {
    let error = mistakes("service = \"shop\"\n[soak\ntime = \"5m\"");
    assert!(error.to_string().contains("line 2, column 6"), "{error}");
    let error = Plan::from_json("{\n  \"service\": }").unwrap_err();
    assert!(error.to_string().contains("line 2 column 14"), "{error}");
}

proptest! {
    // Whatever one puts where: it is told or taken, and never a panic or an endless loop.
    #[test]
    fn a_broken_value_anywhere_is_told_with_its_place(
        which in 0usize..1000,
        broken in prop_oneof![
            Just(json!(null)), Just(json!(-1)), Just(json!(1.5)), Just(json!("")), Just(json!("no")), Just(json!([])),
            Just(json!([null])), Just(json!({})), Just(json!({"no": 1})), Just(json!(true)), Just(json!([[{}]])),
        ],
    ) {
        let whole: Value = serde_json::from_str(super::reading::EVERYTHING).unwrap();
        let mut places = Vec::new();
        pointers(&whole, String::new(), &mut places);
        let place = &places[which % places.len()];
        let mut value = whole;
        *value.pointer_mut(place).unwrap() = broken;
        if let Err(error) = Plan::from_value(value) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(!error.to_string().contains("stand-in"), "{}", error);
        }
    }
}

fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{at}/{index}"), all);
            }
        }
        Value::Object(table) => {
            for (key, item) in table {
                pointers(
                    item,
                    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    all,
                );
            }
        }
        _ => {}
    }
    all.push(at);
}

#[test]
fn an_unknown_key_passes_nowhere() {
    let whole: Value = serde_json::from_str(super::reading::EVERYTHING).unwrap();
    let mut places = Vec::new();
    pointers(&whole, String::new(), &mut places);
    for place in places {
        let mut value = whole.clone();
        let Some(table) = value.pointer_mut(&place).unwrap().as_object_mut() else {
            continue;
        };
        // These are tables whose keys people choose.
        let free = ["/slots/", "/headers", "/answer_headers", "/json", "/env"];
        if free.iter().any(|free| place.contains(free)) && !place.ends_with("/Authorization") {
            continue;
        }
        table.insert("unheard_of".to_owned(), json!(1));
        let told = of_value(value);
        assert_eq!(told.len(), 1, "{place}: {told:#?}");
        assert!(told[0].contains("unheard_of"), "{place}: {told:#?}");
    }
}
