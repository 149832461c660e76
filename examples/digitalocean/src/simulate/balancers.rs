//! Worlds with load balancers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Router, Share, Slot, Split};
use bluegreen_digitalocean::{LoadBalancerRouter, PerSlot, Targets};
use bluegreen_testkit::digitalocean::{Account, Droplet, FakeConfig};
use bluegreen_testkit::simulation::{Provider, Refusal, Spoil, Wire};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::carried::client;

/// Where the service listens on its droplets, in blue and in green.
const PORTS: PerSlot<u16> = PerSlot::new(8080, 8081);

/// How the slots are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Tag,
    Droplets,
    Ports,
    Ratio,
}

/// Droplets behind one balancer or two.
#[derive(Debug)]
pub(crate) struct Balancers {
    account: Account,
    by: By,
    droplets: PerSlot<Vec<u64>>,
    ids: Vec<String>,
    /// What a switch leaves as it is.
    rest: Vec<Value>,
}

impl Balancers {
    pub(crate) fn new(by: By, count: usize, active_after: Duration, clock: Arc<dyn Clock>) -> Self {
        let config = FakeConfig::default()
            .active_after(active_after)
            // Two passes, three seconds apart: 1.2 s in this world.
            .health_second(Duration::from_millis(200))
            .health_patience(Duration::from_secs(3));
        let account = Account::new(config, clock);
        let droplets = |slot: Slot| -> Vec<u64> {
            let tag = match by {
                By::Ports => "shop".to_owned(),
                _ => format!("shop-{slot}"),
            };
            (0..4)
                .map(|_| account.add_droplet(Droplet::default().tag(tag.clone())))
                .collect()
        };
        let droplets = PerSlot::new(droplets(Slot::Blue), droplets(Slot::Green));
        let mut world = Self {
            account,
            by,
            droplets,
            ids: Vec::new(),
            rest: Vec::new(),
        };
        for number in 0..count {
            let id = world.account.add_balancer(&world.settings(number));
            let id = id.expect("settings that the fake takes");
            world.rest.push(world.rest_of(&id));
            world.ids.push(id);
        }
        world
    }

    fn settings(&self, number: usize) -> Value {
        let mut settings = json!({
            "name": format!("shop-{number}"),
            "region": "nyc3",
            "size_unit": 3,
            "algorithm": "least_connections",
            "forwarding_rules": [
                {"entry_protocol": "https", "entry_port": 443, "target_protocol": "http",
                 "target_port": PORTS.blue, "certificate_id": "892071a0-bb95-49bc-8021-3afd67a210bf"},
            ],
            "health_check": {"protocol": "http", "port": PORTS.blue, "path": "/health",
                "check_interval_seconds": 3, "response_timeout_seconds": 3, "unhealthy_threshold": 3,
                "healthy_threshold": 2},
            "sticky_sessions": {"type": "cookies", "cookie_name": "LB", "cookie_ttl_seconds": 300},
            "redirect_http_to_https": true,
            "firewall": {"deny": ["cidr:1.2.0.0/16"], "allow": []},
        });
        let (name, value) = self.pool(Slot::Blue);
        settings[name] = value;
        settings
    }

    /// What the balancer's pool is when a slot has all traffic.
    fn pool(&self, slot: Slot) -> (&'static str, Value) {
        match self.by {
            By::Tag => ("tag", json!(format!("shop-{slot}"))),
            By::Ports => ("tag", json!("shop")),
            By::Droplets | By::Ratio => ("droplet_ids", json!(self.droplets.get(slot))),
        }
    }

    fn targets(&self) -> Targets {
        let tag = |slot: Slot| format!("shop-{slot}");
        match self.by {
            By::Tag => Targets::Tag(PerSlot::new(tag(Slot::Blue), tag(Slot::Green))),
            By::Droplets => Targets::Droplets(self.droplets.clone()),
            By::Ratio => Targets::DropletRatio(self.droplets.clone()),
            By::Ports => Targets::Ports(vec![PORTS]),
        }
    }

