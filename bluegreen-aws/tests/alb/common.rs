//! A shop behind a balancer: two slots on loopback, and the fake's APIs in front of them.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::alb::{AlbHealthGate, AlbRouter, AlbRouterBuilder, Groups, Marker, SlotProbe};
use bluegreen_aws::{Account, Rate};
use bluegreen_core::{
    Clock, Op, Release, Router, Slot, Split, SystemClock, Timestamp, Token, Verification, Version,
};
use bluegreen_testkit::aws::{FakeAws, FakeConfig, FakeTarget};
use bluegreen_testkit::loopback::LoopbackHost;
use serde_json::{Value, json};

/// Two listeners, port 80 and 443, with a rule each; on 443 people log in first.
pub(crate) struct Shop {
    pub(crate) aws: Arc<FakeAws>,
    host: Option<LoopbackHost>,
    pub(crate) blue: String,
    pub(crate) green: String,
    pub(crate) balancer: String,
    pub(crate) listeners: Vec<String>,
    pub(crate) rules: Vec<String>,
}

pub(crate) fn login() -> Value {
    json!({
        "Type": "authenticate-oidc", "Order": 1,
        "AuthenticateOidcConfig": {
            "Issuer": "https://login.example.com", "ClientId": "shop", "ClientSecret": "hush-hush",
            "AuthorizationEndpoint": "https://login.example.com/a", "TokenEndpoint": "https://login.example.com/t",
            "UserInfoEndpoint": "https://login.example.com/u", "Scope": "openid email", "SessionTimeout": 3600,
        },
    })
}

pub(crate) fn api() -> Value {
    json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}])
}

/// A forward action by weights.
pub(crate) fn forward(groups: &[(&str, u32)]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, weight)| json!({"TargetGroupArn": group, "Weight": weight}))
        .collect();
    json!({"Type": "forward", "Order": 2, "ForwardConfig": {"TargetGroups": groups}})
}

impl Shop {
    /// On loopback, with services that answer.
    pub(crate) async fn open(config: FakeConfig) -> Self {
        let host = LoopbackHost::start().await.unwrap();
        for (slot, version) in [(Slot::Blue, "1.0"), (Slot::Green, "1.1")] {
            host.run(slot, Release::new(Version::new(version).unwrap()))
                .await
                .unwrap();
        }
        let aws = FakeAws::start(config).await.unwrap();
        let [blue, green] = Slot::BOTH.map(|slot| {
            let group = aws.add_target_group(&format!("shop-{slot}"));
            aws.register(&group, FakeTarget::at(*host.addresses().get(slot)));
            group
        });
        let mut shop = Self::built(aws, blue, green, 1).await;
        shop.host = Some(host);
        shop.answers().await;
        shop
    }

    /// In memory, by tokio's clock: two targets in each slot, in two zones, that are nowhere. Healthy where they are
    /// used.
    pub(crate) async fn quiet(config: FakeConfig) -> Self {
        Self::quiet_with(config, 1).await
    }

    /// The same, with so many rules on each listener.
    pub(crate) async fn quiet_with(config: FakeConfig, rules: u32) -> Self {
        let aws = FakeAws::in_memory(
            config,
            Arc::new(SystemClock::starting_at(Timestamp::from_millis(
                1_800_000_000_000,
            ))),
        );
        let [blue, green] = Slot::BOTH.map(|slot| {
            let group = aws.add_target_group(&format!("shop-{slot}"));
            for zone in ["a", "b"] {
                let target = FakeTarget::named(format!("i-{slot}-{zone}"));
                aws.register(&group, target.zone(format!("eu-central-1{zone}")));
            }
            group
        });
        let shop = Self::built(aws, blue, green, rules).await;
        pause(100).await;
        shop
    }

    async fn built(aws: FakeAws, blue: String, green: String, count: u32) -> Self {
        let balancer = aws.add_load_balancer("shop");
        let all_blue = json!({"Type": "forward", "Order": 2, "TargetGroupArn": blue});
        let mut listeners = Vec::new();
        let mut rules = Vec::new();
        for (port, actions) in [(80, json!([all_blue])), (443, json!([login(), all_blue]))] {
            let listener = aws.add_listener(&balancer, port, &actions).await.unwrap();
            for priority in 1..=count {
                rules.push(aws.add_rule(&listener, priority, &api(), &actions).unwrap());
            }
            listeners.push(listener);
        }
        Self {
            aws: Arc::new(aws),
            host: None,
            blue,
            green,
            balancer,
            listeners,
            rules,
        }
    }

