//! A shop in App Platform: one app with two components, or two apps.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Release, Slot, Version};
use bluegreen_digitalocean::{AppPlatformHost, AppRoutesRouter, Client, Marker, PerSlot, Place, SlotProbe};
use bluegreen_testkit::digitalocean::{FakeConfig, FakeDigitalOcean};
use bluegreen_testkit::loopback::LoopbackHost;
use serde_json::{Value, json};

pub(crate) struct Apps {
    pub(crate) shop: Arc<FakeDigitalOcean>,
    pub(crate) places: PerSlot<Place>,
    pub(crate) services: LoopbackHost,
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "name": name,
        "image": {"registry_type": "DOCR", "repository": "shop", "tag": "none"},
        "instance_count": 2,
        "instance_size_slug": "apps-s-1vcpu-1gb",
        "http_port": 3000,
        "health_check": {"http_path": "/api/health", "period_seconds": 10},
        "envs": [
            {"key": "DATABASE_URL", "value": "EV[1:abc]", "type": "SECRET", "scope": "RUN_TIME"},
            {"key": "NODE_ENV", "value": "production"},
        ],
    })
}

/// The version that runs in a component of a spec that is active; none where it is not there or retired.
pub(crate) fn version_in(spec: &Value, component: &str) -> Option<Version> {
    let services = spec["services"].as_array()?;
    let service = services.iter().find(|service| service["name"] == component)?;
    let retired = json!({"key": "BLUEGREEN_DEPLOYMENT", "value": "retired", "scope": "RUN_TIME"});
    if service["envs"].as_array()?.contains(&retired) {
        return None;
    }
    Version::new(service["image"]["tag"].as_str()?).ok()
}

fn spec(services: &[Value], leads_to: &str) -> Value {
    json!({
        "name": "shop",
        "region": "nyc",
        "domains": [{"domain": "shop.example.com", "type": "PRIMARY"}],
        "services": services,
        "ingress": {"rules": [
            {"match": {"path": {"prefix": "/"}}, "component": {"name": leads_to, "preserve_path_prefix": "true"}},
            {"match": {"path": {"prefix": "/about"}}, "component": {"name": "site"}},
        ]},
        "alerts": [{"rule": "DEPLOYMENT_FAILED"}],
    })
}

impl Apps {
    async fn open(services: &[Value], leads_to: &str, takes: Duration) -> Self {
        let config = FakeConfig::default().deployment_takes(takes).keep_alive(false);
        let shop = Arc::new(FakeDigitalOcean::start(config).await.unwrap());
        let app = shop.add_app(spec(services, leads_to)).await.unwrap();
        let places = PerSlot::new(Place::new(&app, "api-blue"), Place::new(&app, "api-green"));
        let host = LoopbackHost::start().await.unwrap();
        for (slot, version) in [(Slot::Blue, "1.0"), (Slot::Green, "1.1")] {
            host.run(slot, Release::new(Version::new(version).unwrap()))
                .await
                .unwrap();
            shop.set_backend(
                &app,
                places.get(slot).component.clone(),
                *host.addresses().get(slot),
            );
        }
        Self {
            shop,
            places,
            services: host,
        }
    }

    /// One app with neither slot's component.
    pub(crate) async fn one_empty() -> Self {
        Self::open(&[service("site")], "site", Duration::from_millis(40)).await
    }

    /// One app with both components, whose routes lead to blue's.
    pub(crate) async fn one_running() -> Self {
        Self::one_running_for(Duration::from_millis(40)).await
    }

    pub(crate) async fn one_running_for(takes: Duration) -> Self {
        let services = [service("api-blue"), service("site"), service("api-green")];
        Self::open(&services, "api-blue", takes).await
    }

    /// An app for each slot, which both are retired.
    pub(crate) async fn two_retired() -> Self {
        let one = Self::one_empty().await;
        let mut ids = Vec::new();
        for slot in Slot::BOTH {
            let mut service = service("api");
            let retired = json!({"key": "BLUEGREEN_DEPLOYMENT", "value": "retired", "scope": "RUN_TIME"});
            service["envs"].as_array_mut().unwrap().push(retired);
            let spec = json!({"name": format!("shop-{slot}"), "services": [service]});
            ids.push(one.shop.add_app(spec).await.unwrap());
        }
        let places = PerSlot::new(Place::new(&ids[0], "api"), Place::new(&ids[1], "api"));
        Self { places, ..one }
    }

    pub(crate) fn client(&self) -> Client {
        Client::at(&self.shop.url(), self.shop.token().to_owned()).unwrap()
    }

    pub(crate) fn host(&self) -> AppPlatformHost {
        let Value::Object(template) = service("none") else {
            panic!("it is an object")
        };
        AppPlatformHost::new(self.client(), self.places.clone())
            .instances(2, 1)
            .template(template)
            .settle_time(Duration::from_millis(100))
            .poll(Duration::from_millis(10))
    }

    pub(crate) fn entry(&self) -> String {
        format!("http://{}/", self.shop.entry(&self.places.blue.app).unwrap())
    }

    pub(crate) fn router(&self) -> AppRoutesRouter {
        let components = PerSlot::new(
            self.places.blue.component.clone(),
            self.places.green.component.clone(),
        );
        AppRoutesRouter::new(self.client(), &self.places.blue.app, components)
            .probe(SlotProbe::new(&self.entry(), Marker::Header("x-slot".to_owned())).unwrap())
            .settle(Duration::from_millis(100))
            .propagation(Duration::from_secs(2))
    }
}
