//! A shop behind a balancer of the fake, on this machine: what is refused, what works, and what a script loses.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::{GateSpec, LeasePlan, Step};
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Clock, Deployer, Fault, Gate, GateContext, Op, Plan, Release, Report, ServiceName, Share, Signed, Slot,
    SystemClock, Verdict, Version,
};
use bluegreen_digitalocean::{Client, LoadBalancerRouter, Marker, PerSlot, SlotProbe, Targets};
use bluegreen_testkit::digitalocean::{Droplet, FakeConfig, FakeDigitalOcean};
use bluegreen_testkit::load::{Kind, Load, RunningLoad};
use bluegreen_testkit::loopback::LoopbackHost;
use serde_json::{Value, json};

type Shown<T> = Result<T, Box<dyn Error>>;

/// How long the fake's balancer takes over a change.
const TAKES: Duration = Duration::from_millis(300);
const SCRIPT_SWITCHES: u32 = 6;

/// Shows it. 0 when it went as it is told, 1 when not.
pub(crate) async fn run() -> ExitCode {
    match show().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("The demo could not go on: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the demo is for people who look at it")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "as every program does")]
fn complain(text: &str) {
    eprintln!("{text}");
}

async fn show() -> Shown<bool> {
    let shop = Shop::open().await?;
    say(&format!(
        "A fake of DigitalOcean's API at {}, with a load balancer at http://{}/.\n\
         One droplet has the tag shop-blue and is live with 1.3.0, one has shop-green.",
        shop.cloud.url(),
        shop.entry()?
    ));
    let deployer = shop.deployer()?;

    say("\nA plan with a first step of 5 % is refused, before anything is touched:");
    let refused = deployer
        .deploy(&plan("5%".parse()?)?, release("1.4.0")?, somebody())
        .await?;
    say(&format!(
        "  {}",
        refused.reason.as_deref().unwrap_or("(no reason)")
    ));

    say("\nAll at once, and back, under 200 requests a second:");
    let load = shop.load()?;
    let there = deployer
        .deploy(&plan(Share::ALL)?, release("1.4.0")?, somebody())
        .await?;
    shop.tell(&there);
    let back = deployer.rollback(somebody()).await?;
    shop.tell(&back);
    let seen = load.stop().await;
    say(&format!(
        "  {} requests were answered, {} failed.",
        seen.answered,
        seen.failed()
    ));

    say("\nWhat the API was told for that:");
    for asked in shop.cloud.requests().iter().filter(|asked| asked.method != "GET") {
        let fields = asked.body.as_object().map_or(0, serde_json::Map::len);
        let tag = asked.body.get("tag").and_then(Value::as_str).unwrap_or_default();
        say(&format!(
            "  {} {} with {fields} fields, tag {tag}: {}",
            asked.method, asked.path, asked.status
        ));
    }
    say(&format!("  {}", shop.settings()));

    say(&format!(
        "\nA script that sends what it knows and stops the old side when the call returns, {SCRIPT_SWITCHES} times:"
    ));
    let lost = shop.by_script().await?;
    say(&format!("  {lost} requests failed."));
    say(&format!("  {}", shop.settings()));

    Ok(refused.cutover_ms.is_none() && seen.failed() == 0 && lost > 0)
}

/// A service on two droplets, and the account that they are in.
struct Shop {
    cloud: FakeDigitalOcean,
    host: LoopbackHost,
    balancer: String,
}

impl Shop {
    async fn open() -> Shown<Self> {
        let cloud = FakeDigitalOcean::start(FakeConfig::default().active_after(TAKES)).await?;
        let host = LoopbackHost::start().await?;
        host.run(Slot::Blue, release("1.3.0")?).await?;
        host.run(Slot::Green, release("1.2.0")?).await?;
        for slot in Slot::BOTH {
            let droplet = Droplet::default().tag(format!("shop-{slot}"));
            cloud.add_droplet(droplet.port(8080, *host.addresses().get(slot)));
        }
        let balancer = cloud.add_balancer(settings(Slot::Blue, true)).await?;
        Ok(Self {
            cloud,
            host,
            balancer,
        })
    }

    fn entry(&self) -> Shown<std::net::SocketAddr> {
        Ok(self
            .cloud
            .entry(&self.balancer)
            .ok_or("the balancer has no entry")?)
    }

    fn deployer(&self) -> Shown<Deployer> {
        let client = Client::at(&self.cloud.url(), self.cloud.token().to_owned())?;
        let marker = Marker::Header("x-slot".to_owned());
        let probe = SlotProbe::new(&format!("http://{}/", self.entry()?), marker)?;
        let tags = PerSlot::new("shop-blue".to_owned(), "shop-green".to_owned());
        let router = LoadBalancerRouter::new(client, &self.balancer, Targets::Tag(tags))?
            .probe(probe)
            .settle(Duration::from_secs(1))
            .poll(Duration::from_millis(50));
        Ok(Deployer::builder(ServiceName::new("shop")?)
            .store(MemoryStore::new())
            .router(router)
            .host(self.host.clone())
            .gate(Healthy(self.host.clone()))
            .build()?)
    }

