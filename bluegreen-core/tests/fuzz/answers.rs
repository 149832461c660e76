//! Answers of services, as gates judge them. Called from a test and by the fuzzer, as `targets.rs` is.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::gate::{GateParts, build};
use bluegreen_core::plan::GateSpec;
use bluegreen_core::{GateContext, Op, Outcome, ServiceName, Slot, Split, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What is sent as an answer is judged: never a panic, never a pass without what is asked for, never more
/// than a bounded evidence, never a secret in it, and never later than the budget.
pub(crate) fn http_answer(data: &[u8]) {
    let answer = data.to_vec();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 2048];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(&answer).await;
            }
        });
        for spec in judges() {
            let parts = gate_parts(&url);
            let gate = build(&spec, &parts).unwrap();
            let op = Op::new(Token::default(), "1", Duration::from_secs(2));
            let service = ServiceName::new("shop").unwrap();
            let context = GateContext::new(service, Slot::Green, None, Split::all(Slot::Blue));
            let checked = tokio::time::timeout(Duration::from_secs(4), gate.check(&op, &context));
            if let Ok(verdict) = checked.await.unwrap() {
                assert!(!verdict.evidence.contains(SECRET), "{}", verdict.evidence);
                assert!(verdict.evidence.len() < 4_000, "{}", verdict.evidence.len());
                let has_it = data.windows(4).any(|part| part == b"fine");
                assert!(verdict.outcome != Outcome::Pass || has_it, "{}", verdict.evidence);
            }
        }
        serving.abort();
    });
}

const SECRET: &str = "hunter2-and-more";

/// Gates that look at everything that an answer has.
fn judges() -> [GateSpec; 2] {
    let http = r#"
        name = "a"
        http = [{ url = "{url}/", json = { "/status" = "fine", "/list/0" = "TOKEN" }, contains = ["fine"], lacks = ["error"],
                  matches = ["f.n[e]+"], answer_headers = { x-a = "TOKEN" } }]
    "#;
    let scenario = r#"
        name = "b"
        scenario.values = { key = { secret = "key" } }
        scenario.clean_up_time = "500ms"
        scenario.steps = [
            { name = "one", redirects = "same_origin", http = { url = "{url}/?{key}", headers = { x-key = "{key}" }, contains = ["fine"] },
              take = { id = { json = "/id", shown = true }, at = { header = "location", regex = "/([a-z0-9]+)" }, word = { regex = "is (\\w+)" } } },
            { name = "two", http = { url = "{url}/{id}/{at}?{word}", headers = { x-id = "{id}" }, body_json = { at = "{at}" }, contains = ["{word}"] } },
        ]
        scenario.clean_up = [{ name = "three", http = { url = "{url}/{id}" } }]
    "#;
    [http, scenario].map(|text| toml::from_str(&text.replace("TOKEN", SECRET)).unwrap())
}

fn gate_parts(url: &str) -> GateParts {
    // Making a client reads all trusted authorities.
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        client.pool_max_idle_per_host(0).build().unwrap()
    });
    let url = BTreeMap::from([("url".to_owned(), url.to_owned())]);
    let context = CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(Slot::BOTH.map(|slot| (slot, url.clone())).into())
        .secrets(Secrets::new().with("key", SECRET));
    GateParts::new(context).http(CLIENT.clone())
}
