//! The account behind the API: what it holds, what people do to it by hand, and its answers without a socket.

use std::sync::Arc;

use bluegreen_core::Clock;
use hyper::body::Bytes;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::apps::{self, Ends};
use super::balancers::{self, Balancer};
use super::config::FakeConfig;
use super::core::{Checks, Core};
use super::state::{Droplet, Request, State};
use super::{domains, entry};
use crate::lock::held;

/// Settings or a spec that the service would refuse, with what it would say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.message)
    }
}

/// An account of DigitalOcean in memory: it answers requests as the API does, at the time of a clock that it
/// is given, and tells where its data plane would send a request now. Nothing is bound, nothing runs beside it.
///
/// For simulations in virtual time and for unit tests that need no real traffic;
/// [`FakeDigitalOcean`](super::FakeDigitalOcean) is the same behind a server. Droplets pass their health checks
/// when the balancer has looked at them often enough; whoever has a droplet in mind that does not, leaves it out
/// of the pool. A clone is the same account.
///
/// ```
/// use std::sync::Arc;
///
/// use bluegreen_core::SystemClock;
/// use bluegreen_testkit::digitalocean::{Account, FakeConfig};
/// use hyper::body::Bytes;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account::new(FakeConfig::default(), Arc::new(SystemClock::new()));
/// let request = hyper::Request::get("http://localhost/v2/account")
///     .header("authorization", format!("Bearer {}", account.token()))
///     .body(Bytes::new())?;
/// assert_eq!(account.answer(&request).status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Account {
    pub(super) core: Arc<Core>,
}

impl Account {
    /// An empty account.
    #[must_use]
    pub fn new(config: FakeConfig, clock: Arc<dyn Clock>) -> Self {
        Self::with(config, clock, Checks::Timed)
    }

    pub(super) fn with(config: FakeConfig, clock: Arc<dyn Clock>, checks: Checks) -> Self {
        Self {
            core: Arc::new(Core::new(config, clock, checks)),
        }
    }

    /// Where the API is: what a client takes instead of `https://api.digitalocean.com`. In memory it is the address
    /// that pages are told with, and nobody listens there.
    #[must_use]
    pub fn url(&self) -> String {
        self.core.base()
    }

