//! A shop behind a balancer: two slots of droplets on loopback, and the fake's API in front of them.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod apps;
pub(crate) mod domain;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Clock, Monotonic, Op, Release, Router, Slot, Split, SystemClock, Timestamp, Token, Verification, Version,
};
use bluegreen_digitalocean::{Client, LoadBalancerRouter, Marker, PerSlot, SlotProbe, Targets};
use bluegreen_testkit::digitalocean::{Droplet, FakeConfig, FakeDigitalOcean};
use bluegreen_testkit::loopback::LoopbackHost;
use serde_json::{Value, json};

/// The port on which the service listens on its droplets.
pub(crate) const PORT: u16 = 8080;
/// Where the other slot listens when both share their droplets.
pub(crate) const OTHER_PORT: u16 = 8081;

/// How the slots are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Tag,
    Droplets,
    Ports,
    Ratio,
}

pub(crate) struct Shop {
    pub(crate) cloud: Arc<FakeDigitalOcean>,
    pub(crate) host: LoopbackHost,
    pub(crate) balancer: String,
    pub(crate) targets: Targets,
    pub(crate) droplets: PerSlot<Vec<u64>>,
}

/// With every setting at a value that is not the default.
pub(crate) fn settings() -> Value {
    json!({
        "name": "shop",
        "region": "nyc3",
        "size_unit": 3,
        "algorithm": "least_connections",
        "forwarding_rules": [
            {"entry_protocol": "https", "entry_port": 443, "target_protocol": "http", "target_port": PORT,
             "certificate_id": "892071a0-bb95-49bc-8021-3afd67a210bf", "tls_passthrough": false},
            {"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": PORT,
             "certificate_id": "", "tls_passthrough": false},
        ],
        "health_check": {
            "protocol": "http", "port": PORT, "path": "/health", "check_interval_seconds": 3,
            "response_timeout_seconds": 3, "unhealthy_threshold": 3, "healthy_threshold": 2,
        },
        "sticky_sessions": {"type": "cookies", "cookie_name": "DO-LB", "cookie_ttl_seconds": 300},
        "redirect_http_to_https": true,
        "enable_proxy_protocol": false,
        "enable_backend_keepalive": true,
        "http_idle_timeout_seconds": 90,
        "disable_lets_encrypt_dns_records": true,
        "firewall": {"deny": ["cidr:1.2.0.0/16"], "allow": ["ip:2.3.4.5"]},
        "network": "EXTERNAL",
        "network_stack": "DUALSTACK",
        "type": "REGIONAL",
        "tls_cipher_policy": "STRONG",
        "project_id": "9cc10173-e9ea-4176-9dbc-a4cee4c4ff30",
        "vpc_uuid": "c33931f2-a26a-4e61-b85c-4e95a2ec431b",
    })
}

impl Shop {
    pub(crate) async fn open(by: By) -> Self {
        Self::with(by, FakeConfig::default()).await
    }

    pub(crate) async fn with(by: By, config: FakeConfig) -> Self {
        let cloud = Arc::new(FakeDigitalOcean::start(config).await.unwrap());
        let host = LoopbackHost::start().await.unwrap();
        for (slot, version) in [(Slot::Blue, "1.0"), (Slot::Green, "1.1")] {
            host.run(slot, Release::new(Version::new(version).unwrap()))
                .await
                .unwrap();
        }
        let at = host.addresses();
        let droplets = |slot: Slot| -> Vec<u64> {
            let droplet = match by {
                By::Ports => Droplet::default()
                    .tag("shop")
                    .port(PORT, at.blue)
                    .port(OTHER_PORT, at.green),
                _ => Droplet::default()
                    .tag(format!("shop-{slot}"))
                    .port(PORT, *at.get(slot)),
            };
            (0..4).map(|_| cloud.add_droplet(droplet.clone())).collect()
        };
        let droplets = PerSlot::new(droplets(Slot::Blue), droplets(Slot::Green));
        let mut settings = settings();
        let targets = match by {
            By::Tag => {
                settings["tag"] = json!("shop-blue");
                Targets::Tag(PerSlot::new("shop-blue".to_owned(), "shop-green".to_owned()))
            }
            By::Droplets => {
                settings["droplet_ids"] = json!(droplets.blue);
                Targets::Droplets(droplets.clone())
            }
            By::Ratio => {
                settings["droplet_ids"] = json!(droplets.blue);
                Targets::DropletRatio(droplets.clone())
            }
            By::Ports => {
                settings["tag"] = json!("shop");
                Targets::Ports(vec![PerSlot::new(PORT, OTHER_PORT)])
            }
        };
        let balancer = cloud.add_balancer(settings).await.unwrap();
        Self {
            cloud,
            host,
            balancer,
            targets,
            droplets,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::at(&self.cloud.url(), self.cloud.token().to_owned()).unwrap()
    }

    pub(crate) fn entry(&self) -> String {
        format!("http://{}/", self.cloud.entry(&self.balancer).unwrap())
    }

    pub(crate) fn probe(&self) -> SlotProbe {
        SlotProbe::new(&self.entry(), Marker::Header("x-slot".to_owned())).unwrap()
    }

    pub(crate) fn router(&self) -> LoadBalancerRouter {
        LoadBalancerRouter::new(self.client(), &self.balancer, self.targets.clone())
            .unwrap()
            .probe(self.probe())
            .settle(Duration::from_millis(100))
            .propagation(Duration::from_secs(2))
            .poll(Duration::from_millis(25))
    }

    /// The requests that changed something.
    pub(crate) fn changes(&self) -> usize {
        self.cloud
            .requests()
            .iter()
            .filter(|request| request.method != "GET")
            .count()
    }
}

pub(crate) fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 1, seq },
        format!("test-{seq}"),
        Duration::from_secs(10),
    )
}

pub(crate) async fn pause(millis: u64) {
    SystemClock::new().sleep(Duration::from_millis(millis)).await;
}

/// Sets a split and waits until it is live.
pub(crate) async fn switch(router: &dyn Router, split: Split) {
    router.shift(&op(1), split).await.unwrap();
    confirmed(router, split).await;
}

pub(crate) async fn confirmed(router: &dyn Router, split: Split) {
    // Not more often: a client sends 250 requests a minute at most.
    for _ in 0..200 {
        match router.verify(&op(0), split).await.unwrap() {
            Verification::Live { .. } => return,
            _ => pause(25).await,
        }
    }
    panic!("{split} did not become live");
}

/// A balancer as it is shown, without what a switch may change.
pub(crate) fn the_rest(shown: &Value, changed: &[&str]) -> Value {
    let mut rest = shown.clone();
    for name in changed.iter().chain(&["status"]) {
        rest.as_object_mut().unwrap().remove(*name);
    }
    rest
}

/// The machine's clock, with leaps: hours pass at once, and calls keep the deadlines that they have.
#[derive(Debug, Default)]
pub(crate) struct Leaping {
    clock: SystemClock,
    leapt: Mutex<Duration>,
}

impl Leaping {
    pub(crate) fn leap(&self, span: Duration) {
        *self.leapt.lock().unwrap() += span;
    }

    fn leapt(&self) -> Duration {
        *self.leapt.lock().unwrap()
    }
}

#[async_trait]
impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        self.clock.now().plus(self.leapt())
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.clock.monotonic().0 + self.leapt())
    }

    async fn sleep(&self, span: Duration) {
        self.clock.sleep(span).await;
    }
}
