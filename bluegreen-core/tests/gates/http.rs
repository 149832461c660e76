//! Gates that send requests.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::command::Secrets;
use bluegreen_core::gate::build;
use bluegreen_core::{FaultKind, Outcome, Slot};

use crate::{OK, Server, answer, ask, ask_server, parts, spec};

#[tokio::test]
async fn the_answer_of_a_slot_is_its_verdict() {
    let server = Server::start(&[
        ("/ok", OK.to_owned()),
        (
            "/version",
            "HTTP/1.1 200 OK\r\nx-slot: green\r\ncontent-length: 27\r\n\r\n{\"version\":\"1.4.0\",\"n\":1.0}"
                .to_owned(),
        ),
        ("/503", answer("503 Service Unavailable", "down")),
        (
            "/moved",
            "HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n".to_owned(),
        ),
        (
            "/cut",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned(),
        ),
        ("/garbage", "hello, this is no HTTP\r\n\r\n".to_owned()),
        ("/closed", String::new()),
        (
            "/large",
            answer("200 OK", &format!("start{}end", "x".repeat(3_000_000))),
        ),
    ])
    .await;
    for (check, outcome, part) in [
        ("{ url = '{url}/ok' }", Outcome::Pass, "/ok: 200 in "),
        (
            "{ url = '{url}/ok', json = { '/status' = 'ok' }, answer_headers = { X-Slot = '{{slot}}' } }",
            Outcome::Fail,
            "asked for \"{slot}\"",
        ),
        (
            "{ url = '{url}/version', json = { '/version' = '{version}', '/n' = 1 }, contains = ['{version}'], answer_headers = { x-slot = '{slot}' } }",
            Outcome::Pass,
            "200 in ",
        ),
        (
            "{ url = '{url}/ok', json = { '/status' = '{version}' } }",
            Outcome::Fail,
            "asked for \"1.4.0\"",
        ),
        (
            "{ url = '{url}/ok', json = { '/status' = 'down' } }",
            Outcome::Fail,
            "/status is \"ok\"",
        ),
        ("{ url = '{url}/503' }", Outcome::Fail, "503 in "),
        (
            "{ url = '{url}/503', status = [503], contains = ['down'] }",
            Outcome::Pass,
            "503 in ",
        ),
        ("{ url = '{url}/moved' }", Outcome::Fail, "302 in "),
        (
            "{ url = '{url}/moved', status = [302] }",
            Outcome::Pass,
            "302 in ",
        ),
        ("{ url = '{url}/cut' }", Outcome::Fail, "/cut: "),
        ("{ url = '{url}/garbage' }", Outcome::Fail, "/garbage: "),
        ("{ url = '{url}/closed' }", Outcome::Fail, "/closed: "),
        ("{ url = '{url}/silent' }", Outcome::Fail, "no answer within 1s"),
        (
            "{ url = '{url}/large', contains = ['start'] }",
            Outcome::Pass,
            "200 in ",
        ),
        (
            "{ url = '{url}/large', contains = ['end'] }",
            Outcome::Fail,
            "only its first MiB",
        ),
        (
            "{ url = 'http://127.0.0.1:1/' }",
            Outcome::Fail,
            "onnection refused",
        ),
        ("{ url = 'https://{bare}/ok' }", Outcome::Fail, "/ok: "),
    ] {
        let check = check.replace("{bare}", &server.address.to_string());
        let verdict = ask_server(&server, &format!("timeout = \"1s\"\nhttp = [{check}]"))
            .await
            .unwrap();
        assert_eq!(verdict.outcome, outcome, "{check}: {}", verdict.evidence);
        assert!(verdict.evidence.contains(part), "{check}: {}", verdict.evidence);
    }
}