    fn load(&self) -> Shown<RunningLoad> {
        Ok(Load::new(self.entry()?)
            .rate(200)
            .connections(8)
            .kinds([Kind::KeepAlive, Kind::Fresh, Kind::Post])
            .duration(Duration::from_mins(2))
            .start())
    }

    fn tell(&self, report: &Report) {
        let end = match report.end {
            Some(End::Promoted) => "promoted",
            Some(End::RolledBack) => "rolled back",
            _ => "not as it was meant to",
        };
        let tag = self.cloud.balancer(&self.balancer);
        let tag = tag.get("tag").and_then(Value::as_str).unwrap_or_default();
        let confirmed = report.cutover_ms.or(report.rollback_ms).unwrap_or_default();
        say(&format!(
            "  {}: {end}, confirmed after {confirmed} ms; the balancer sends to {tag}",
            report.operation
        ));
    }

    /// Two settings that nobody wanted to change.
    fn settings(&self) -> String {
        let shown = self.cloud.balancer(&self.balancer);
        let at = |pointer: &str| shown.pointer(pointer).cloned().unwrap_or_default();
        format!(
            "Sticky sessions are {}, the health check asks {}.",
            at("/sticky_sessions/type"),
            at("/health_check/path")
        )
    }

    /// How many requests a script without patience loses.
    async fn by_script(&self) -> Shown<u64> {
        let load = self.load()?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/v2/load_balancers/{}", self.cloud.url(), self.balancer);
        let clock = SystemClock::new();
        let mut to = Slot::Green;
        for _ in 0..SCRIPT_SWITCHES {
            self.host.service(to).set_refusing(false).await?;
            let half = client.put(&url).bearer_auth(self.cloud.token());
            half.json(&settings(to, false)).send().await?;
            self.host.service(to.other()).set_refusing(true).await?;
            clock.sleep(TAKES).await;
            to = to.other();
        }
        Ok(load.stop().await.failed())
    }
}

/// A balancer's settings; without the ones that are easily forgotten, or with them.
fn settings(slot: Slot, is_whole: bool) -> Value {
    let mut settings = json!({
        "name": "shop", "region": "nyc3", "tag": format!("shop-{slot}"),
        "forwarding_rules": [
            {"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 8080},
        ],
    });
    if let (Some(settings), true) = (settings.as_object_mut(), is_whole) {
        settings.insert(
            "health_check".to_owned(),
            json!({"protocol": "http", "port": 8080, "path": "/health", "check_interval_seconds": 3,
                   "response_timeout_seconds": 3, "unhealthy_threshold": 3, "healthy_threshold": 2}),
        );
        settings.insert(
            "sticky_sessions".to_owned(),
            json!({"type": "cookies", "cookie_name": "LB", "cookie_ttl_seconds": 300}),
        );
    }
    settings
}

fn release(version: &str) -> Shown<Release> {
    Ok(Release::new(Version::new(version)?))
}

fn somebody() -> Signed {
    Signed::new("demo", "to be seen")
}

fn plan(first: Share) -> Shown<Plan> {
    let second = Duration::from_secs(1);
    let mut plan = Plan::builder(ServiceName::new("shop")?);
    if first < Share::ALL {
        plan = plan.step(Step::new(first, second));
    }
    let mut plan = plan
        .step(Step::new(Share::ALL, second))
        .health(GateSpec::code("healthy").period(Duration::from_millis(200)))
        .guard(GateSpec::code("healthy").period(Duration::from_millis(200)))
        .soak(second)
        .lease(LeasePlan {
            ttl: Duration::from_secs(20),
            poll: Duration::from_millis(100),
            call: Duration::from_secs(4),
        })
        .build()?;
    // A balancer does not count requests in flight: so long is waited before the old side is stopped.
    plan.retention.drain = second;
    Ok(plan)
}

/// Whether the service of a slot answers.
#[derive(Debug)]
struct Healthy(LoopbackHost);

#[async_trait]
impl Gate for Healthy {
    fn name(&self) -> &'static str {
        "healthy"
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let url = format!("http://{}/health", self.0.service(context.slot).address());
        Ok(match reqwest::get(url).await {
            Ok(answer) if answer.status().is_success() => Verdict::pass("it answers"),
            Ok(answer) => Verdict::fail(format!("it answers {}", answer.status())),
            Err(error) => Verdict::fail(error.to_string()),
        })
    }
}