    pub(crate) fn host(&self) -> &LoopbackHost {
        self.host.as_ref().expect("a shop on loopback")
    }

    /// Until the first check of blue has passed.
    async fn answers(&self) {
        for _ in 0..400 {
            let at = self.aws.entry(&self.listeners[0]).unwrap();
            if bluegreen_testkit::load::Load::new(at)
                .at_most(1)
                .start()
                .finished()
                .await
                .failed()
                == 0
            {
                return;
            }
            pause(10).await;
        }
        panic!("the shop does not answer");
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &String> {
        self.listeners.iter().chain(&self.rules)
    }

    pub(crate) fn account(&self) -> Account {
        Account::new(&self.aws.sdk_config()).rate("elasticloadbalancing", Rate::a_second(10_000))
    }

    pub(crate) fn groups(&self) -> Groups {
        Groups::new(&self.blue, &self.green).unwrap()
    }

    pub(crate) fn group(&self, slot: Slot) -> &str {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    pub(crate) fn builder(&self) -> AlbRouterBuilder {
        AlbRouter::between(&self.account(), self.groups())
            .settle(Duration::from_millis(100))
            .propagation(Duration::from_millis(100))
    }

    pub(crate) fn router(&self) -> AlbRouter {
        self.builder().build()
    }

    pub(crate) fn gate(&self) -> AlbHealthGate {
        AlbHealthGate::new(&self.account(), self.groups()).reads(2, Duration::from_millis(5))
    }

    pub(crate) fn probe(&self) -> SlotProbe {
        let entry = self.aws.entry(&self.listeners[0]).unwrap();
        SlotProbe::new(&format!("http://{entry}/"), Marker::Header("x-slot".to_owned())).unwrap()
    }

    /// Somebody sets weights in the console, everywhere.
    pub(crate) fn by_hand(&self, weights: &[(&str, u32)]) {
        for place in self.places() {
            self.by_hand_at(place, weights);
        }
    }

    /// The same, with clients that stay with their group for so long.
    pub(crate) fn by_hand_sticky(&self, blue: u32, green: u32, seconds: u32) {
        let mut forward = forward(&[(&self.blue, blue), (&self.green, green)]);
        let sticky = json!({"Enabled": true, "DurationSeconds": seconds});
        forward["ForwardConfig"]["TargetGroupStickinessConfig"] = sticky;
        for place in self.places() {
            let actions = if self.is_https(place) {
                json!([login(), forward])
            } else {
                json!([forward])
            };
            self.aws.set_actions_by_hand(place, &actions).unwrap();
        }
    }

    pub(crate) fn by_hand_at(&self, place: &str, weights: &[(&str, u32)]) {
        let actions = if self.is_https(place) {
            json!([login(), forward(weights)])
        } else {
            json!([forward(weights)])
        };
        self.aws.set_actions_by_hand(place, &actions).unwrap();
    }

    pub(crate) fn is_https(&self, place: &str) -> bool {
        place == self.listeners[1]
            || self.rules[self.rules.len() / 2..]
                .iter()
                .any(|rule| rule == place)
    }

    /// Where requests to all places go, a few of each.
    pub(crate) fn answered(&self, requests: usize) -> Vec<Slot> {
        let ways = self
            .listeners
            .iter()
            .flat_map(|listener| [(listener, "/"), (listener, "/api/orders")]);
        ways.cycle()
            .take(requests)
            .map(|(listener, path)| {
                let routed = self.aws.route(listener, path, "");
                if routed.group() == Some(self.blue.as_str()) {
                    Slot::Blue
                } else {
                    Slot::Green
                }
            })
            .collect()
    }

    /// How often something was asked for.
    pub(crate) fn asked(&self, action: &str) -> usize {
        let requests = self.aws.requests();
        requests.iter().filter(|request| request.action == action).count()
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

/// Sets a split and waits until it is live; the evidence.
pub(crate) async fn switch(router: &dyn Router, split: Split) -> String {
    router.shift(&op(1), split).await.unwrap();
    confirmed(router, split).await
}

pub(crate) async fn confirmed(router: &dyn Router, split: Split) -> String {
    for _ in 0..400 {
        match router.verify(&op(0), split).await.unwrap() {
            Verification::Live { evidence } => return evidence,
            _ => pause(10).await,
        }
    }
    panic!("{split} did not become live");
}

pub(crate) fn green(share: &str) -> Split {
    Split::with(Slot::Green, share.parse().unwrap())
}
