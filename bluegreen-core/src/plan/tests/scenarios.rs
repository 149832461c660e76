//! Scenarios of plans: what is told of mistakes.

use crate::Plan;

/// What is told of a plan whose scenario is this.
fn told(scenario: &str) -> Vec<String> {
    let plan = format!(
        "service = \"shop\"\n[slots.blue]\nurl = \"http://b\"\n[slots.green]\nurl = \"http://g\"\n\
         [[smoke]]\nname = \"orders\"\ntimeout = \"10s\"\n{scenario}"
    );
    match Plan::from_toml(&plan) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

const GOOD: &str = r#"
[smoke.scenario]
clean_up_time = "3s"
[smoke.scenario.values]
user = "smoke-{slot}"
password = { secret = "smoke-password" }
[smoke.scenario.headers]
X-Slot = { secret = "override" }

[[smoke.scenario.steps]]
name = "log-in"
http = {
    method = "POST",
    url = "{url}/login",
    body_json = { user = "{user}", password = "{password}", remember = [true, { "x" = "{run}" }] },
}
take = { token = { json = "/token" } }

[[smoke.scenario.steps]]
name = "create"
http = { method = "POST", url = "{url}/orders", headers = { Authorization = "Bearer {token}" } }
take = { order = { header = "location", regex = "/orders/(.*)", shown = true } }

[[smoke.scenario.clean_up]]
name = "delete"
http = { method = "DELETE", url = "{url}/orders/{order}?by={user}", headers = { Authorization = "Bearer {token}" } }
"#;

#[test]
fn a_good_one_is_taken() {
    assert_eq!(told(GOOD), Vec::<String>::new());
}

/// What of the good one is replaced, by what, and what is told.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Values: never taken, taken too late, taken twice, with a name that means something else.
    (
        "orders/{order}?",
        "orders/{ordre}?",
        "clean_up[0].http.url: there is no placeholder {ordre}; did you mean {order}?",
    ),
    (
        "token = { json",
        "tokn = { json",
        "steps[1].http.headers.Authorization: a secret seems to be written out",
    ),
    (
        "{url}/orders\"",
        "{url}/orders/{order}\"",
        "steps[1].http.url: {order} is taken by \"create\" only, which has not been answered by then; use it in a later step",
    ),
    (
        "{url}/login",
        "{url}/login/{token}",
        "steps[0].http.url: {token} is taken by \"log-in\" only",
    ),
    (
        "order = {",
        "token = {",
        "steps[1].take.token: {token} has a value already",
    ),
    (
        "token = {",
        "user = {",
        "steps[0].take.user: {user} has a value already",
    ),
    (
        "order = {",
        "slot = {",
        "steps[1].take.slot: {slot} has a meaning of its own",
    ),
    (
        "order = {",
        "url = {",
        "steps[1].take.url: {url} is a value of [slots.blue]",
    ),
    (
        "order = {",
        "run = {",
        "steps[1].take.run: {run} has a meaning of its own",
    ),
    (
        "order = {",
        "Order = {",
        "steps[1].take.Order: \"Order\" cannot be a placeholder",
    ),
    (
        "user = \"smoke-{slot}\"",
        "user = \"smoke-{token}\"",
        "values.user: {token} is taken by \"log-in\" only",
    ),
    // What is taken, and how.
    (
        "json = \"/token\"",
        "json = \"token\"",
        "take.token.json: \"token\" is no JSON pointer",
    ),
    (
        "json = \"/token\"",
        "json = \"/token\", header = \"x\"",
        "take.token: it takes two things",
    ),
    (
        "{ json = \"/token\" }",
        "{}",
        "take.token: it takes nothing; write json = ",
    ),
    (
        "{ json = \"/token\" }",
        "{ jsn = \"/token\" }",
        "take.token.jsn: there is no such key; did you mean \"json\"?",
    ),
    ("(.*)", "(.*", "take.order.regex: it is no regular expression"),
    (
        "header = \"location\"",
        "header = \"lo cation\"",
        "take.order.header: \"lo cation\" is no name of a header",
    ),
    // Names, times, secrets, addresses.
    (
        "name = \"create\"",
        "name = \"log-in\"",
        "steps[1].name: the list has another \"log-in\"",
    ),
    (
        "name = \"delete\"",
        "name = \"create\"",
        "clean_up[0].name: a step is called \"create\" too",
    ),
    (
        "name = \"create\"",
        "nam = \"create\"",
        "steps[1].nam: there is no such key; did you mean \"name\"?",
    ),
    (
        "\"3s\"",
        "\"10s\"",
        "clean_up_time: the gate's timeout is 10s, which leaves no time for the steps",
    ),
    (
        "\"{password}\"",
        "\"hunter2\"",
        "body_json.password: a secret seems to be written out",
    ),
    (
        "{ secret = \"smoke-password\" }",
        "\"hunter2\"",
        "values.password: a secret seems to be written out",
    ),
    (
        "\"Bearer {token}\"",
        "\"Bearer hunter2\"",
        "headers.Authorization: a secret seems to be written out",
    ),
    (
        "\"{url}/login\"",
        "\"{user}/login\"",
        "steps[0].http.url: {user} would choose where the request goes",
    ),
    (
        "\"{url}/login\"",
        "\"http://{user}/login\"",
        "steps[0].http.url: {user} would choose where the request goes",
    ),
    (
        "    method = \"POST\",\n",
        "    method = \"POST\", body = \"x\",\n",
        "http: it sends several bodies: body, body_json",
    ),
    (
        "take = { token",
        "redirects = \"all\"\ntake = { token",
        "redirects: \"all\" is not known here; the words are none, same_origin, anywhere",
    ),
    (
        "take = { token",
        "timeout = \"0s\"\ntake = { token",
        "steps[0].timeout: ",
    ),
    (
        "method = \"POST\", url = \"{url}/orders\"",
        "lacks = [\"\"], matches = [\"\", \"[\"], url = \"{url}/orders\"",
        "http.matches[1]: it is no regular expression",
    ),
];

#[test]
fn every_mistake_is_told_with_its_place_and_a_remedy() {
    for (from, to, expected) in MISTAKES {
        // What is built without HTTP reads no regular expressions.
        if expected.contains("regular expression") && !cfg!(feature = "http") {
            continue;
        }
        assert!(GOOD.contains(from), "{from}");
        let told = told(&GOOD.replacen(from, to, 1));
        assert!(
            told.iter()
                .any(|line| line.starts_with("smoke[0].scenario.") && line.contains(expected)),
            "{to}: {expected} is not in {told:#?}"
        );
        assert!(!told.concat().contains("hunter2"), "{told:#?}");
    }
}

#[test]
fn a_scenario_without_steps_is_told() {
    assert_eq!(told("scenario = {}").len(), 1);
    assert!(told("scenario = { steps = [] }")[0].starts_with("smoke[0].scenario.steps: there is no step"));
}

#[test]
fn a_command_that_may_take_longer_than_its_gate_is_told() {
    let told = told("command = { run = [\"k6\"], timeout = \"1m\" }");
    assert_eq!(
        told,
        [
            "smoke[0].command.timeout: the gate's own timeout ends it after 10s; give the gate the time: timeout = \"1m\""
        ]
    );
}
