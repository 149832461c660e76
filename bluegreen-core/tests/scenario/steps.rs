//! Steps in order, and what they hand on.

use std::time::Duration;

use bluegreen_core::FaultKind;
use bluegreen_core::gate::build;
use serde_json::{Value, json};

use super::server::{Asked, Reply, Server, reply, with};
use super::{PASSWORD, ask, fails, parts, passes, spec};

/// A shop: log in, then orders with the token.
pub(crate) fn shop(asked: &Asked) -> Reply {
    let is_in = asked.header("authorization") == "Bearer t0k/en+1";
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/login") => {
            let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
            if body["password"] == PASSWORD {
                let session = "set-cookie: session=s-0123456789; Path=/; HttpOnly; Secure";
                with(200, session, json!({ "token": "t0k/en+1" }).to_string())
            } else {
                reply(401, "who are you?")
            }
        }
        ("POST", "/orders") if is_in => with(201, "location: /orders/17", json!({ "id": 17 }).to_string()),
        ("GET", "/orders/17") if is_in => {
            reply(200, json!({ "state": "new", "items": [{ "n": 2 }] }).to_string())
        }
        ("DELETE", "/orders/17") if is_in => reply(204, ""),
        ("GET", "/me") if asked.header("cookie") == "session=s-0123456789" => {
            reply(200, "<h1>Hello, smoke</h1>")
        }
        (_, path) if path.starts_with("/orders") => reply(403, "no"),
        _ => reply(404, "nothing here"),
    }
}

pub(crate) const LOGIN: &str = r#"
[scenario.values]
password = { secret = "smoke-password" }

[[scenario.steps]]
name = "log-in"
http = { method = "POST", url = "{url}/login", body_json = { user = "smoke", password = "{password}" } }
take = { token = { json = "/token" } }
"#;

const SHOP: &str = r#"
[[scenario.steps]]
name = "create"
http = { method = "POST", url = "{url}/orders", headers = { Authorization = "Bearer {token}" }, body = "{run} of {version}", status = [201] }
take = { order = { json = "/id", shown = true }, same = { header = "location", regex = '^/orders/(\d+)$' } }

[[scenario.steps]]
name = "read"
http = { url = "{url}/orders/{order}", headers = { Authorization = "Bearer {token}" }, json = { "/state" = "new", "/items/0/n" = 2 } }

[[scenario.steps]]
name = "page"
http = { url = "{url}/me", contains = ["smoke"], lacks = ["error"], matches = ['<h1>Hello, \w+</h1>'], max_latency = "4s" }
take = { who = { regex = 'Hello, (\w+)' } }

[[scenario.clean_up]]
name = "delete"
http = { method = "DELETE", url = "{url}/orders/{order}", headers = { Authorization = "Bearer {token}" }, status = [204] }
"#;

#[tokio::test]
async fn a_login_a_created_thing_and_its_end() {
    let server = Server::start(shop).await;
    let evidence = passes(&server, &format!("{LOGIN}{SHOP}")).await;
    let lines: Vec<_> = evidence
        .lines()
        .map(|line| line.split(" in ").next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "log-in: 200",
            "create: 201",
            "read: 200",
            "page: 200",
            "clean-up, delete: 204"
        ]
    );
    let asked = server.asked();
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(
        body,
        json!({ "user": "smoke", "password": PASSWORD }),
        "escaped as JSON needs it"
    );
    assert_eq!(asked[0].header("content-type"), "application/json");
    assert!(
        asked[1].body.ends_with(" of 1.4.0") && asked[1].body.len() > 15,
        "{}",
        asked[1].body
    );
}

#[tokio::test]
async fn each_run_has_its_own_name_and_its_own_cookies() {
    let server = Server::start(shop).await;
    let text = "[[scenario.steps]]\nname = 'me'\nhttp = { url = '{url}/me?{run}', status = [404] }\n\
                [[scenario.steps]]\nname = 'again'\nhttp = { url = '{url}/again?{run}', status = [404] }";
    for _ in 0..2 {
        passes(&server, text).await;
    }
    let runs: Vec<_> = server
        .lines()
        .iter()
        .map(|line| line.split('?').nth(1).unwrap().to_owned())
        .collect();
    assert!(
        runs[0] == runs[1] && runs[2] == runs[3] && runs[0] != runs[2],
        "{runs:?}"
    );
    passes(&server, &format!("{LOGIN}{SHOP}")).await;
    fails(
        &server,
        "[[scenario.steps]]\nname = 'me'\nhttp = { url = '{url}/me' }",
    )
    .await;
}

