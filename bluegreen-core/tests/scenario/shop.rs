//! The chapter's example, against a service that can do all of it.

use std::time::Duration;

use bluegreen_core::gate::build;
use bluegreen_core::plan::{GateSpec, HeaderValue, HttpCheck, ScenarioSpec, ScenarioStep, Take};
use bluegreen_core::{Outcome, Plan, Slot, Verdict, Version};
use bluegreen_testkit::loopback::{Faults, Service, ServiceConfig};
use serde_json::json;

use super::{PASSWORD, context, op, parts};

const CHAPTER: &str = include_str!("../../docs/smoke-tests.md");

/// The first plan that the chapter shows.
fn of_the_chapter() -> GateSpec {
    let plan = CHAPTER
        .split("```toml")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let plan = Plan::from_toml(plan).unwrap_or_else(|error| panic!("{error}"));
    plan.smoke.into_iter().next().unwrap()
}

/// The same in code.
fn in_code() -> GateSpec {
    let login =
        HttpCheck::new("POST", "{url}/login").body_json(json!({ "user": "smoke", "password": "{password}" }));
    let create = HttpCheck::new("POST", "{url}/orders")
        .header("authorization", "Bearer {token}")
        .body_json(json!({ "name": "smoke-{run}" }))
        .status(201);
    let account = HttpCheck::get("{url}/account")
        .contains("Hello, smoke")
        .max_latency(Duration::from_secs(1));
    let delete = HttpCheck::new("DELETE", "{url}/orders/{order}").header("authorization", "Bearer {token}");
    let scenario = ScenarioSpec::new()
        .value("password", HeaderValue::secret("smoke-password"))
        .step(ScenarioStep::new("log-in", login).take("token", Take::json("/token")))
        .step(ScenarioStep::new("create", create).take("order", Take::json("/id").shown()))
        .step(ScenarioStep::new("account", account))
        .clean_up(ScenarioStep::new("delete", delete));
    GateSpec::scenario("orders", scenario).timeout(Duration::from_secs(10))
}

async fn service() -> Service {
    let version = Version::new("1.4.0").unwrap();
    let service = Service::start(ServiceConfig {
        version,
        slot: Slot::Green,
    });
    let service = service.await.unwrap();
    service.open_shop(PASSWORD);
    service
}

async fn ask(service: &Service, spec: &GateSpec) -> Verdict {
    let gate = build(spec, &parts(&format!("http://{}", service.address()))).unwrap();
    gate.check(&op(Duration::from_secs(10)), &context())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_chapters_plan_and_its_code_pass_and_leave_nothing_behind() {
    let service = service().await;
    for spec in [of_the_chapter(), in_code()] {
        let verdict = ask(&service, &spec).await;
        assert_eq!(verdict.outcome, Outcome::Pass, "{}", verdict.evidence);
        assert!(
            verdict.evidence.ends_with(" ms") && verdict.evidence.contains("clean-up, delete: 204"),
            "{}",
            verdict.evidence
        );
        assert_eq!(service.orders(), 0);
    }
}

#[tokio::test]
async fn a_release_that_fails_in_the_middle_leaves_nothing_behind_either() {
    let service = service().await;
    let spec = of_the_chapter();
    // Every second request fails.
    service.set_faults(Faults::default().errors("50%".parse().unwrap()));
    for _ in 0..4 {
        let verdict = ask(&service, &spec).await;
        assert_eq!(verdict.outcome, Outcome::Fail, "{}", verdict.evidence);
    }
    service.set_faults(Faults::default());
    assert_eq!(ask(&service, &spec).await.outcome, Outcome::Pass);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let service = service().await;
    service.open_shop("another");
    let verdict = ask(&service, &of_the_chapter()).await;
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert!(
        verdict.evidence.contains("log-in: POST ") && verdict.evidence.contains(": 401 in "),
        "{}",
        verdict.evidence
    );
    assert!(!verdict.evidence.contains("hunter2"));
}

#[test]
fn the_suites_that_the_chapter_shows_are_good_plans() {
    let suites = CHAPTER.split("```toml").nth(2).unwrap().split("```").next();
    let suites = suites.unwrap();
    let slots =
        "service = \"shop\"\n[slots]\nblue = { url = \"http://b\" }\ngreen = { url = \"http://g\" }\n";
    let plan = Plan::from_toml(&format!("{slots}{suites}")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.smoke.len(), 4);
}
