//! Nothing secret is shown, whatever an answer repeats.

use bluegreen_core::plan::GateSpec;

use super::server::{Server, reply, with};
use super::steps::LOGIN;
use super::{PASSWORD, ask, gate};

/// Pieces of what is not to be shown, in every form in which it could come back.
const SECRETS: [&str; 4] = ["hunter2", "t0k", "s-01234", "k-1234567"];

fn assert_discreet(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn not_what_an_answer_repeats_in_whatever_form() {
    let echo =
        |form: fn(&str) -> String| move |secret: &str| format!("{} and {}", form(secret), form(PASSWORD));
    let forms: [fn(&str) -> String; 4] = [
        str::to_owned,
        |text| serde_json::to_string(text).unwrap(),
        |text| {
            let mut url: reqwest::Url = "http://a".parse().unwrap();
            url.query_pairs_mut().append_pair("q", text);
            url.query().unwrap().to_owned()
        },
        |text| text.replace('&', "&amp;").replace('"', "&quot;"),
    ];
    for form in forms {
        let echo = echo(form);
        let server = Server::start(move |asked| {
            let said = format!("{}{}", "x".repeat(70), echo(asked.header("authorization")));
            match asked.path.as_str() {
                "/login" => with(
                    200,
                    "set-cookie: session=s-0123456789\nset-cookie: lang=de",
                    r#"{"token": "t0k/en+1"}"#,
                ),
                "/json" => reply(
                    200,
                    serde_json::json!({ "a": said, "t0k/en+1": [said] }).to_string(),
                ),
                "/header" => with(200, &format!("x-said: {}", said.replace(['ü', '\n'], "")), ""),
                _ => reply(500, format!("{said} {}", asked.header("cookie"))),
            }
        })
        .await;
        for expectation in [
            "url = '{url}/body'",
            "url = '{url}/{token}?k={password}'",
            "url = '{url}/body', contains = ['{password}{token}']",
            "url = '{url}/json', json = { '/a' = '{password}' }",
            "url = '{url}/json', json = { '' = 1 }",
            "url = '{url}/header', answer_headers = { x-said = '{token}' }",
        ] {
            for header in [
                "'Bearer {token}'",
                "{ secret = 'key' }",
                "{ secret = 'smoke-password' }",
            ] {
                if header.contains("smoke-password") {
                    // A header cannot have what is no ASCII: said without its value.
                    continue;
                }
                let text = format!(
                    "{LOGIN}[[scenario.steps]]\nname = 'b'\nhttp = {{ {expectation}, headers = {{ authorization = {header} }} }}"
                );
                let gate = gate(&server, &text);
                assert_discreet(&format!("{gate:?}"));
                let verdict = ask(&server, &text).await.unwrap();
                assert!(
                    verdict.evidence.starts_with("failed at step 2"),
                    "{}",
                    verdict.evidence
                );
                assert_discreet(&format!("{verdict:?}"));
            }
        }
    }
}

#[tokio::test]
async fn what_is_marked_as_shown_is_shown_and_nothing_else() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/create" => reply(201, r#"{"id": "order-17", "key": "t0k/en+1"}"#),
        path => reply(404, format!("{path} is not here")),
    })
    .await;
    let text = "[[scenario.steps]]\nname = 'a'\nhttp = { url = '{url}/create' }\n\
                take = { id = { json = '/id', shown = true }, key = { json = '/key' } }\n\
                [[scenario.steps]]\nname = 'b'\nhttp = { url = '{url}/{id}/{key}' }";
    let evidence = super::fails(&server, text).await;
    assert!(evidence.contains("/order-17/***: 404"), "{evidence}");
    assert_discreet(&evidence);
}

#[tokio::test]
async fn also_not_in_the_answer_that_gives_it_and_fails() {
    let server = Server::start(|_| {
        with(
            202,
            "set-cookie: session=s-0123456789",
            r#"{"token": "t0k/en+1", "session": "s-0123456789"}"#,
        )
    })
    .await;
    let evidence = super::fails(&server, &LOGIN.replace("url = ", "status = [200], url = ")).await;
    assert!(
        evidence.contains("202 in ") && evidence.contains("\\\"token\\\": \\\"***"),
        "{evidence}"
    );
    assert_discreet(&evidence);
}

#[test]
fn not_in_what_is_stored_of_the_plan() {
    let spec: GateSpec = super::spec(LOGIN);
    assert_discreet(&serde_json::to_string(&spec).unwrap());
}
