//! Two apps, and a domain that one of them has: in memory, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Clock, Slot, SystemClock, Timestamp};
use bluegreen_digitalocean::{AppDomainRouter, Client, Lost, PerSlot, Transport};
use bluegreen_testkit::digitalocean::{Account, FakeConfig};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::apps::service;

pub(crate) const DOMAIN: &str = "shop.example.com";

/// Its wall clock moves with the virtual time, as the limits of requests do.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::starting_at(Timestamp::from_millis(
        1_800_000_000_000,
    )))
}

/// Requests that never meet a socket.
#[derive(Debug)]
pub(crate) struct InMemory(pub(crate) Account);

#[async_trait]
impl Transport for InMemory {
    async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        Ok(self.0.answer(&request))
    }
}

pub(crate) struct TwoApps {
    pub(crate) account: Account,
    pub(crate) apps: PerSlot<String>,
}

/// With every setting that a domain can have.
pub(crate) fn entry() -> Value {
    json!({
        "domain": DOMAIN, "type": "PRIMARY", "wildcard": true, "zone": "example.com", "minimum_tls_version": "1.3",
    })
}

pub(crate) fn spec(slot: Slot, entries: &[Value]) -> Value {
    json!({
        "name": format!("shop-{slot}"), "region": "nyc", "services": [service("api")], "domains": entries,
        "ingress": {"rules": [{"match": {"path": {"prefix": "/"}}, "component": {"name": "api"}}]},
        "alerts": [{"rule": "DOMAIN_FAILED"}],
    })
}

impl TwoApps {
    /// Deployments take a minute, a certificate takes two.
    pub(crate) fn open(config: FakeConfig) -> Self {
        let config = config
            .deployment_takes(Duration::from_mins(1))
            .domain_takes(Duration::from_mins(2));
        let account = Account::new(config, clock());
        let other = json!({"domain": "green.example.com", "type": "ALIAS"});
        let blue = account.add_app(spec(Slot::Blue, &[entry()])).unwrap();
        let green = account.add_app(spec(Slot::Green, &[other])).unwrap();
        Self {
            account,
            apps: PerSlot::new(blue, green),
        }
    }

    /// A router as a new process has it.
    pub(crate) fn router(&self) -> AppDomainRouter {
        let token = self.account.token().to_owned();
        let client = Client::over(InMemory(self.account.clone()), &self.account.url(), token);
        let client = client.unwrap().clock(clock());
        AppDomainRouter::new(client, DOMAIN, self.apps.clone())
    }

    pub(crate) fn spec(&self, slot: Slot) -> Value {
        self.account.spec(self.apps.get(slot))
    }

    /// Whose spec has the domain.
    pub(crate) fn owners(&self) -> Vec<Slot> {
        let has = |slot: &Slot| {
            let domains = &self.spec(*slot)["domains"];
            let mut domains = domains.as_array().unwrap().iter();
            domains.any(|entry| entry["domain"] == DOMAIN)
        };
        Slot::BOTH.into_iter().filter(has).collect()
    }
}
