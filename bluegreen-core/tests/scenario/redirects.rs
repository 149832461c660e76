//! Redirects are followed as the plan says, and no further.

use super::server::{Asked, Reply, Server, reply, with};
use super::{fails, passes};

fn app(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/form" => with(
            302,
            "location: /done\nset-cookie: flash=saved-it; Path=/",
            "moved",
        ),
        "/again" => with(307, "location: /done", ""),
        "/loop" => with(302, "location: /loop", ""),
        "/nowhere" => with(302, "location: ftp://example.org/", ""),
        "/unsaid" => reply(302, ""),
        "/done" => reply(
            200,
            format!("{} {:?} {}", asked.method, asked.header("cookie"), asked.body),
        ),
        _ => reply(404, ""),
    }
}

fn step(path: &str, rest: &str) -> String {
    format!(
        "[[scenario.steps]]\nname = 'a'\nhttp = {{ method = 'POST', url = '{{url}}{path}', body = 'sent', headers = {{ x-key = 'k' }} {rest}"
    )
}

#[tokio::test]
async fn none_is_followed_unless_asked_for() {
    let server = Server::start(app).await;
    passes(
        &server,
        &step(
            "/form",
            ", status = [302], answer_headers = { location = '/done' } }",
        ),
    )
    .await;
    let evidence = fails(&server, &step("/form", "}")).await;
    assert!(
        evidence.contains(": 302 in ") && evidence.contains("asked for 200 to 299"),
        "{evidence}"
    );
    assert_eq!(server.lines(), ["POST /form"; 2]);
}

#[tokio::test]
async fn within_the_origin_they_are_followed_as_browsers_do() {
    let server = Server::start(app).await;
    let same = ", contains = [\"GET \\\"flash=saved-it\\\" \"] }\nredirects = 'same_origin'";
    passes(&server, &step("/form", same)).await;
    passes(
        &server,
        &step(
            "/again",
            ", contains = [\"POST \\\"\\\" sent\"] }\nredirects = 'same_origin'",
        ),
    )
    .await;
    assert!(server.asked().iter().all(|asked| asked.header("x-key") == "k"));
    for (path, part) in [
        ("/loop", "more than 5 redirects in a row"),
        ("/nowhere", "302 in "),
        ("/nowhere", "which leads to no address"),
        ("/unsaid", "which leads to no address"),
    ] {
        let evidence = fails(&server, &step(path, "}\nredirects = 'same_origin'")).await;
        assert!(evidence.contains(part), "{path}: {evidence}");
    }
    assert_eq!(
        server
            .lines()
            .iter()
            .filter(|line| line.ends_with("/loop"))
            .count(),
        6
    );
}

#[tokio::test]
async fn elsewhere_goes_nothing_that_the_plan_says() {
    let other = Server::start(|_| reply(200, "elsewhere")).await;
    let location = format!("location: {}/there?token=t", other.url());
    for status in [302, 307] {
        let location = location.clone();
        let server = Server::start(move |_| with(status, &location, "")).await;
        let evidence = fails(&server, &step("/out", "}\nredirects = 'same_origin'")).await;
        assert!(
            evidence.contains("leads elsewhere: http://127.0.0.1"),
            "{evidence}"
        );
        assert!(!evidence.contains("token=t"), "{evidence}");
        assert!(other.lines().len() < 2);
        passes(&server, &step("/out", "}\nredirects = 'anywhere'")).await;
        let asked = other.asked().pop().unwrap();
        assert_eq!((asked.header("x-key"), asked.body.as_str()), ("", ""));
    }
}
