//! Whole deployments through the deployer, over the fake, under load.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, LeasePlan, Preflight, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Deployer, DeployerBuilder, Fault, Gate, GateContext, Op, Plan, Release, Report, Request, ServiceName,
    Signed, Slot, Verdict, Version,
};
use bluegreen_digitalocean::{LoadBalancerRouter, PerSlot, Targets};
use bluegreen_testkit::digitalocean::FakeConfig;
use bluegreen_testkit::load::{Kind, Load};
use bluegreen_testkit::loopback::LoopbackHost;
use common::{By, PORT, Shop, settings};
use serde_json::json;

fn service() -> ServiceName {
    ServiceName::new("shop").unwrap()
}

fn plan(steps: &[&str]) -> Plan {
    let mut plan = build(steps);
    // A balancer does not count requests in flight: so long is waited before the old side is stopped.
    plan.retention.drain = Duration::from_millis(200);
    plan
}

fn build(steps: &[&str]) -> Plan {
    let mut plan = Plan::builder(service());
    for step in steps {
        plan = plan.step(Step::new(step.parse().unwrap(), Duration::from_millis(20)));
    }
    plan.guard(GateSpec::code("up").period(Duration::from_millis(200)))
        .health(GateSpec::code("up").period(Duration::from_millis(20)))
        .soak(Duration::from_millis(20))
        .lease(LeasePlan {
            ttl: Duration::from_secs(20),
            poll: Duration::from_millis(50),
            call: Duration::from_secs(4),
        })
        .preflight(Preflight::default())
        .build()
        .unwrap()
}

/// Whether the slot's service answers.
#[derive(Debug)]
struct Up(LoopbackHost, reqwest::Client);

#[async_trait]
impl Gate for Up {
    fn name(&self) -> &'static str {
        "up"
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let at = self.0.service(context.slot).address();
        Ok(match self.1.get(format!("http://{at}/health")).send().await {
            Ok(answer) if answer.status() == 200 => Verdict::pass("answers"),
            other => Verdict::fail(format!("{other:?}")),
        })
    }
}

fn deployer(shop: &Shop, routers: Vec<LoadBalancerRouter>) -> Deployer {
    let builder = Deployer::builder(service())
        .store(MemoryStore::new())
        .host(shop.host.clone())
        .gate(Up(shop.host.clone(), reqwest::Client::new()));
    routers
        .into_iter()
        .fold(builder, DeployerBuilder::router)
        .build()
        .unwrap()
}

fn release(number: u32) -> Release {
    Release::new(Version::new(format!("2.{number}")).unwrap())
}

fn somebody() -> Signed {
    Signed::new("ada", "a test")
}

async fn give_up_standby(deployer: &Deployer, plan: &Plan, number: u32) -> Report {
    let request = Request::from(somebody()).give_up_standby("the next one comes");
    deployer.deploy(plan, release(number), request).await.unwrap()
}

/// The figure of the crate: twenty switches by the deployer lose nothing; the script that teams have, which
/// sends half a body and stops the old side when the call returns, loses some under the same load.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_switches_lose_nothing_and_a_naive_script_loses_some() {
    without_loss(By::Tag, 20).await;
    let config = FakeConfig::default().active_after(Duration::from_millis(100));
    let shop = Shop::with(By::Tag, config).await;
    let load = load(&shop);
    for number in 0..20 {
        let (new, old) = if number % 2 == 0 {
            (Slot::Green, Slot::Blue)
        } else {
            (Slot::Blue, Slot::Green)
        };
        let half = json!({
            "name": "shop", "region": "nyc3", "tag": format!("shop-{new}"),
            "forwarding_rules": settings()["forwarding_rules"],
        });
        shop.host.service(new).set_refusing(false).await.unwrap();
        let url = format!("{}/v2/load_balancers/{}", shop.cloud.url(), shop.balancer);
        let request = reqwest::Client::new()
            .put(url)
            .bearer_auth(shop.cloud.token())
            .json(&half);
        request.send().await.unwrap();
        shop.host.service(old).set_refusing(true).await.unwrap();
        common::pause(100).await;
    }
    let report = load.stop().await;
    eprintln!(
        "a naive script: 20 switches, {} answered, {} lost",
        report.answered,
        report.failed()
    );
    assert!(
        report.failed() > 0,
        "a load that sees no loss here would see none above: {report}"
    );
}

