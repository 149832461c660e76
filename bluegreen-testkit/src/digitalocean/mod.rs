//! DigitalOcean's API as a server on loopback, with balancers that really forward.
//!
//! It is written from DigitalOcean's documentation and the description of its interface, not from this workspace's
//! client, and speaks to any client: another language's, `curl`.
//!
//! What is true of the service is true here: a `PUT` of a balancer resets what it leaves out; a body as a
//! `GET` shows it is refused with 422; a changed balancer is `new` until it is `active`, refuses further
//! changes meanwhile and goes on with its old targets; health checks take several passes; lists come in
//! pages with absolute addresses; requests are limited. What is not documented is chosen so that a careless
//! client is hurt: see [`FakeConfig`].
//!
//! ```
//! use bluegreen_testkit::digitalocean::{Droplet, FakeConfig, FakeDigitalOcean};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = FakeDigitalOcean::start(FakeConfig::default()).await?;
//! let blue = cloud.add_droplet(Droplet::default().tag("shop-blue"));
//! let settings = serde_json::json!({
//!     "name": "shop", "region": "nyc3", "tag": "shop-blue",
//!     "forwarding_rules": [
//!         {"entry_protocol": "http", "entry_port": 80, "target_protocol": "http", "target_port": 8080}
//!     ],
//! });
//! let balancer = cloud.add_balancer(settings).await?;
//! assert_eq!(cloud.balancer(&balancer)["droplet_ids"][0], blue);
//! # Ok(())
//! # }
//! ```
//!
//! Everything ends when the handle is dropped.

mod answer;
mod api;
mod apps;
mod balancers;
mod config;
mod core;
mod domains;
mod entry;
mod limits;
mod monitoring;
mod plane;
mod request;
mod state;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinSet;

use self::balancers::{Balancer, Health};
use self::core::Core;
use self::plane::Plane;
use crate::conformance::ProviderFault;
use crate::lock::held;
use crate::loopback::server::Server;

pub use apps::Ends;
pub use config::FakeConfig;
pub use state::{Droplet, Request};

/// The account, its API and its data plane.
#[derive(Debug)]
pub struct FakeDigitalOcean {
    core: Arc<Core>,
    server: Server,
    entries: Mutex<BTreeMap<String, Server>>,
    checks: Mutex<JoinSet<()>>,
}

