//! Smoke scenarios against servers on loopback.
#![cfg(feature = "http")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod clean_up;
mod redirects;
mod secrets;
mod server;
mod shop;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::gate::{GateParts, build};
use bluegreen_core::plan::GateSpec;
use bluegreen_core::{
    Fault, Gate, GateContext, Op, Release, ServiceName, Slot, Split, Token, Verdict, Version,
};

use server::Server;

/// The password that the embedding program gives under the name `smoke-password`.
const PASSWORD: &str = "hunter2/\"&ü";

fn parts(url: &str) -> GateParts {
    let url = BTreeMap::from([("url".to_owned(), url.to_owned())]);
    let context = CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(Slot::BOTH.map(|slot| (slot, url.clone())).into())
        .secrets(
            Secrets::new()
                .with("smoke-password", PASSWORD)
                .with("key", "Bearer k-1234567"),
        );
    GateParts::new(context)
}

fn spec(text: &str) -> GateSpec {
    toml::from_str(&format!("name = \"orders\"\ntimeout = \"5s\"\n{text}"))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn gate(server: &Server, text: &str) -> Arc<dyn Gate> {
    build(&spec(text), &parts(&server.url())).unwrap()
}

fn op(budget: Duration) -> Op {
    Op::new(Token { epoch: 1, seq: 1 }, "17-1.1", budget)
}

fn context() -> GateContext {
    let release = Release::new(Version::new("1.4.0").unwrap());
    let service = ServiceName::new("shop").unwrap();
    GateContext::new(service, Slot::Green, Some(release), Split::all(Slot::Blue))
}

async fn ask(server: &Server, text: &str) -> Result<Verdict, Fault> {
    ask_within(server, text, Duration::from_secs(20)).await
}

async fn ask_within(server: &Server, text: &str, budget: Duration) -> Result<Verdict, Fault> {
    let (gate, op, context) = (gate(server, text), op(budget), context());
    let verdict = gate.check(&op, &context);
    tokio::time::timeout(Duration::from_secs(10), verdict)
        .await
        .unwrap()
}

/// The evidence of a scenario that passes.
async fn passes(server: &Server, text: &str) -> String {
    let verdict = ask(server, text).await.unwrap();
    assert_eq!(
        verdict.outcome,
        bluegreen_core::Outcome::Pass,
        "{}",
        verdict.evidence
    );
    verdict.evidence
}

/// The evidence of a scenario that fails.
async fn fails(server: &Server, text: &str) -> String {
    let verdict = ask(server, text).await.unwrap();
    assert_eq!(
        verdict.outcome,
        bluegreen_core::Outcome::Fail,
        "{}",
        verdict.evidence
    );
    verdict.evidence
}
