//! The clean-up is done, whatever happens.

use std::time::Duration;

use bluegreen_core::{Clock, Outcome, SystemClock};

use super::server::{Reply, Server, reply};
use super::{ask_within, context, fails, gate, op, passes};

const STEPS: &str = "
[[scenario.steps]]
name = 'create'
http = { method = 'POST', url = '{url}/things' }
take = { id = { json = '/id', shown = true } }
[[scenario.steps]]
name = 'use'
http = { url = '{url}/use/{id}' }
[[scenario.clean_up]]
name = 'first'
http = { method = 'DELETE', url = '{url}/first/{id}' }
[[scenario.clean_up]]
name = 'second'
http = { method = 'DELETE', url = '{url}/second/{id}' }
";

async fn things(using: Reply, deleting: Reply) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        "/things" => reply(201, r#"{"id": "t1"}"#),
        path if path.starts_with("/use") => using.clone(),
        path if path.starts_with("/first") => deleting.clone(),
        _ => reply(204, ""),
    })
    .await
}

const ALL: [&str; 4] = [
    "POST /things",
    "GET /use/t1",
    "DELETE /first/t1",
    "DELETE /second/t1",
];

#[tokio::test]
async fn after_a_success_and_after_a_failure() {
    let server = things(reply(200, ""), reply(204, "")).await;
    let evidence = passes(&server, STEPS).await;
    assert!(evidence.contains("\nclean-up, first: 204 in "), "{evidence}");
    assert_eq!(server.lines(), ALL);
    for broken in [reply(500, ""), Reply::Close] {
        let server = things(broken, reply(204, "")).await;
        let evidence = fails(&server, STEPS).await;
        assert!(
            evidence.starts_with("failed at step 2 of 2, use: GET "),
            "{evidence}"
        );
        assert!(evidence.contains("\nclean-up, second: 204 in "), "{evidence}");
        assert_eq!(server.lines(), ALL);
    }
}

#[tokio::test]
async fn one_that_fails_keeps_none_of_the_others_from_being_done_and_fails_the_gate() {
    for broken in [reply(500, "still in use"), Reply::Close, Reply::Never] {
        let server = things(reply(200, ""), broken).await;
        let evidence = fails(
            &server,
            &STEPS.replace("url = '{url}/first", "max_latency = '1m', url = '{url}/first"),
        )
        .await;
        assert!(
            evidence.starts_with("failed to clean up, first: DELETE "),
            "{evidence}"
        );
        assert!(evidence.contains("\nclean-up, second: 204 in "), "{evidence}");
        assert_eq!(server.lines(), ALL);
    }
}

#[tokio::test]
async fn what_was_never_created_is_not_cleaned_up() {
    let server = Server::start(|_| reply(503, "")).await;
    let evidence = fails(&server, STEPS).await;
    assert!(
        evidence.contains("\nclean-up, first: not needed, {id} was never taken"),
        "{evidence}"
    );
    assert_eq!(server.lines(), ["POST /things"]);
    // What does not need it is done all the same.
    let server = Server::start(|_| reply(503, "")).await;
    let text = format!("{STEPS}[[scenario.clean_up]]\nname = 'sweep'\nhttp = {{ url = '{{url}}/sweep' }}");
    let evidence = fails(&server, &text).await;
    assert!(evidence.contains("failed to clean up, sweep: "), "{evidence}");
}

#[tokio::test]
async fn a_step_that_hangs_leaves_it_its_time() {
    let server = things(Reply::Never, reply(204, "")).await;
    let clock = SystemClock::new();
    let budget = Duration::from_secs(3);
    let verdict = ask_within(&server, STEPS, budget).await.unwrap();
    assert!(
        clock.monotonic().0 < Duration::from_secs(3),
        "it ends before it is ended"
    );
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        verdict.evidence.contains("no answer within "),
        "{}",
        verdict.evidence
    );
    assert_eq!(server.lines(), ALL);
}

#[tokio::test]
async fn all_that_hangs_ends_within_the_budget() {
    let server = things(Reply::Never, Reply::Never).await;
    let clock = SystemClock::new();
    let budget = Duration::from_millis(600);
    let verdict = ask_within(&server, STEPS, budget).await.unwrap();
    assert!(
        clock.monotonic().0 < Duration::from_secs(2),
        "{}",
        verdict.evidence
    );
    assert_eq!(server.lines(), ALL);
}

#[tokio::test]
async fn also_where_nobody_waits_for_the_verdict_any_more() {
    let server = things(Reply::Never, reply(204, "")).await;
    let (gate, op, context) = (gate(&server, STEPS), op(Duration::from_secs(5)), context());
    let checking = tokio::spawn(async move { gate.check(&op, &context).await });
    assert_eq!(server.has_been_asked(2).await, ALL[..2]);
    checking.abort();
    assert!(checking.await.unwrap_err().is_cancelled());
    assert_eq!(server.has_been_asked(4).await, ALL);
}

#[tokio::test]
async fn a_clean_up_that_was_begun_is_ended_where_nobody_waits() {
    let deleting = Reply::Later(Duration::from_millis(100), Box::new(reply(204, "")));
    let server = things(reply(200, ""), deleting).await;
    let (gate, op, context) = (gate(&server, STEPS), op(Duration::from_secs(5)), context());
    let checking = tokio::spawn(async move { gate.check(&op, &context).await });
    server.has_been_asked(3).await;
    checking.abort();
    assert_eq!(server.has_been_asked(4).await, ALL);
}
