//! Gates, as plans describe them, against real servers and commands.
#![cfg(feature = "http")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::gate::{GateParts, build};
use bluegreen_core::plan::GateSpec;
use bluegreen_core::{
    Fault, FaultKind, Gate, GateContext, Metrics, Op, Outcome, Release, ServiceName, Slot, Split, Token,
    Verdict, Version,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\nx-slot: green\r\n\r\n{\"status\":\"ok\"}";

/// A server that gives each connection the answer for its path, and remembers what it was asked.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: &[(&'static str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
        };
        let (answers, requests) = (answers.to_vec(), Arc::clone(&server.requests));
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (answers, requests) = (answers.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        match connection.read(&mut buffer).await {
                            Ok(count @ 1..) => request.extend(buffer.iter().take(count)),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8(request).unwrap();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    requests.lock().unwrap().push(request);
                    match answers.iter().find(|(known, _)| *known == path) {
                        Some((_, answer)) if answer.is_empty() => {}
                        Some((_, answer)) => drop(connection.write_all(answer.as_bytes()).await),
                        // A path that is not known is never answered.
                        None => std::future::pending().await,
                    }
                });
            }
        });
        server
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn parts(green: &str) -> GateParts {
    let url = |url: &str| BTreeMap::from([("url".to_owned(), url.to_owned())]);
    let slots = BTreeMap::from([(Slot::Blue, url("http://127.0.0.1:1")), (Slot::Green, url(green))]);
    let context = CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(slots)
        .secrets(Secrets::new().with("token", "hunter2"));
    GateParts::new(context)
}

