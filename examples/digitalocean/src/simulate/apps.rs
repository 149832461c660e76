//! Worlds in App Platform: one app with a component for each slot.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Host, Router, Slot, Split};
use bluegreen_digitalocean::{AppPlatformHost, AppRoutesRouter, PerSlot, Place};
use bluegreen_testkit::digitalocean::{Account, Ends, FakeConfig};
use bluegreen_testkit::simulation::{Provider, Refusal, Spoil, Wire};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::carried::client;

/// Of one app.
const COMPONENTS: PerSlot<&str> = PerSlot::new("api-blue", "api-green");

/// One app with a component for each slot.
#[derive(Debug)]
pub(crate) struct OneApp {
    account: Account,
    app: String,
    rest: Value,
}

/// A component in which a version runs.
pub(crate) fn component(name: &str, version: &str) -> Value {
    json!({
        "name": name,
        "image": {"registry_type": "DOCR", "repository": "shop", "tag": version},
        "instance_count": 3,
        "http_port": 3000,
        "envs": [
            {"key": "DATABASE_URL", "value": "EV[1:abc]", "type": "SECRET", "scope": "RUN_TIME"},
            {"key": "BLUEGREEN_VERSION", "value": version, "scope": "RUN_TIME"},
        ],
    })
}

fn named<'a>(spec: &'a Value, name: &str) -> Option<&'a Value> {
    let services = spec["services"].as_array()?;
    services.iter().find(|service| service["name"] == name)
}

fn variable<'a>(component: &'a Value, key: &str) -> Option<&'a str> {
    let variables = component["envs"].as_array()?;
    variables.iter().find(|known| known["key"] == key)?["value"].as_str()
}

/// The version that a component of a spec runs.
pub(crate) fn version(spec: &Value, name: &str) -> Option<String> {
    let component = named(spec, name)?;
    let is_retired = variable(component, "BLUEGREEN_DEPLOYMENT") == Some("retired");
    (!is_retired)
        .then(|| variable(component, "BLUEGREEN_VERSION"))
        .flatten()
        .map(str::to_owned)
}

/// Whether a component has kept what nobody may change.
pub(crate) fn is_whole(spec: &Value, name: &str) -> bool {
    let has_secret = |component| variable(component, "DATABASE_URL") == Some("EV[1:abc]");
    named(spec, name).is_none_or(has_secret)
}

impl OneApp {
    pub(crate) fn new(takes: Duration, clock: Arc<dyn Clock>) -> Self {
        let account = Account::new(FakeConfig::default().deployment_takes(takes), clock);
        let spec = json!({
            "name": "shop",
            "region": "nyc",
            "domains": [{"domain": "shop.example.com", "type": "PRIMARY"}],
            "services": [component(COMPONENTS.blue, "r0"), component("site", "r0")],
            "ingress": {"rules": [
                {"match": {"path": {"prefix": "/"}}, "component": {"name": COMPONENTS.blue}},
                {"match": {"path": {"prefix": "/about"}}, "component": {"name": "site"}},
            ]},
            "alerts": [{"rule": "DEPLOYMENT_FAILED"}],
        });
        let app = account.add_app(spec).expect("a spec that the fake takes");
        let mut world = Self {
            account,
            app,
            rest: Value::Null,
        };
        world.rest = world.rest();
        world
    }

    fn spec(&self) -> Value {
        self.account.spec(&self.app)
    }

    /// What a deployment and a switch leave as it is.
    fn rest(&self) -> Value {
        let mut rest = self.spec();
        if let Some(services) = rest["services"].as_array_mut() {
            services.retain(|service| service["name"] == "site");
        }
        rest["ingress"]["rules"][0]["component"]["name"].take();
        rest
    }

    fn routed(spec: &Value) -> Option<Split> {
        let target = spec.pointer("/ingress/rules/0/component/name")?;
        let is_it = |slot: &Slot| *target == **COMPONENTS.get(*slot);
        Slot::BOTH.into_iter().find(is_it).map(Split::all)
    }
}

impl Provider for OneApp {
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
        let components = PerSlot::new(COMPONENTS.blue.to_owned(), COMPONENTS.green.to_owned());
        let router = AppRoutesRouter::new(client(&self.account, wire, clock), &self.app, components);
        Arc::new(
            router
                .settle(Duration::from_millis(1200))
                .propagation(Duration::from_secs(2)),
        )
    }

    fn host(&self, wire: Wire) -> Option<Arc<dyn Host>> {
        let clock = wire.clock();
        let place = |name: &str| Place::new(&self.app, name);
        let places = PerSlot::new(place(COMPONENTS.blue), place(COMPONENTS.green));
        let host = AppPlatformHost::new(client(&self.account, wire, clock), places)
            .instances(3, 1)
            .settle_time(Duration::from_millis(1200))
            .poll(Duration::from_millis(100));
        Some(Arc::new(host))
    }

    fn held(&self, _: u8) -> Option<Split> {
        Self::routed(&self.spec())
    }

    fn live(&self, _: u8) -> Option<Split> {
        Self::routed(&self.account.active_spec(&self.app))
    }

    fn running(&self, slot: Slot) -> Option<String> {
        version(&self.account.active_spec(&self.app), COMPONENTS.get(slot))
    }

    fn by_hand(&self, _: u8, slot: Slot) -> bool {
        let to = *COMPONENTS.get(slot);
        // The console does not let routes lead to what is not there.
        let is_there = named(&self.spec(), to).is_some();
        if is_there {
            self.account.set_spec_by_hand(&self.app, |spec| {
                spec["ingress"]["rules"][0]["component"]["name"] = json!(to);
            });
        }
        is_there
    }

    fn spoil(&self, _: Spoil) {
        self.account.next_deployment_ends(&self.app, Ends::Error);
    }

    fn unspoil(&self) {
        self.account.next_deployment_ends(&self.app, Ends::Active);
    }

    fn harm(&self) -> Option<&'static str> {
        let spec = self.spec();
        let is_whole = |slot| is_whole(&spec, COMPONENTS.get(slot));
        if self.rest() != self.rest {
            Some("the app has lost a part of its spec")
        } else if !Slot::BOTH.into_iter().all(is_whole) {
            Some("a component has lost a variable")
        } else {
            None
        }
    }
}