    fn shown(&self, router: u8) -> Value {
        let id = self.ids.get(usize::from(router));
        id.map_or(Value::Null, |id| self.account.balancer(id))
    }

    fn rest_of(&self, id: &str) -> Value {
        let mut rest = self.account.balancer(id);
        if let Some(rest) = rest.as_object_mut() {
            for name in ["status", "tag", "droplet_ids"] {
                rest.remove(name);
            }
        }
        if self.by == By::Ports {
            for port in ["/forwarding_rules/0/target_port", "/health_check/port"] {
                rest.pointer_mut(port).map(Value::take);
            }
        }
        rest
    }

    /// The split of a pool of droplets.
    fn divided(&self, ids: &[u64]) -> Option<Split> {
        let of = |slot| {
            ids.iter()
                .filter(|id| self.droplets.get(slot).contains(id))
                .count()
        };
        let (blue, green) = (of(Slot::Blue), of(Slot::Green));
        let points = (green * 10_000).checked_div(blue + green)?;
        let share = Share::from_basis_points(u16::try_from(points).ok()?).ok()?;
        Some(Split::with(Slot::Green, share))
    }

    fn by_port(settings: &Value) -> Option<Split> {
        let port = settings.pointer("/forwarding_rules/0/target_port")?.as_u64()?;
        let is_it = |slot: &Slot| u64::from(*PORTS.get(*slot)) == port;
        Slot::BOTH.into_iter().find(is_it).map(Split::all)
    }
}

impl Provider for Balancers {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.account.answer(request)
    }

    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes> {
        self.account.refuse(request, how)
    }

    fn routers(&self) -> u8 {
        u8::try_from(self.ids.len()).unwrap_or(u8::MAX)
    }

    fn router(&self, index: u8, wire: Wire) -> Arc<dyn Router> {
        let clock = wire.clock();
        let client = client(&self.account, wire, clock);
        let id = self.ids.get(usize::from(index)).cloned().unwrap_or_default();
        let router = LoadBalancerRouter::new(client, id, self.targets());
        let router = router.expect("targets that can be told apart");
        Arc::new(
            router
                .settle(Duration::from_millis(1200))
                .propagation(Duration::from_secs(2))
                .poll(Duration::from_millis(100)),
        )
    }

    fn held(&self, router: u8) -> Option<Split> {
        let shown = self.shown(router);
        if self.by == By::Ports {
            return Self::by_port(&shown);
        }
        let ids: Vec<u64> = shown["droplet_ids"]
            .as_array()?
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        self.divided(&ids)
    }

    fn live(&self, router: u8) -> Option<Split> {
        let id = self.ids.get(usize::from(router))?;
        let serving = self.account.serving(id);
        if self.by == By::Ports {
            return (!serving.is_empty())
                .then(|| Self::by_port(&self.account.applied(id)))
                .flatten();
        }
        self.divided(&serving)
    }

    fn by_hand(&self, router: u8, slot: Slot) -> bool {
        let Some(id) = self.ids.get(usize::from(router)) else {
            return false;
        };
        let (name, value) = self.pool(slot);
        self.account.set_by_hand(id, |settings: &mut Map<String, Value>| {
            settings.insert(name.to_owned(), value);
            if self.by == By::Ports {
                let port = json!(PORTS.get(slot));
                settings["forwarding_rules"][0]["target_port"] = port.clone();
                settings["health_check"]["port"] = port;
            }
        });
        true
    }

    fn spoil(&self, what: Spoil) {
        if let Spoil::Router(router) = what
            && let Some(id) = self.ids.get(usize::from(router))
        {
            self.account.fail_next_change(id);
        }
    }

    fn harm(&self) -> Option<&'static str> {
        let mut balancers = self.ids.iter().zip(&self.rest);
        balancers
            .any(|(id, rest)| self.rest_of(id) != *rest)
            .then_some("a balancer has lost a setting")
    }
}