async fn without_loss(by: By, switches: u32) {
    let config = FakeConfig::default().active_after(Duration::from_millis(100));
    let shop = Shop::with(by, config).await;
    let deployer = deployer(&shop, vec![shop.router()]);
    let plan = plan(&["100%"]);
    let load = load(&shop);
    for number in 1..=switches {
        let report = give_up_standby(&deployer, &plan, number).await;
        assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    }
    // Few requests would lose none whatever the switch did.
    while load.snapshot().answered <= 100 {
        common::pause(20).await;
    }
    let report = load.stop().await;
    eprintln!(
        "{by:?}: {switches} switches, {} answered, {} lost",
        report.answered,
        report.failed()
    );
    assert_eq!(report.failed(), 0, "{by:?}: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_mode_loses_a_request_either() {
    for by in [By::Ports, By::Droplets, By::Ratio] {
        without_loss(by, 2).await;
    }
}

fn load(shop: &Shop) -> bluegreen_testkit::load::RunningLoad {
    Load::new(shop.cloud.entry(&shop.balancer).unwrap())
        .rate(100)
        .connections(8)
        .kinds([Kind::KeepAlive, Kind::Fresh, Kind::Post])
        .duration(Duration::from_secs(100))
        .start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_five_percent_is_refused_in_preflight_with_the_reason_and_the_alternatives() {
    let shop = Shop::open(By::Tag).await;
    let report = deployer(&shop, vec![shop.router()])
        .deploy(&plan(&["5%", "100%"]), release(1), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Failed));
    let reason = report.reason.unwrap();
    for part in [
        "cannot hold 5%",
        "no weights",
        "nginx in front of both slots",
        "droplet ratio",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(shop.changes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_in_quarters_runs_where_there_are_four_droplets() {
    let shop = Shop::open(By::Ratio).await;
    let report = deployer(&shop, vec![shop.router()])
        .deploy(&plan(&["25%", "50%", "100%"]), release(1), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    let mut ids = shop.droplets.green.clone();
    ids.sort_unstable();
    assert_eq!(shop.cloud.balancer(&shop.balancer)["droplet_ids"], json!(ids));
}

/// A shop with a second balancer for the same slots.
async fn with_a_second_balancer() -> (Shop, String, Vec<LoadBalancerRouter>) {
    let shop = Shop::open(By::Tag).await;
    let mut settings = settings();
    settings["tag"] = json!("shop-blue");
    settings["name"] = json!("shop-eu");
    let second = shop.cloud.add_balancer(settings).await.unwrap();
    let tags = Targets::Tag(PerSlot::new("shop-blue".to_owned(), "shop-green".to_owned()));
    let other = LoadBalancerRouter::new(shop.client(), &second, tags)
        .unwrap()
        .settle(Duration::from_millis(100))
        .propagation(Duration::from_millis(50))
        .poll(Duration::from_millis(5));
    let routers = vec![shop.router(), other];
    (shop, second, routers)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_balancers_go_together() {
    let (shop, second, routers) = with_a_second_balancer().await;
    let report = deployer(&shop, routers)
        .deploy(&plan(&["100%"]), release(1), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    for id in [&shop.balancer, &second] {
        assert_eq!(shop.cloud.balancer(id)["tag"], "shop-green");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_balancers_cannot_take_it_over_both_are_brought_back() {
    let (shop, second, routers) = with_a_second_balancer().await;
    shop.cloud.fail_next_change(&second);
    let mut plan = plan(&["100%"]);
    plan.deadlines.confirm = Duration::from_secs(1);
    let report = deployer(&shop, routers)
        .deploy(&plan, release(1), somebody())
        .await
        .unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    for id in [&shop.balancer, &second] {
        assert_eq!(shop.cloud.balancer(id)["tag"], "shop-blue");
    }
    assert_eq!(shop.cloud.balancer(&shop.balancer)["health_check"]["port"], PORT);
}