impl FakeDigitalOcean {
    /// Starts the API on a free port, with an empty account.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let core = Arc::new(Core::new(config));
        let server = Server::start(core.clone()).await?;
        // Nobody else has the core yet, so it is not set twice.
        let _ = core.server.set((server.address(), Box::new(server.cutter())));
        Ok(Self {
            core,
            server,
            entries: Mutex::default(),
            checks: Mutex::default(),
        })
    }

    /// Where the API is: what a client takes instead of `https://api.digitalocean.com`.
    #[must_use]
    pub fn url(&self) -> String {
        self.core.base()
    }

    /// The token that it takes.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.core.config.token
    }

    /// Adds a droplet, and tells its id.
    pub fn add_droplet(&self, droplet: Droplet) -> u64 {
        let mut state = held(&self.core.state);
        let id = state.next_id();
        state.droplets.insert(id, droplet);
        id
    }

    /// Adds an active balancer with healthy droplets and begins to forward; its id. The settings are those of
    /// a `PUT`.
    ///
    /// # Errors
    /// When the settings would be refused, or no port can be bound.
    pub async fn add_balancer(&self, settings: Value) -> io::Result<String> {
        let id = {
            let mut state = held(&self.core.state);
            let settings = balancers::settings(&settings, &state);
            let settings = settings.map_err(|refusal| io::Error::other(refusal.message))?;
            let mut balancer = Balancer::new(settings);
            let healthy = Health {
                is_healthy: true,
                in_a_row: 0,
            };
            let members = balancers::members(&balancer.wanted, &state);
            balancer.health = members.into_iter().map(|member| (member, healthy)).collect();
            let id = state.next_uuid();
            state.balancers.insert(id.clone(), balancer);
            id
        };
        let entry = Server::start(Arc::new(Plane::new(self.core.clone(), id.clone()))).await?;
        held(&self.entries).insert(id.clone(), entry);
        held(&self.checks).spawn(plane::check_health(Arc::downgrade(&self.core), id.clone()));
        Ok(id)
    }

    /// Where a balancer is entered: its first forwarding rule.
    #[must_use]
    pub fn entry(&self, balancer: &str) -> Option<SocketAddr> {
        held(&self.entries).get(balancer).map(Server::address)
    }

    /// A balancer as a `GET` shows it; null where there is none.
    #[must_use]
    pub fn balancer(&self, id: &str) -> Value {
        let mut state = held(&self.core.state);
        balancers::advance_all(&mut state, &self.core.config, self.core.clock.monotonic());
        let balancer = state.balancers.get(id);
        balancer.map_or(Value::Null, |balancer| balancer.shown(id, &state))
    }

    /// Somebody changes settings of a balancer in the console: at once, without a check.
    pub fn set_by_hand(&self, balancer: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
        let mut state = held(&self.core.state);
        let Some(mut balancer_state) = state.balancers.remove(balancer) else {
            return;
        };
        change(&mut balancer_state.wanted);
        balancer_state.applied.clone_from(&balancer_state.wanted);
        balancer_state.arrives = None;
        let healthy = Health {
            is_healthy: true,
            in_a_row: 0,
        };
        for member in balancers::members(&balancer_state.wanted, &state) {
            balancer_state.health.insert(member, healthy);
        }
        state.balancers.insert(balancer.to_owned(), balancer_state);
    }

    /// The next change of a balancer is taken and ends in the status `errored`.
    pub fn fail_next_change(&self, balancer: &str) {
        if let Some(balancer) = held(&self.core.state).balancers.get_mut(balancer) {
            balancer.fails_next = true;
        }
    }

    /// Adds an app whose spec is active, and begins to serve it; its id.
    ///
    /// # Errors
    /// When the spec would be refused, or no port can be bound.
    pub async fn add_app(&self, spec: Value) -> io::Result<String> {
        apps::check(&spec).map_err(|refusal| io::Error::other(refusal.message))?;
        let id = {
            let mut state = held(&self.core.state);
            let id = state.next_uuid();
            let deployment = state.next_uuid();
            state
                .apps
                .insert(id.clone(), apps::App::active_at_once(spec, deployment));
            id
        };
        let entry = Server::start(Arc::new(entry::AppEntry::new(self.core.clone(), id.clone()))).await?;
        held(&self.entries).insert(id.clone(), entry);
        Ok(id)
    }

    /// Where the instances of a component of an app answer.
    pub fn set_backend(&self, app: &str, component: impl Into<String>, at: SocketAddr) {
        if let Some(app) = held(&self.core.state).apps.get_mut(app) {
            app.backends.insert(component.into(), at);
        }
    }

    /// The spec that an app serves by; null where nothing is active.
    #[must_use]
    pub fn active_spec(&self, app: &str) -> Value {
        let state = held(&self.core.state);
        let (takes, now) = (self.core.config.deployment_takes, self.core.clock.monotonic());
        state
            .apps
            .get(app)
            .map(|app| app.active_spec(takes, now))
            .unwrap_or_default()
    }

    /// Somebody sets the spec of an app in the console: active at once.
    pub fn set_spec_by_hand(&self, app: &str, change: impl FnOnce(&mut Value)) {
        let mut state = held(&self.core.state);
        let id = state.next_uuid();
        if let Some(app) = state.apps.get_mut(app) {
            let mut spec = app.spec.clone();
            change(&mut spec);
            let backends = std::mem::take(&mut app.backends);
            *app = apps::App {
                backends,
                ..apps::App::active_at_once(spec, id)
            };
        }
    }

    /// How the next deployment of an app ends.
    pub fn next_deployment_ends(&self, app: &str, ends: Ends) {
        if let Some(app) = held(&self.core.state).apps.get_mut(app) {
            app.next_ends = ends;
        }
    }

    /// Adds a record to a domain, which is added when it is not there; the record's id. The fields are those of
    /// the API: `type`, `name`, `data`, `ttl`.
    pub fn add_record(&self, domain: &str, fields: &Value) -> u64 {
        let mut state = held(&self.core.state);
        let id = state.next_id();
        let record = domains::record(id, fields);
        state
            .domains
            .entry(domain.to_owned())
            .or_default()
            .insert(id, record);
        id
    }

    /// A record as a `GET` shows it; null where there is none.
    #[must_use]
    pub fn record(&self, domain: &str, id: u64) -> Value {
        let state = held(&self.core.state);
        let records = state.domains.get(domain);
        records
            .and_then(|records| records.get(&id))
            .cloned()
            .unwrap_or_default()
    }

    /// Somebody changes a field of a record in the console.
    pub fn set_record_by_hand(&self, domain: &str, id: u64, field: &str, value: Value) {
        let mut state = held(&self.core.state);
        let records = state.domains.get_mut(domain);
        if let Some(record) = records.and_then(|records| records.get_mut(&id)) {
            record[field] = value;
        }
    }

    /// What monitoring tells: series under a path such as `load_balancer/droplets_queue_size`, the id of what
    /// is measured, and a component of an app or nothing. Each has labels and a value, as a string.
    pub fn set_metric(&self, path: &str, id: &str, component: &str, series: Vec<(Value, String)>) {
        let key = format!("{path}/{id}/{component}");
        held(&self.core.state).metrics.insert(key, series);
    }

    /// Lets the way to the API fail from now on; `None`: lets it work again. The data plane goes on.
    ///
    /// # Errors
    /// When the port could not be bound again.
    pub async fn disturb(&self, fault: Option<ProviderFault>) -> io::Result<()> {
        let is_refusing = fault == Some(ProviderFault::Refused);
        *held(&self.core.fault) = fault.filter(|_| !is_refusing);
        self.server.set_open(!is_refusing).await?;
        if is_refusing {
            self.server.cut();
        }
        Ok(())
    }

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        held(&self.core.state).requests.clone()
    }
}

/// Ends the connections, which would otherwise keep the account alive as long as their clients do.
impl Drop for FakeDigitalOcean {
    fn drop(&mut self) {
        self.server.cut();
    }
}