#[tokio::test]
async fn what_is_asked_is_filled_in_for_the_slot_and_secrets_stay_secret() {
    let server = Server::start(&[("/hook", answer("403 Forbidden", "no hunter2 here"))]).await;
    let text = "http = [{ url = '{url}/hook?slot={slot}', method = 'POST', body = '{{\"v\":\"{version}\"}}', \
                headers = { X-Release = '{version}', Authorization = { secret = 'token' } }, contains = ['x'], \
                answer_headers = { x-none = '1' } }]";
    // The path with its query is not known to the server: only that it was asked matters here.
    let verdict = ask_server(&server, &format!("timeout = \"300ms\"\n{text}"))
        .await
        .unwrap();
    let request = server.requests().concat().to_lowercase();
    for part in [
        "post /hook?slot=green ",
        "x-release: 1.4.0\r\n",
        "authorization: hunter2\r\n",
        "content-length: 13",
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(!format!("{verdict:?}").contains("hunter2"));
    let echo = "http = [{ url = '{url}/hook', json = { '/a' = 1 }, contains = ['hunter2x'] }]";
    let verdict = ask_server(&server, echo).await.unwrap();
    assert!(!verdict.evidence.contains("hunter2"), "{}", verdict.evidence);
}

#[tokio::test]
async fn all_endpoints_are_asked_side_by_side_and_each_is_told() {
    let server = Server::start(&[
        ("/a", OK.to_owned()),
        ("/b", answer("500 Oops", "")),
        ("/c", OK.to_owned()),
    ])
    .await;
    let text = "timeout = \"2s\"\nhttp = [{ url = '{url}/a' }, { url = '{url}/b' }, { url = '{url}/c' }]";
    let verdict = ask_server(&server, text).await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Fail);
    let places: Vec<_> = ["/b: 500", "/a: 200", "/c: 200"]
        .map(|part| verdict.evidence.find(part).unwrap())
        .into();
    assert!(
        places.is_sorted(),
        "what failed comes first: {}",
        verdict.evidence
    );

    // Five that never answer take as long as one.
    let silent = ["{ url = '{url}/silent' }"; 5].join(", ");
    let text = format!("timeout = \"1s\"\nhttp = [{silent}]");
    let verdict = ask_server(&server, &text);
    let verdict = tokio::time::timeout(Duration::from_secs(3), verdict)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(verdict.outcome, Outcome::Fail);
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own() {
    let server = Server::start(&[("/ok", OK.to_owned())]).await;
    let parts = parts(&format!("http://{}", server.address));
    let gate = build(&spec("http = [{ url = '{url}/ok' }]"), &parts).unwrap();
    for _ in 0..3 {
        // The server answers one request on each connection and keeps it open: a second would hang.
        assert_eq!(
            ask(gate.as_ref(), Slot::Green).await.unwrap().outcome,
            Outcome::Pass
        );
    }
    assert_eq!(server.requests().len(), 3);
}

/// Knows no names.
struct NoNames;

impl reqwest::dns::Resolve for NoNames {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("no such name".into()) })
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_an_error_of_the_measurement() {
    let client = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(NoNames))
        .build()
        .unwrap();
    let gate = build(
        &spec("http = [{ url = 'http://shop.invalid/' }]"),
        &parts("").http(client),
    )
    .unwrap();
    let fault = ask(gate.as_ref(), Slot::Green).await.unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Unavailable { .. }), "{fault}");
    assert!(fault.to_string().contains("no such name"), "{fault}");
}

#[tokio::test]
async fn what_is_seen_is_shown_without_secrets_also_where_it_is_cut_or_escaped() {
    let odd = "hun\"ter2";
    for before in [0, 70, 77] {
        let said = format!("{}{odd}", "x".repeat(before));
        let body = serde_json::json!({ "a": said }).to_string();
        let server = Server::start(&[(
            "/a",
            answer("200 OK", &body).replacen("\r\n\r\n", &format!("\r\nx-a: {said}\r\n\r\n"), 1),
        )])
        .await;
        let mut parts = parts(&format!("http://{}", server.address));
        parts.context.secrets = Secrets::new().with("odd", odd);
        let text = "http = [{ url = '{url}/a', json = { '/a' = 'b' }, answer_headers = { x-a = 'b' } }]";
        let gate = build(&spec(text), &parts).unwrap();
        let evidence = ask(gate.as_ref(), Slot::Green).await.unwrap().evidence;
        assert!(
            !evidence.contains("hun") && !evidence.contains("ter2"),
            "{before}: {evidence}"
        );
    }
}