/// What a step asks for, and what is seen instead.
const NOT_AS_ASKED: &[(&str, &str)] = &[
    ("url = '{url}/500'", "500 in "),
    (
        "url = '{url}/500'",
        "asked for 200 to 299; the body begins \"a page\"",
    ),
    ("url = '{url}/200', status = [201]", "asked for [201]"),
    (
        "url = '{url}/json', json = { '/status' = 'ok' }",
        "/status is \"broken\", asked for \"ok\"",
    ),
    (
        "url = '{url}/json', json = { '/status/0' = 'ok' }",
        "/status/0 is missing",
    ),
    (
        "url = '{url}/page', json = { '/status' = 'ok' }",
        "the body is no JSON",
    ),
    (
        "url = '{url}/page', contains = ['other']",
        "does not contain \"other\"",
    ),
    (
        "url = '{url}/page', lacks = ['page']",
        "the body contains \"page\"",
    ),
    ("url = '{url}/page', matches = ['^p']", "does not match \"^p\""),
    (
        "url = '{url}/page', answer_headers = { x-a = '1' }",
        "the header x-a is missing",
    ),
    (
        "url = '{url}/slow', max_latency = '50ms'",
        "asked for 50 ms at most",
    ),
    (
        "url = '{url}/large', lacks = ['y']",
        "too long to say what it lacks",
    ),
    ("url = '{url}/closed'", "/closed: error sending"),
    ("url = 'http://127.0.0.1:1/'", "onnection refused"),
    (
        "url = '{url}/json' }\ntake = { a = { json = '/list' }",
        "a cannot be taken: /list is a list",
    ),
    (
        "url = '{url}/json' }\ntake = { a = { json = '/none' }",
        "/none is null",
    ),
    ("url = '{url}/json' }\ntake = { a = { json = '' }", " is a table"),
    (
        "url = '{url}/page' }\ntake = { a = { json = '/a' }",
        "the body is no JSON",
    ),
    (
        "url = '{url}/page' }\ntake = { a = { header = 'x-a' }",
        "the header x-a is missing",
    ),
    (
        "url = '{url}/page' }\ntake = { a = { regex = 'b=(.*)' }",
        "the body does not match \"b=(.*)\"",
    ),
    (
        "url = '{url}/page' }\ntake = { a = { regex = '( *)' }",
        "the body is empty",
    ),
    (
        "url = '{url}/large' }\ntake = { a = { regex = 'x+' }",
        "and 8192 are taken at most",
    ),
    ("url = '{url}/never' }\ntimeout = '50ms' #", "no answer within "),
];

#[tokio::test]
async fn the_first_step_that_fails_ends_the_steps_and_tells_what_was_seen() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/json" => reply(200, r#"{"status": "broken", "list": [], "none": null}"#),
        "/closed" => Reply::Close,
        "/never" => Reply::Never,
        "/slow" => Reply::Later(Duration::from_millis(60), Box::new(reply(200, "late"))),
        "/large" => reply(200, format!("start{}", "x".repeat(2_000_000))),
        "/bytes" => with(200, "x-odd: \u{1}", "ok"),
        path => reply(path[1..].parse().unwrap_or(200), "a page"),
    })
    .await;
    for (step, seen) in NOT_AS_ASKED {
        let text = format!(
            "[[scenario.steps]]\nname = 'first'\nhttp = {{ url = '{{url}}/200' }}\n\
             [[scenario.steps]]\nname = 'second'\nhttp = {{ {step} }}\n\
             [[scenario.steps]]\nname = 'third'\nhttp = {{ url = '{{url}}/third' }}"
        );
        let evidence = fails(&server, &text).await;
        assert!(
            evidence.starts_with("failed at step 2 of 3, second: GET http://127.0.0.1:"),
            "{evidence}"
        );
        assert!(evidence.contains(seen), "{step}: {evidence}");
        assert!(
            evidence.contains("\nfirst: 200 in ") && !evidence.contains("third"),
            "{evidence}"
        );
        assert!(evidence.len() < 500, "{evidence}");
    }
    assert!(!server.lines().contains(&"GET /third".to_owned()));
}

#[tokio::test]
async fn all_expectations_of_a_step_that_takes_too_long_are_bounded_by_the_time_of_the_gate() {
    let server = Server::start(|_| Reply::Never).await;
    let text = "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/a' }\n[[scenario.steps]]\nname = 'b'\nhttp = { url = '{url}/b' }";
    let verdict = super::ask_within(&server, text, Duration::from_millis(200))
        .await
        .unwrap();
    assert!(
        verdict.evidence.contains("no answer within "),
        "{}",
        verdict.evidence
    );
    assert_eq!(server.lines(), ["GET /a"]);
}