    /// The token that it takes.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.core.config.token
    }

    /// Does what is asked, at once and whole, and answers.
    #[must_use]
    pub fn answer(&self, request: &hyper::Request<Bytes>) -> hyper::Response<Bytes> {
        self.core.answered(request, None)
    }

    /// Refuses a request, whatever it is, as the API does.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn refuse(
        &self,
        request: &hyper::Request<Bytes>,
        how: crate::simulation::Refusal,
    ) -> hyper::Response<Bytes> {
        use crate::simulation::Refusal as How;
        let refusal = match how {
            How::Rejected => Refusal::unpermitted(),
            How::Throttled(wait) => Refusal::too_many(Some(wait.as_secs())),
            How::Failed => Refusal::server_error(),
        };
        self.core.answered(request, Some(refusal))
    }

    /// Adds a droplet, and tells its id.
    #[expect(
        clippy::must_use_candidate,
        reason = "who looks for it by something else needs no id"
    )]
    pub fn add_droplet(&self, droplet: Droplet) -> u64 {
        let mut state = held(&self.core.state);
        let id = state.next_id();
        state.droplets.insert(id, droplet);
        id
    }

    /// Adds an active balancer with healthy droplets; its id. The settings are those of a `PUT`.
    ///
    /// # Errors
    /// When the settings would be refused.
    pub fn add_balancer(&self, settings: &Value) -> Result<String, Refused> {
        let mut state = held(&self.core.state);
        let settings = balancers::settings(settings, &state)?;
        let balancer = Balancer::healthy(settings, &state);
        let id = state.next_uuid();
        state.balancers.insert(id.clone(), balancer);
        Ok(id)
    }

    /// A balancer as a `GET` shows it; null where there is none.
    #[must_use]
    pub fn balancer(&self, id: &str) -> Value {
        let state = self.now();
        let balancer = state.balancers.get(id);
        balancer.map_or(Value::Null, |balancer| balancer.shown(id, &state))
    }

    /// The droplets among which a balancer divides new requests now: those that its data plane knows, and that
    /// have passed their checks.
    #[must_use]
    pub fn serving(&self, balancer: &str) -> Vec<u64> {
        let state = self.now();
        let balancer = state.balancers.get(balancer);
        balancer.map_or_else(Vec::new, |balancer| balancer.serving(&state))
    }

    /// The settings that a balancer's data plane works with, in the form of a `PUT`; null where there is none.
    #[must_use]
    pub fn applied(&self, balancer: &str) -> Value {
        let state = self.now();
        let balancer = state.balancers.get(balancer);
        balancer.map_or(Value::Null, |balancer| Value::Object(balancer.applied.clone()))
    }

    /// Somebody changes settings of a balancer in the console: at once, without a check.
    pub fn set_by_hand(&self, balancer: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut state = held(&self.core.state);
        if let Some(found) = state.balancers.remove(balancer) {
            let mut settings = found.wanted;
            change(&mut settings);
            let changed = Balancer::healthy(settings, &state);
            state.balancers.insert(balancer.to_owned(), changed);
        }
    }

    /// The next change of a balancer is taken and ends in the status `errored`.
    pub fn fail_next_change(&self, balancer: &str) {
        if let Some(balancer) = held(&self.core.state).balancers.get_mut(balancer) {
            balancer.fails_next = true;
        }
    }

    /// Adds an app whose spec is active; its id.
    ///
    /// # Errors
    /// When the spec would be refused.
    pub fn add_app(&self, spec: Value) -> Result<String, Refused> {
        let mut state = held(&self.core.state);
        apps::check(&spec)?;
        let id = state.next_uuid();
        apps::check_domains(&spec, &id, &state, &self.core.config, self.core.clock.monotonic())?;
        let deployment = state.next_uuid();
        let app = apps::App::active_at_once(spec, deployment);
        state.apps.insert(id.clone(), app);
        Ok(id)
    }

    /// The spec of an app as it was last taken; null where there is none.
    #[must_use]
    pub fn spec(&self, app: &str) -> Value {
        let state = held(&self.core.state);
        state
            .apps
            .get(app)
            .map(|app| app.spec.clone())
            .unwrap_or_default()
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

    /// The app that answers for a domain now: none while it is on its way from one app to another.
    #[must_use]
    pub fn answering(&self, domain: &str) -> Option<String> {
        entry::answering(&self.core, &held(&self.core.state), domain)
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

    /// Somebody rolls an app back in the console to what is active, which pins it; the deployment to which it is
    /// pinned, none where nothing is active.
    #[expect(clippy::must_use_candidate, reason = "it is done for its effect")]
    pub fn pin(&self, app: &str) -> Option<String> {
        let mut state = held(&self.core.state);
        let (takes, now) = (self.core.config.deployment_takes, self.core.clock.monotonic());
        let app = state.apps.get_mut(app)?;
        let id = app.active(takes, now)?.id.clone();
        app.pinned = Some(id.clone());
        Some(id)
    }

    /// How the next deployment of an app ends.
    pub fn next_deployment_ends(&self, app: &str, ends: Ends) {
        if let Some(app) = held(&self.core.state).apps.get_mut(app) {
            app.next_ends = ends;
        }
    }

    /// Adds a record to a domain, which is added when it is not there; the record's id. The fields are those of
    /// the API: `type`, `name`, `data`, `ttl`.
    #[expect(
        clippy::must_use_candidate,
        reason = "who looks for it by something else needs no id"
    )]
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

    /// All requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        held(&self.core.state).requests.clone()
    }

    /// Everything, with what had to arrive by now.
    fn now(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = held(&self.core.state);
        self.core.advance(&mut state);
        state
    }
}
