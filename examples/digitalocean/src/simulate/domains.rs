//! Worlds with two apps, of which one has the domain.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Host, Router, Slot, Split};
use bluegreen_digitalocean::{AppDomainRouter, AppPlatformHost, PerSlot, Place};
use bluegreen_testkit::digitalocean::{Account, Ends, FakeConfig};
use bluegreen_testkit::simulation::{Provider, Refusal, Spoil, Wire};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::apps::{component, is_whole, version};
use crate::carried::client;

const DOMAIN: &str = "shop.example.com";

/// An app for each slot, and a domain that one of them has.
#[derive(Debug)]
pub(crate) struct TwoApps {
    account: Account,
    apps: PerSlot<String>,
    /// The settings of the domain.
    entry: Value,
    rest: PerSlot<Value>,
}

impl TwoApps {
    pub(crate) fn new(takes: Duration, frees_at_once: bool, clock: Arc<dyn Clock>) -> Self {
        let config = FakeConfig::default()
            .deployment_takes(takes)
            .domain_takes(Duration::from_millis(200))
            .frees_domains_at_once(frees_at_once);
        let account = Account::new(config, clock);
        let entry =
            json!({"domain": DOMAIN, "type": "PRIMARY", "zone": "example.com", "minimum_tls_version": "1.3"});
        let add = |slot: Slot| {
            let mut component = component("api", "r0");
            let mut domains = vec![json!({"domain": format!("{slot}.example.com"), "type": "ALIAS"})];
            if slot == Slot::Blue {
                domains.push(entry.clone());
            } else {
                let retired = json!({"key": "BLUEGREEN_DEPLOYMENT", "value": "retired", "scope": "RUN_TIME"});
                component["envs"].as_array_mut().expect("a list").push(retired);
            }
            let spec = json!({"name": format!("shop-{slot}"), "services": [component], "domains": domains});
            account.add_app(spec).expect("a spec that the fake takes")
        };
        let apps = PerSlot::new(add(Slot::Blue), add(Slot::Green));
        let mut world = Self {
            account,
            apps,
            entry,
            rest: PerSlot::default(),
        };
        world.rest = PerSlot::new(world.rest(Slot::Blue), world.rest(Slot::Green));
        world
    }

    fn spec(&self, slot: Slot) -> Value {
        self.account.spec(self.apps.get(slot))
    }

    /// The settings of the domain in a slot's app.
    fn entry_of(&self, slot: Slot) -> Option<Value> {
        let spec = self.spec(slot);
        let mut domains = spec["domains"].as_array()?.iter();
        domains.find(|entry| entry["domain"] == DOMAIN).cloned()
    }

    /// What a deployment and a switch leave as it is.
    fn rest(&self, slot: Slot) -> Value {
        let mut rest = self.spec(slot);
        rest["services"].take();
        if let Some(domains) = rest["domains"].as_array_mut() {
            domains.retain(|entry| entry["domain"] != DOMAIN);
        }
        rest
    }
}

impl Provider for TwoApps {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.account.answer(request)
    }

    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes> {
        self.account.refuse(request, how)
    }

    fn routers(&self) -> u8 {
        1
    }

    fn router(&self, _: u8, wire: Wire) -> Arc<dyn Router> {
        let clock = wire.clock();
        let router = AppDomainRouter::new(client(&self.account, wire, clock), DOMAIN, self.apps.clone());
        Arc::new(
            router
                .settle(Duration::from_millis(1200))
                .propagation(Duration::from_secs(2))
                .resolvers_follow_within(Duration::from_millis(500))
                .poll(Duration::from_millis(100)),
        )
    }

    fn host(&self, wire: Wire) -> Option<Arc<dyn Host>> {
        let clock = wire.clock();
        let place = |slot| Place::new(self.apps.get(slot), "api");
        let places = PerSlot::new(place(Slot::Blue), place(Slot::Green));
        let host = AppPlatformHost::new(client(&self.account, wire, clock), places)
            .instances(3, 1)
            .settle_time(Duration::from_millis(1200))
            .poll(Duration::from_millis(100));
        Some(Arc::new(host))
    }

    fn held(&self, _: u8) -> Option<Split> {
        let has = |slot: &Slot| self.entry_of(*slot).is_some();
        Slot::BOTH.into_iter().find(has).map(Split::all)
    }

    fn live(&self, _: u8) -> Option<Split> {
        let app = self.account.answering(DOMAIN)?;
        let is_it = |slot: &Slot| *self.apps.get(*slot) == app;
        Slot::BOTH.into_iter().find(is_it).map(Split::all)
    }

    fn running(&self, slot: Slot) -> Option<String> {
        version(&self.account.active_spec(self.apps.get(slot)), "api")
    }

    /// Nobody does it here: a spec that was sent before and lands later takes the domain from both apps, and neither
    /// the platform nor the router can tell whose it was to be. The router's documentation says so.
    fn by_hand(&self, _: u8, _: Slot) -> bool {
        false
    }

    fn spoil(&self, what: Spoil) {
        for slot in Slot::BOTH {
            // A router changes one app after the other.
            if what == Spoil::Deployment(slot) || matches!(what, Spoil::Router(_)) {
                self.account
                    .next_deployment_ends(self.apps.get(slot), Ends::Error);
            }
        }
    }

    fn unspoil(&self) {
        for slot in Slot::BOTH {
            self.account
                .next_deployment_ends(self.apps.get(slot), Ends::Active);
        }
    }

    fn harm(&self) -> Option<&'static str> {
        let entries: Vec<Value> = Slot::BOTH
            .into_iter()
            .filter_map(|slot| self.entry_of(slot))
            .collect();
        let is_as_it_was = |slot| self.rest(slot) == *self.rest.get(slot);
        if entries.len() > 1 {
            Some("two apps have the domain")
        } else if entries.iter().any(|entry| *entry != self.entry) {
            Some("the domain has lost a setting")
        } else if !Slot::BOTH.into_iter().all(is_as_it_was) {
            Some("an app has lost a part of its spec")
        } else if !Slot::BOTH
            .into_iter()
            .all(|slot| is_whole(&self.spec(slot), "api"))
        {
            Some("a component has lost a variable")
        } else {
            None
        }
    }
}
