//! What a gate is built from, and which cannot be built.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::gate::build;
use bluegreen_core::lifecycle::DeploymentId;
use bluegreen_core::{Fault, Gate, GateContext, Op, Outcome, Slot, Verdict};

use crate::numbers::Fixed;
use crate::{OK, Server, ask, parts, spec};

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

/// In a deployment a placeholder stands for it; outside of one there is none, and nothing is asked.
#[tokio::test]
async fn a_gate_knows_the_deployment_in_which_it_is_asked() {
    let id: DeploymentId = "17-20261121T083000Z".parse().unwrap();
    let command = spec("command = { run = ['echo', 'in {deployment}'] }");
    let mut parts = parts("");
    let gate = build(&command, &parts).unwrap();
    let fault = ask(gate.as_ref(), Slot::Green).await.unwrap_err();
    assert!(fault.to_string().contains("{deployment}"), "{fault}");
    parts.context = parts.context.deployment(id);
    let gate = build(&command, &parts).unwrap();
    let verdict = ask(gate.as_ref(), Slot::Green).await.unwrap();
    assert!(
        verdict.evidence.ends_with("in 17-20261121T083000Z"),
        "{}",
        verdict.evidence
    );
    let server = Server::start(&[("/17-20261121T083000Z", OK.to_owned())]).await;
    let url = format!("http = [{{ url = 'http://{}/{{deployment}}' }}]", server.address);
    let gate = build(&spec(&url), &parts).unwrap();
    assert_eq!(
        ask(gate.as_ref(), Slot::Green).await.unwrap().outcome,
        Outcome::Pass
    );
}