fn spec(text: &str) -> GateSpec {
    toml::from_str(&format!("name = \"api\"\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn ask(gate: &dyn Gate, slot: Slot) -> Result<Verdict, Fault> {
    let op = Op::new(Token { epoch: 1, seq: 1 }, "17-1.1", Duration::from_secs(20));
    let release = Release::new(Version::new("1.4.0").unwrap());
    let context = GateContext::new(
        ServiceName::new("shop").unwrap(),
        slot,
        Some(release),
        Split::all(Slot::Blue),
    );
    gate.check(&op, &context).await
}

async fn ask_server(server: &Server, text: &str) -> Result<Verdict, Fault> {
    let parts = parts(&format!("http://{}", server.address));
    ask(build(&spec(text), &parts).unwrap().as_ref(), Slot::Green).await
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

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

/// Candidate (green) and live (blue) have numbers of their own.
#[derive(Debug)]
struct Both(Option<f64>, Option<f64>);

#[async_trait]
impl Metrics for Both {
    async fn read(&self, _: &Op, _: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        Ok(if slot == Slot::Green { self.0 } else { self.1 })
    }
}

/// Thresholds, the candidate's number, live's, the outcome and a part of the evidence.
#[expect(clippy::type_complexity, reason = "a row of a table")]
#[rustfmt::skip] // a row a line
const THRESHOLDS: &[(&str, Option<f64>, Option<f64>, Outcome, &str)] = &[
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(0.4), None, Outcome::Pass, "m = 400ms, not above 1s"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(0.7), None, Outcome::Pass, "above normal (500ms)"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(1.0), None, Outcome::Pass, "m = 1s"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(1.5), None, Outcome::Inconclusive, "m = 1s500ms, above warning (1s)"),
    ("normal = '500ms', warning = '1s', critical = '2s'", Some(2.5), None, Outcome::Fail, "above critical (2s)"),
    ("normal = '0.1%', warning = '1%', critical = '5%'", Some(0.06), None, Outcome::Fail, "m = 6%, above critical (5%)"),
    ("critical = '5%'", Some(0.05), None, Outcome::Pass, "m = 5%"),
    ("critical = 90", None, None, Outcome::Inconclusive, "no data"),
    ("critical = 90", Some(f64::NAN), None, Outcome::Inconclusive, "no data"),
    ("critical = 90, on_missing = 'rollback'", None, None, Outcome::Fail, "no data"),
    ("below = true, warning = 10, critical = 2", Some(12.0), None, Outcome::Pass, "not below 10"),
    ("below = true, warning = 10, critical = 2", Some(9.0), None, Outcome::Inconclusive, "below warning (10)"),
    ("below = true, warning = 10, critical = 2", Some(1.0), None, Outcome::Fail, "below critical (2)"),
    ("of_live = true, critical = '200%'", Some(1.9), Some(1.0), Outcome::Pass, "which is 190%"),
    ("of_live = true, critical = '200%'", Some(2.1), Some(1.0), Outcome::Fail, "m = 2.1, live's is 1, which is 210%, above critical (200%)"),
    ("of_live = true, critical = 2, warning = 1.5", Some(1.6), Some(1.0), Outcome::Inconclusive, "above warning (1.5)"),
    ("of_live = true, critical = 2, normal = '500ms'", Some(0.4), Some(0.1), Outcome::Pass, "what is normal (500ms)"),
    ("of_live = true, critical = 2, normal = '500ms'", Some(0.6), Some(0.1), Outcome::Fail, "600%|which is 6"),
    ("of_live = true, below = true, critical = '80%'", Some(70.0), Some(100.0), Outcome::Fail, "which is 70%, below critical (80%)"),
    ("of_live = true, critical = 2", Some(1.0), None, Outcome::Inconclusive, "no data of live"),
    ("of_live = true, critical = 2", Some(1.0), Some(0.0), Outcome::Inconclusive, "no data of live"),
    ("of_live = true, critical = 2, on_missing = 'rollback'", Some(1.0), None, Outcome::Fail, "no data of live"),
];

#[tokio::test]
async fn thresholds_are_judged_as_operators_write_them() {
    for (levels, candidate, live, outcome, part) in THRESHOLDS {
        let parts = parts("").metrics(Arc::new(Both(*candidate, *live)));
        let gate = build(&spec(&format!("metric = {{ name = 'm', {levels} }}")), &parts).unwrap();
        let split = Split::with(Slot::Green, bluegreen_core::Share::from_percent(5).unwrap());
        let context = GateContext::new(ServiceName::new("shop").unwrap(), Slot::Green, None, split);
        let op = Op::new(Token::default(), "test", Duration::from_secs(5));
        let verdict = gate.check(&op, &context).await.unwrap();
        let told = format!("{levels} {candidate:?} {live:?}: {verdict:?}");
        assert_eq!(verdict.outcome, *outcome, "{told}");
        assert!(
            part.split('|').any(|part| verdict.evidence.contains(part)),
            "{told}"
        );
        // Once live has no traffic there is nothing to compare with.
        if levels.contains("of_live") {
            let context = GateContext::new(
                ServiceName::new("shop").unwrap(),
                Slot::Green,
                None,
                Split::all(Slot::Green),
            );
            assert_eq!(
                gate.check(&op, &context).await.unwrap().outcome,
                Outcome::Pass,
                "{told}"
            );
        }
    }
}

/// Knows the values of one metric; of every other it knows nothing.
#[derive(Debug)]
struct Fixed(Option<f64>);

#[async_trait]
impl Metrics for Fixed {
    async fn read(&self, _: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        match (metric, slot) {
            ("error_rate", Slot::Green) => Ok(self.0),
            ("slow", _) => std::future::pending().await,
            _ => Err(Fault::rejected("fixed", "read", "no such metric").on(metric)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_is_compared_with_its_limits_and_no_data_is_inconclusive() {
    use Outcome::{Fail, Inconclusive, Pass};
    for (limits, value, outcome) in [
        ("max = 0.01", Some(0.01), Pass),
        ("max = 0.01", Some(0.02), Fail),
        ("max = 0.01", Some(f64::INFINITY), Fail),
        ("min = 5", Some(5.0), Pass),
        ("min = 5", Some(4.9), Fail),
        ("min = 0, max = 1", Some(-0.1), Fail),
        ("max = 0.01", None, Inconclusive),
        ("min = 5", Some(f64::NAN), Inconclusive),
    ] {
        let parts = parts("").metrics(Arc::new(Fixed(value)));
        let gate = build(
            &spec(&format!("metric = {{ name = 'error_rate', {limits} }}")),
            &parts,
        )
        .unwrap();
        let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
        assert_eq!(
            verdict.outcome, outcome,
            "{limits}, {value:?}: {}",
            verdict.evidence
        );
    }
    let parts = parts("").metrics(Arc::new(Fixed(Some(0.0))));
    for (name, kind) in [
        ("misnamed", FaultKind::Rejected),
        ("slow", FaultKind::Unavailable { retry_after: None }),
    ] {
        let gate = build(&spec(&format!("metric = {{ name = '{name}', max = 1 }}")), &parts).unwrap();
        assert_eq!(ask(gate.as_ref(), Slot::Green).await.unwrap_err().kind, kind);
    }
}

#[derive(Debug)]
struct Registered;

#[async_trait]
impl Gate for Registered {
    fn name(&self) -> &'static str {
        "api"
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        Ok(Verdict::pass(format!("asked about {}", context.slot)))
    }
}

#[tokio::test]
async fn code_is_found_by_its_name() {
    let gate = build(&spec("code = true"), &parts("").custom(Arc::new(Registered))).unwrap();
    assert_eq!(
        ask(gate.as_ref(), Slot::Blue).await.unwrap().evidence,
        "asked about blue"
    );
}

#[tokio::test]
async fn a_gate_that_cannot_work_is_not_built() {
    let parts = parts("http://127.0.0.1:8082");
    for (text, part) in [
        ("", "exactly one"),
        ("code = true\ncommand = { run = ['true'] }", "exactly one"),
        (
            "http = [{ url = '{url}' }]\nmetric = { name = 'a', max = 1 }",
            "exactly one",
        ),
        ("code = true", "no gate is registered"),
        ("metric = { name = 'a', max = 1 }", "no source of metrics"),
        ("http = [{ url = '{adress}/health' }]", "{adress}"),
        ("http = [{ url = 'health' }]", "\"health\" is no address"),
        ("http = [{ url = 'file:///etc/passwd' }]", "is no address"),
        ("http = [{ url = 'localhost:8080/health' }]", "is no address"),
        ("http = [{ url = '{url}', method = 'G T' }]", "is no method"),
        (
            "http = [{ url = '{url}', headers = { 'a b' = 'c' } }]",
            "the header \"a b\"",
        ),
        (
            "http = [{ url = '{url}', headers = { a = \"b\\nc\" } }]",
            "the header \"a\"",
        ),
        (
            "http = [{ url = '{url}', headers = { a = { secret = 'none' } } }]",
            "no secret \"none\"",
        ),
        ("command = { run = [] }", "no program"),
        ("command = { run = ['{nothing}'] }", "{nothing}"),
        (
            "command = { run = ['true'], env = { A = { secret = 'none' } } }",
            "no secret \"none\"",
        ),
    ] {
        let error = build(&spec(text), &parts).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("\"api\""),
            "{text}: {error}"
        );
    }
    let parts = parts.metrics(Arc::new(Fixed(None)));
    for limits in [
        "",
        ", max = nan",
        ", min = nan",
        ", min = 1, max = nan",
        ", min = 2, max = 1",
    ] {
        assert!(
            build(&spec(&format!("metric = {{ name = 'a'{limits} }}")), &parts).is_err(),
            "{limits:?}"
        );
    }
    // Only one of the slots lacks the value.
    let mut one_sided = parts;
    one_sided.context.slots.remove(&Slot::Blue);
    let error = build(&spec("http = [{ url = '{url}' }]"), &one_sided)
        .unwrap_err()
        .to_string();
    assert!(error.contains("for blue"), "{error}");
}
