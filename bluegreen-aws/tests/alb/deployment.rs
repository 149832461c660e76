//! Whole deployments through the deployer, over the fake, under load.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::alb::AlbRouter;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, LeasePlan, Preflight, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Deployer, Plan, Release, Report, Request, ServiceName, Signed, Slot, SystemClock, Timestamp, Version,
};
use bluegreen_testkit::aws::{FakeAws, FakeConfig};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::fakes::{CallLog, FakeHost};
use bluegreen_testkit::load::{Kind, Load, RunningLoad};
use serde_json::json;

use crate::common::{Shop, forward, login, pause};

fn service() -> ServiceName {
    ServiceName::new("shop").unwrap()
}

fn plan(steps: &[&str]) -> Plan {
    let mut plan = Plan::builder(service());
    for step in steps {
        plan = plan.step(Step::new(step.parse().unwrap(), Duration::from_millis(20)));
    }
    let mut plan = plan
        .guard(GateSpec::code("targets").period(Duration::from_millis(200)))
        .health(GateSpec::code("targets").period(Duration::from_millis(20)))
        .soak(Duration::from_millis(20))
        .lease(LeasePlan {
            ttl: Duration::from_secs(20),
            poll: Duration::from_millis(50),
            call: Duration::from_secs(4),
        })
        .preflight(Preflight::default())
        .build()
        .unwrap();
    // Nobody counts requests in flight here: so long is waited before the old side is stopped.
    plan.retention.drain = Duration::from_millis(200);
    plan
}

fn deployer(shop: &Shop, router: AlbRouter) -> Deployer {
    Deployer::builder(service())
        .store(MemoryStore::new())
        .router(router)
        .host(shop.host().clone())
        .gate(shop.gate().expect(1))
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

fn load(shop: &Shop) -> Vec<RunningLoad> {
    let start = |listener: &String, path: &str| {
        Load::new(shop.aws.entry(listener).unwrap())
            .path(path)
            .rate(25)
            .connections(3)
            .kinds([Kind::KeepAlive, Kind::Fresh, Kind::Post])
            .duration(Duration::from_mins(10))
            .start()
    };
    vec![
        start(&shop.listeners[0], "/"),
        start(&shop.listeners[1], "/api/orders"),
    ]
}

/// Answered and lost.
async fn ended(loads: Vec<RunningLoad>) -> (u64, u64) {
    let (mut answered, mut lost) = (0, 0);
    for load in loads {
        let report = load.stop().await;
        answered += report.answered;
        lost += report.failed();
    }
    (answered, lost)
}

fn lagging() -> FakeConfig {
    FakeConfig::default()
        .propagation(Duration::from_millis(200))
        .target_initial(Duration::from_millis(100))
}

/// Lets the API fail now and then until it is dropped.
struct Troubled(tokio::task::JoinHandle<()>);

impl Troubled {
    fn begin(aws: &Arc<FakeAws>) -> Self {
        let aws = aws.clone();
        Self(tokio::spawn(async move {
            let throttled = ProviderFault::Throttled {
                retry_after: Duration::ZERO,
            };
            for fault in [ProviderFault::LostAnswer, throttled].into_iter().cycle() {
                pause(700).await;
                aws.disturb(Some(fault)).await.unwrap();
                pause(30).await;
                // What is lost is the next change: it stays until there is one.
                if fault == throttled {
                    aws.disturb(None).await.unwrap();
                }
            }
        }))
    }
}

impl Drop for Troubled {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The figure of the crate: deployments and rollbacks over balancers that follow late, with throttling and lost
/// answers, lose nothing.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_deployments_and_rollbacks_lose_nothing() {
    let shop = Shop::open(lagging()).await;
    let router = shop
        .builder()
        .propagation(Duration::from_millis(250))
        .probe(shop.probe().times(5))
        .build();
    let deployer = deployer(&shop, router);
    let plan = plan(&["50%", "100%"]);
    let loads = load(&shop);
    let troubled = Troubled::begin(&shop.aws);
    let mut ends = std::collections::BTreeMap::new();
    for number in 1..=20 {
        let report = give_up_standby(&deployer, &plan, number).await;
        // A read that is throttled at the wrong moment may end one: nothing is lost by that, and nobody is needed.
        let end = report
            .end
            .unwrap_or_else(|| panic!("{number}: {:?}", report.reason));
        *ends.entry(format!("{end:?}")).or_insert(0) += 1;
        if number % 4 == 0 && end == End::Promoted {
            let report = deployer.rollback(somebody()).await.unwrap();
            assert_eq!(report.end, Some(End::RolledBack), "{number}: {:?}", report.reason);
            *ends.entry("taken back later".to_owned()).or_insert(0) += 1;
        }
    }
    drop(troubled);
    let (answered, lost) = ended(loads).await;
    eprintln!("the deployer: 20 deployments {ends:?}, {answered} answered, {lost} lost");
    assert_eq!(lost, 0);
    assert!(ends["Promoted"] >= 10, "{ends:?}");
    assert!(
        answered > 200,
        "few requests would lose none whatever is done: {answered}"
    );
}

/// The script that teams have, which sets the weights and stops the old side when the call returns, loses some under
/// the same load, without any fault.
#[tokio::test(flavor = "multi_thread")]
async fn a_naive_script_loses_some() {
    let shop = Shop::open(lagging()).await;
    let loads = load(&shop);
    for number in 0..20 {
        let (new, old) = if number % 2 == 0 {
            (Slot::Green, Slot::Blue)
        } else {
            (Slot::Blue, Slot::Green)
        };
        shop.host().service(new).set_refusing(false).await.unwrap();
        naive(&shop, new).await;
        shop.host().service(old).set_refusing(true).await.unwrap();
        pause(300).await;
    }
    let (answered, lost) = ended(loads).await;
    eprintln!("a naive script: 20 switches, {answered} answered, {lost} lost");
    assert!(lost > 0, "a load that sees no loss here would see none above");
}

/// Sets the weights everywhere and trusts that it is done.
async fn naive(shop: &Shop, slot: Slot) {
    use aws_sdk_elasticloadbalancingv2::Client;
    use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum};
    let client = Client::new(&shop.aws.sdk_config());
    let forward = Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .target_group_arn(shop.group(slot))
        .build();
    for listener in &shop.listeners {
        let request = client.modify_listener().listener_arn(listener);
        request.default_actions(forward.clone()).send().await.unwrap();
    }
    for rule in &shop.rules {
        let request = client.modify_rule().rule_arn(rule);
        request.actions(forward.clone()).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_without_healthy_targets_never_gets_traffic() {
    let shop = Shop::open(lagging()).await;
    let mut plan = plan(&["50%", "100%"]);
    plan.deadlines.verify = Duration::from_secs(1);
    let gate = shop.gate().expect(3);
    let deployer = Deployer::builder(service())
        .store(MemoryStore::new())
        .router(shop.router())
        .host(shop.host().clone())
        .gate(gate)
        .build()
        .unwrap();
    let report = deployer.deploy(&plan, release(1), somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Failed), "{report:#?}");
    for place in shop.places() {
        let weights = shop.aws.weights(place);
        assert!(
            weights
                .iter()
                .all(|(group, weight)| *group != shop.green || *weight == 0),
            "{weights:?}"
        );
    }
}

/// A wall that moves with virtual time.
fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at(Timestamp::from_millis(
        1_800_000_000_000,
    )))
}

