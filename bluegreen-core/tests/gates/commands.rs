//! Gates that run commands.

use bluegreen_core::gate::build;
use bluegreen_core::{FaultKind, Outcome, Slot};

use crate::{ask, parts, spec};

#[tokio::test]
async fn the_exit_code_of_a_command_is_its_verdict() {
    let parts = parts("http://127.0.0.1:8082");
    for (script, outcome, part) in [
        (
            "test \"$BASE_URL\" = http://127.0.0.1:8082 && echo {version}",
            Some(Outcome::Pass),
            "1.4.0",
        ),
        ("echo broken; exit 1", Some(Outcome::Fail), "ended with 1: broken"),
        ("echo no data; exit 75", Some(Outcome::Inconclusive), "no data"),
        ("kill -9 $$", Some(Outcome::Fail), "signal 9"),
        ("sleep 30", Some(Outcome::Fail), "was ended after"),
    ] {
        let command =
            format!("command = {{ run = ['sh', '-c', '{script}'], env = {{ BASE_URL = '{{url}}' }} }}");
        let gate = build(&spec(&format!("timeout = \"500ms\"\n{command}")), &parts).unwrap();
        let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
        assert_eq!(Some(verdict.outcome), outcome, "{script}: {}", verdict.evidence);
        assert!(verdict.evidence.contains(part), "{script}: {}", verdict.evidence);
    }
    let gate = build(&spec("command = { run = ['/nonexistent/check'] }"), &parts).unwrap();
    let fault = ask(gate.as_ref(), Slot::Green).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault}");
}

/// A suite as teams have them: it says what it does in colours, asks the service, and sums up at the end.
const SUITE: &str = r#"
printf '\033[1mrunning against %s (%s %s %s)\033[0m\n' "$BASE_URL" "$BLUEGREEN_SERVICE" "$BLUEGREEN_SLOT" "$BLUEGREEN_VERSION"
for check in $(seq 1 1000); do printf 'check %s of 1000\r' "$check"; done
echo
seq 1 3000
echo "1 failed: the page does not greet (token $API_TOKEN)" >&2
exit 1
"#;

#[tokio::test]
async fn a_suite_gets_the_address_of_the_slot_and_its_output_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = folder.path().join("outputs");
    let suite = folder.path().join("suite.sh");
    std::fs::write(&suite, SUITE).unwrap();
    let mut parts = parts("http://127.0.0.1:8082");
    parts.context = parts.context.outputs(&outputs);
    let text = format!(
        "timeout = '10s'\ncommand = {{ run = ['sh', '{}'], env = {{ API_TOKEN = {{ secret = 'token' }} }} }}",
        suite.display()
    );
    let gate = build(&spec(&text), &parts).unwrap();
    let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Fail);
    let file = outputs.join("shop.api.green.output");
    assert!(
        verdict
            .evidence
            .starts_with(&format!("output in {}; ended with 1: ", file.display())),
        "{}",
        verdict.evidence
    );
    assert!(
        verdict
            .evidence
            .ends_with("1 failed: the page does not greet (token ***)"),
        "{}",
        verdict.evidence
    );
    assert!(verdict.evidence.len() < 700);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        kept.starts_with("ended with 1\nrunning against http://127.0.0.1:8082 (shop green 1.4.0)\n"),
        "{kept}"
    );
    assert!(
        kept.contains("bytes left out") && kept.ends_with("(token ***)\n"),
        "{kept}"
    );
    assert!(kept.len() < 17 * 1024 && !kept.contains('\u{1b}') && !kept.contains("hunter2"));
    // What the plan says comes before what every gate gets.
    let text = "command = { run = ['sh', '-c', 'echo $BASE_URL'], env = { BASE_URL = 'http://other' } }";
    let gate = build(&spec(text), &parts).unwrap();
    let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
    assert!(
        verdict.evidence.ends_with("ended with 0: http://other"),
        "{}",
        verdict.evidence
    );
    // Where it cannot be kept, it is said, and decides nothing.
    parts.context = parts.context.outputs(suite);
    let gate = build(&spec(text), &parts).unwrap();
    let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert!(
        verdict.evidence.starts_with("output cannot be kept in "),
        "{}",
        verdict.evidence
    );
}
