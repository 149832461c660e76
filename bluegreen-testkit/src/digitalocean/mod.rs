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
//! Everything ends when the handle is dropped. [`Account`] is the same in memory, without a server, in virtual time if
//! you like.

mod account;
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
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use bluegreen_core::SystemClock;
use serde_json::Value;
use tokio::task::JoinSet;

use self::core::Checks;
use self::plane::Plane;
use crate::conformance::ProviderFault;
use crate::lock::held;
use crate::loopback::server::Server;

pub use account::{Account, Refused};
pub use apps::Ends;
pub use config::FakeConfig;
pub use state::{Droplet, Request};

/// An [`Account`] behind its API, with a data plane that forwards. All that an account can do, it can.
#[derive(Debug)]
pub struct FakeDigitalOcean {
    account: Account,
    server: Server,
    entries: Mutex<BTreeMap<String, Server>>,
    checks: Mutex<JoinSet<()>>,
}

impl Deref for FakeDigitalOcean {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}

impl FakeDigitalOcean {
    /// Starts the API on a free port, with an empty account.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let account = Account::with(config, Arc::new(SystemClock::new()), Checks::Asked);
        let server = Server::start(account.core.clone()).await?;
        // Nobody else has the core yet, so it is not set twice.
        let _ = account
            .core
            .server
            .set((server.address(), Box::new(server.cutter())));
        Ok(Self {
            account,
            server,
            entries: Mutex::default(),
            checks: Mutex::default(),
        })
    }

    /// Adds an active balancer with healthy droplets and begins to forward; its id. The settings are those of
    /// a `PUT`.
    ///
    /// # Errors
    /// When the settings would be refused, or no port can be bound.
    pub async fn add_balancer(&self, settings: Value) -> io::Result<String> {
        let id = self.account.add_balancer(&settings).map_err(io::Error::other)?;
        let core = &self.account.core;
        let entry = Server::start(Arc::new(Plane::new(core.clone(), id.clone()))).await?;
        held(&self.entries).insert(id.clone(), entry);
        held(&self.checks).spawn(plane::check_health(Arc::downgrade(core), id.clone()));
        Ok(id)
    }

    /// Adds an app whose spec is active, and begins to serve it; its id.
    ///
    /// # Errors
    /// When the spec would be refused, or no port can be bound.
    pub async fn add_app(&self, spec: Value) -> io::Result<String> {
        let id = self.account.add_app(spec).map_err(io::Error::other)?;
        let served = entry::Served::App(id.clone());
        self.enter(&id, served).await?;
        Ok(id)
    }

    /// Begins to answer for a domain, as the app does that has it; 404 where none has.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn serve_domain(&self, domain: &str) -> io::Result<()> {
        let served = entry::Served::Domain(domain.to_owned());
        self.enter(domain, served).await
    }

    async fn enter(&self, name: &str, what: entry::Served) -> io::Result<()> {
        let entry = entry::AppEntry::new(self.account.core.clone(), what);
        let door = Server::start(Arc::new(entry)).await?;
        held(&self.entries).insert(name.to_owned(), door);
        Ok(())
    }

    /// Where a balancer is entered (its first forwarding rule), an app, or a domain that is served.
    #[must_use]
    pub fn entry(&self, of: &str) -> Option<SocketAddr> {
        held(&self.entries).get(of).map(Server::address)
    }

    /// Where the instances of a component of an app answer.
    pub fn set_backend(&self, app: &str, component: impl Into<String>, at: SocketAddr) {
        if let Some(app) = held(&self.account.core.state).apps.get_mut(app) {
            app.backends.insert(component.into(), at);
        }
    }

    /// Lets the way to the API fail from now on; `None`: lets it work again. The data plane goes on.
    ///
    /// # Errors
    /// When the port could not be bound again.
    pub async fn disturb(&self, fault: Option<ProviderFault>) -> io::Result<()> {
        let is_refusing = fault == Some(ProviderFault::Refused);
        *held(&self.account.core.fault) = fault.filter(|_| !is_refusing);
        self.server.set_open(!is_refusing).await?;
        if is_refusing {
            self.server.cut();
        }
        Ok(())
    }
}

/// Ends the connections, which would otherwise keep the account alive as long as their clients do.
impl Drop for FakeDigitalOcean {
    fn drop(&mut self) {
        self.server.cut();
    }
}