/// A host in memory.
fn quiet_host() -> FakeHost {
    FakeHost::new("host", &CallLog::default()).with_release(Slot::Blue, release(0))
}

/// The number of requests is a figure of the crate: two listeners with two rules each, in four steps.
#[tokio::test(start_paused = true)]
async fn the_calls_of_a_deployment_in_four_steps_are_counted_and_few() {
    let shop = Shop::quiet_with(FakeConfig::default().propagation(Duration::from_secs(5)), 2).await;
    shop.by_hand(&[(&shop.blue, 100), (&shop.green, 0)]);
    let mut plan = Plan::builder(service());
    for step in ["5%", "25%", "50%", "100%"] {
        plan = plan.step(Step::new(step.parse().unwrap(), Duration::from_mins(2)));
    }
    let plan = plan
        .guard(GateSpec::code("targets").period(Duration::from_secs(30)))
        .health(GateSpec::code("targets"))
        .soak(Duration::from_mins(5))
        .build()
        .unwrap();
    let router = AlbRouter::between(&shop.account(), shop.groups()).build();
    let deployer = Deployer::builder(service())
        .store(MemoryStore::new())
        .clock(clock())
        .router(router)
        .host(quiet_host())
        .gate(shop.gate())
        .build()
        .unwrap();
    let before = shop.aws.requests().len();
    let report = deployer.deploy(&plan, release(1), somebody()).await.unwrap();
    assert_eq!(report.end, Some(End::Promoted), "{report:#?}");
    let requests = shop.aws.requests();
    let mut counts = std::collections::BTreeMap::new();
    for request in &requests[before..] {
        *counts.entry(request.action.clone()).or_insert(0_u32) += 1;
    }
    let minutes = report.took().unwrap().as_secs().div_ceil(60);
    let all: u32 = counts.values().sum();
    eprintln!("four steps over 6 places, {minutes} minutes: {all} requests: {counts:?}");
    assert_eq!(
        counts["ModifyRule"] + counts["ModifyListener"],
        4 * 6,
        "{counts:?}"
    );
    let a_minute = u64::from(all) / minutes;
    assert!(a_minute < 60, "{a_minute} requests a minute: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn by_hand_in_a_step_is_noticed_and_brought_back() {
    let shop = Shop::quiet(FakeConfig::default()).await;
    let place = shop.rules[1].clone();
    let aws = shop.aws.clone();
    let weights = forward(&[(&shop.blue, 0), (&shop.green, 1)]);
    let plan = {
        let mut plan = Plan::builder(service());
        for step in ["5%", "100%"] {
            plan = plan.step(Step::new(step.parse().unwrap(), Duration::from_mins(5)));
        }
        plan.build().unwrap()
    };
    let deployer = Deployer::builder(service())
        .store(MemoryStore::new())
        .clock(clock())
        .router(shop.router())
        .host(quiet_host())
        .build()
        .unwrap();
    let (report, ()) = tokio::join!(deployer.deploy(&plan, release(1), somebody()), async {
        pause(120_000).await;
        aws.set_actions_by_hand(&place, &json!([login(), weights]))
            .unwrap();
    });
    let report = report.unwrap();
    assert_eq!(report.end, Some(End::RolledBack), "{report:#?}");
    assert!(report.reason.unwrap().contains("disagree"));
    assert_eq!(shop.answered(100), vec![Slot::Blue; 100]);
}