#[tokio::test]
async fn what_an_answer_gives_stays_a_part_of_an_address() {
    let evil = Server::start(|_| reply(200, "ok")).await;
    let evil_url = evil.url();
    for (given, reached) in [
        ("17", Some("GET /orders/17?of=17")),
        (
            "a/b?c#d e%",
            Some("GET /orders/a%2Fb%3Fc%23d%20e%25?of=a%2Fb%3Fc%23d%20e%25"),
        ),
        ("@evil", Some("GET /orders/%40evil?of=%40evil")),
        (evil_url.as_str(), None),
        ("..", None),
        (".", None),
        ("../admin", Some("GET /orders/..%2Fadmin?of=..%2Fadmin")),
        (
            "é\r\nx: y",
            Some("GET /orders/%C3%A9%0D%0Ax%3A%20y?of=%C3%A9%0D%0Ax%3A%20y"),
        ),
    ] {
        let body = json!({ "id": given }).to_string();
        let server = Server::start(move |_| reply(200, body.clone())).await;
        let text = "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/a' }\ntake = { id = { json = '/id' } }\n\
                    [[scenario.steps]]\nname = 'b'\nhttp = { url = '{url}/orders/{id}?of={id}' }";
        let verdict = ask(&server, text).await.unwrap();
        let lines = server.lines();
        match reached {
            Some(line) => assert_eq!(lines[1], line, "{given:?}"),
            None if given.starts_with('.') => {
                assert_eq!(lines.len(), 1, "{given:?}");
                assert!(
                    verdict.evidence.contains("would make it another one"),
                    "{}",
                    verdict.evidence
                );
            }
            None => assert!(lines[1].starts_with("GET /orders/http%3A%2F%2F127"), "{lines:?}"),
        }
    }
    assert!(evil.lines().is_empty());
    // In a header, what would begin another one is refused.
    let server = Server::start(|_| reply(200, json!({ "id": "a\r\nx-evil: 1" }).to_string())).await;
    let text = "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/a' }\ntake = { id = { json = '/id' } }\n\
                [[scenario.steps]]\nname = 'b'\nhttp = { url = '{url}/b', headers = { x-id = '{id}' } }";
    assert!(fails(&server, text).await.contains("HTTP does not allow"));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn forms_and_headers_of_all_steps_are_sent() {
    let server = Server::start(|_| reply(200, "")).await;
    let text = "[scenario.headers]\nX-Slot = 'k.{slot}'\nX-Other = 'all'\n[[scenario.steps]]\nname = 'a'\n\
                http = { method = 'POST', url = '{url}/a', headers = { x-other = 'own' }, body_form = { 'a b' = 'ü&{version}', c = '' } }";
    passes(&server, text).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.body, "a%20b=%C3%BC%261.4.0&c=");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        (asked.header("x-slot"), asked.header("x-other")),
        ("k.green", "own")
    );
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_an_error_of_the_measurement() {
    #[derive(Debug)]
    struct NoNames;

    impl reqwest::dns::Resolve for NoNames {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async { Err("no such name".into()) })
        }
    }

    let client = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(std::sync::Arc::new(NoNames));
    let parts = parts("http://shop.invalid").http(client.build().unwrap());
    let text = "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/' }";
    let gate = build(&spec(text), &parts).unwrap();
    let fault = gate
        .check(&super::op(Duration::from_secs(2)), &super::context())
        .await
        .unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
}

#[tokio::test]
async fn a_scenario_that_cannot_work_is_not_built() {
    for (text, part) in [
        ("scenario = { steps = [] }", "no `scenario` with steps"),
        (
            "http = [{ url = '{url}' }]\n[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}' }",
            "exactly one",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/{token}' }",
            "the placeholder {token} has no value",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/{token}' }\ntake = { token = { json = '/t' } }",
            "the placeholder {token} has no value",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}' }\ntake = { host = { json = '/h' } }\n\
             [[scenario.steps]]\nname = 'b'\nhttp = { url = 'http://{host}/' }",
            "would make it another one",
        ),
        (
            "[scenario.values]\np = { secret = 'unknown' }\n[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}' }",
            "there is no secret \"unknown\"",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}' }\ntake = { t = { regex = '(' } }",
            "is no regular expression",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}', matches = ['('] }",
            "is no regular expression",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}' }\ntake = { t = {} }",
            "take one thing",
        ),
        (
            "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}', body = 'a', body_json = 1 }",
            "several bodies",
        ),
    ] {
        let error = build(&spec(text), &parts("http://127.0.0.1:1")).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}
