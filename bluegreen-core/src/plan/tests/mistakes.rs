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

const MANY_MISTAKES: &str = r#"
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
        "#;

#[test]
fn all_mistakes_of_a_plan_are_told_at_once() {
    let error = mistakes(MANY_MISTAKES);
    let told: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    let expected = [
        "colour",
        "deadlines.confirm",
        "deadlines.shfit",
        "guards[0].metric.max",
        "guards[1].metric",
        "guards[1].name",
        "health[0].http[0].method",
        "health[0].http[0].status[1]",
        "health[0].http[0].status[2]",
        "health[0].http[1].headers.Accept.x",
        "health[0].http[1].headers.Authorization",
        "health[0].http[1].url",
        "health[0].http[2]",
        "health[1].command.run",
        "health[1].failure_threshold",
        "health[1].name",
        "health[1].success_threshold",
        "hooks[0].at",
        "hooks[0].command.env.DB_PASSWORD",
        "hooks[0].command.run[0]",
        "hooks[0].name",
        "hooks[1].at",
        "lease.call",
        "lease.poll",
        "notify",
        "retry.attempts",
        "servcie",
        "slots.blue.port",
        "slots.red",
        "soak.time",
        "steps[0].bake",
        "steps[0].wieght",
        "steps[1].weight",
        "steps[3].weight",
        "steps[4].weight",
        "target",
        "windows.freeze[0].days[1]",
        "windows.freeze[0].from",
        "windows.freeze[0].zone",
    ];
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

/// The place of each problem, and what is to be done about it.
fn remedies(toml: &str) -> Vec<(String, String)> {
    let told = mistakes(toml).problems.into_iter();
    told.map(|problem| (problem.path, problem.remedy)).collect()
}

#[test]
fn a_mistake_beside_another_in_the_same_table_or_list_is_told_too() {
    for (toml, paths) in [
        (
            "windows.freeze = [{ zone = \"UTC\", days = [\"a\", \"b\"], actions = [\"c\", \"d\"] }]",
            &[
                "windows.freeze[0].actions[0]",
                "windows.freeze[0].actions[1]",
                "windows.freeze[0].days[0]",
                "windows.freeze[0].days[1]",
            ][..],
        ),
        (
            "windows.freeze = [{ from = \"12:00\", to = \"12:00\" }]",
            &["windows.freeze[0].to", "windows.freeze[0].zone"],
        ),
        (
            "warm_up = [{ env = { DB_PASSWORD = \"x\" } }]",
            &["warm_up[0].env.DB_PASSWORD", "warm_up[0].run"],
        ),
        // There is no stand-in for it: what is around it goes, and nothing is told that nobody wrote.
        (
            "analysis.metrics = [{ name = \"a\", events = {} }]",
            &["analysis.metrics[0].events.count"],
        ),
    ] {
        let told = remedies(&format!("service = \"shop\"\n{toml}"));
        let told: Vec<_> = told.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(told, paths, "{toml}");
    }
}

#[test]
fn what_is_to_be_written_instead_is_told_by_itself() {
    for (toml, path, remedy) in [
        (
            "steps = [{ weight = 25 }, { weight = \"100%\" }]",
            "steps[0].weight",
            "write a percentage in quotes, such as \"5%\" or \"2.5%\"",
        ),
        (
            "preflight.capacity = 80",
            "preflight.capacity",
            "write a percentage in quotes, such as \"5%\" or \"2.5%\"",
        ),
        (
            "soak.time = \"2 minuts\"",
            "soak.time",
            crate::plan::humane::REMEDY,
        ),
        ("notify = \"yes\"", "notify", "write true or false"),
    ] {
        assert_eq!(
            remedies(&format!("service = \"shop\"\n{toml}")),
            [(path.to_owned(), remedy.to_owned())],
            "{toml}"
        );
    }
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
    let error =
        Plan::from_json("{ \"service\": \"shop\",\n \"notify\": true, \"notify\": false }").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the key \"notify\" stands there twice at line 2"),
        "{error}"
    );
}

/// Places of the plan that says everything, with a value that none of them can have.
fn places() -> Vec<String> {
    let whole: Value = serde_json::from_str(super::reading::EVERYTHING).unwrap();
    let mut places = Vec::new();
    pointers(&whole, String::new(), &mut places);
    places
}

/// What is told when these places hold something else: the problems, each in its line.
fn broken(places: &[&str], value: &Value) -> Vec<String> {
    let mut whole: Value = serde_json::from_str(super::reading::EVERYTHING).unwrap();
    for place in places {
        whole.pointer_mut(place).unwrap().clone_from(value);
    }
    match Plan::from_value(whole) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn whatever_stands_anywhere_is_taken_or_told_and_nothing_is_told_that_nobody_wrote() {
    let values = json!([null, -1, 1.5, "", "no", [], [null], {}, {"no": 1}, true, [[{}]]]);
    for place in places() {
        for value in values.as_array().unwrap() {
            for told in broken(&[&place], value) {
                assert!(
                    !told.contains("stand-in") && !told.contains("more problems"),
                    "{place} = {value}: {told}"
                );
            }
        }
    }
}

#[test]
fn a_broken_value_is_told_with_its_place() {
    for place in places() {
        // Any JSON may be asked for there, and the plan itself has no place.
        let is_any_json = place.contains("/json/") || place.contains("/body_json");
        if is_any_json || place.is_empty() {
            continue;
        }
        let told = broken(&[&place], &json!([[{}]]));
        let key = place
            .split('/')
            .next_back()
            .unwrap()
            .replace("~1", "/")
            .replace("~0", "~");
        let is_told = |line: &String| line.split_once(": ").is_some_and(|(path, _)| path.contains(&key));
        assert!(told.iter().any(is_told), "{place}: {told:#?}");
        assert!(
            told.len() == 1 || ["/url", "steps"].iter().any(|many| place.contains(many)),
            "{place}: {told:#?}"
        );
    }
}

proptest! {
    #[test]
    fn a_mistake_hides_no_other(one in 0usize..1000, other in 0usize..1000) {
        let places = places();
        let (one, other) = (&places[one % places.len()], &places[other % places.len()]);
        prop_assume!(!one.starts_with(other.as_str()) && !other.starts_with(one.as_str()));
        let value = json!([[{}]]);
        let both = broken(&[one, other], &value);
        for told in broken(&[one], &value).iter().chain(&broken(&[other], &value)) {
            prop_assert!(both.contains(told), "{}, {}: {} is missing in {:#?}", one, other, told, both);
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
    for place in places() {
        let mut value = whole.clone();
        let Some(table) = value.pointer_mut(&place).unwrap().as_object_mut() else {
            continue;
        };
        // These are tables whose keys people choose.
        let free = [
            "/slots/",
            "/headers",
            "/answer_headers",
            "/json",
            "/env",
            "/values",
            "/body_json",
            "/body_form",
            "/take",
        ];
        if free.iter().any(|free| place.contains(free)) && !place.ends_with("/Authorization") {
            continue;
        }
        table.insert("unheard_of".to_owned(), json!(1));
        let told = of_value(value);
        assert_eq!(told.len(), 1, "{place}: {told:#?}");
        assert!(told[0].contains("unheard_of"), "{place}: {told:#?}");
    }
}
