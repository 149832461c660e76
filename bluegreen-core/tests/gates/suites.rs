//! Suites that teams have: k6 and Playwright, by the address in `BASE_URL`.

use std::path::{Path, PathBuf};

use bluegreen_core::gate::build;
use bluegreen_core::{Outcome, Slot, Verdict};

use crate::{OK, Server, answer, ask, parts, spec};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites")
}

/// What a suite says of a slot, and what is kept of it.
async fn run(command: &str, url: &str) -> (Verdict, String) {
    let kept = tempfile::tempdir().unwrap();
    let mut parts = parts(url);
    parts.context = parts.context.outputs(kept.path());
    let command = command.replace("@RESULTS", &kept.path().join("results").display().to_string());
    let text = format!(
        "timeout = '100s'\ncommand = {{ dir = '{}', {command} }}",
        folder().display()
    );
    let gate = build(&spec(&text), &parts).unwrap();
    let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
    let file = kept.path().join("shop.api.green.output");
    assert!(
        verdict.evidence.contains(&file.display().to_string()),
        "{}",
        verdict.evidence
    );
    (verdict, std::fs::read_to_string(file).unwrap())
}

fn health(status: &str) -> [(&'static str, String); 1] {
    let answer = match status {
        "200 OK" => OK.to_owned(),
        status => answer(status, ""),
    };
    [("/health", answer)]
}

const K6: &str = "run = ['./k6', 'run', '--quiet', '--no-color', 'smoke.js']";

#[tokio::test]
async fn a_k6_suite_decides_by_its_thresholds_and_its_summary_is_kept() {
    for (status, outcome, said, kept) in [
        (
            "200 OK",
            Outcome::Pass,
            "http_reqs......: 20",
            "✓ 'rate<0.01' rate=0.00%",
        ),
        (
            "503 Service Unavailable",
            Outcome::Fail,
            "thresholds on metrics 'http_req_failed' have been crossed",
            "✗ 'rate<0.01' rate=100.00%",
        ),
    ] {
        let server = Server::start(&health(status)).await;
        let (verdict, output) = run(K6, &format!("http://{}", server.address)).await;
        assert_eq!(verdict.outcome, outcome, "{}", verdict.evidence);
        assert!(verdict.evidence.contains(said), "{}", verdict.evidence);
        assert!(output.contains(kept), "{output}");
        let ended = if outcome == Outcome::Pass {
            "ended with 0"
        } else {
            "ended with 99"
        };
        assert!(output.starts_with(ended), "{output}");
        assert_eq!(server.requests().len(), 20);
    }
    // A slot that refuses connections has failed: the script throws.
    let (verdict, output) = run(K6, "http://127.0.0.1:1").await;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        output.starts_with("ended with 107") && output.contains("connection refused"),
        "{output}"
    );
}

const PLAYWRIGHT: &str = "run = ['node_modules/.bin/playwright', 'test', '--reporter=line'], \
                          env = { CI = '1', NO_COLOR = '1', SUITE_RESULTS = '@RESULTS' }";

#[tokio::test]
#[ignore = "needs playwright: `make setup` installs it"]
async fn a_playwright_suite_decides_by_its_tests_and_says_which_failed() {
    let installed = folder().join("node_modules/.bin/playwright");
    assert!(
        installed.exists(),
        "{} is missing: run `make setup`",
        installed.display()
    );
    for (version, outcome, said) in [
        ("1.4.0", Outcome::Pass, "2 passed"),
        ("1.3.9", Outcome::Fail, "it is the release that is meant"),
    ] {
        let server = Server::start(&[
            ("/health", OK.to_owned()),
            (
                "/version",
                answer("200 OK", &format!("{{\"version\":\"{version}\"}}")),
            ),
        ])
        .await;
        let (verdict, output) = run(PLAYWRIGHT, &format!("http://{}", server.address)).await;
        assert_eq!(verdict.outcome, outcome, "{output}");
        assert!(verdict.evidence.contains(said), "{}", verdict.evidence);
        assert!(output.contains(said), "{output}");
    }
}
