//! What the server, the data plane and the handle share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use bluegreen_core::Clock;

use super::balancers;
use super::config::FakeConfig;
use super::limits::Limits;
use super::state::State;
use crate::conformance::ProviderFault;

/// How droplets come to count as healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checks {
    /// They are really asked.
    Asked,
    /// Those of a pool pass, after the time that the checks take.
    Timed,
}

/// Everything behind the server.
pub(super) struct Core {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    checks: Checks,
    pub(super) state: Mutex<State>,
    pub(super) fault: Mutex<Option<ProviderFault>>,
    /// Known when the server is; an account in memory has none.
    pub(super) server: OnceLock<(SocketAddr, Box<dyn Fn() + Send + Sync>)>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(super) fn new(config: FakeConfig, clock: Arc<dyn Clock>, checks: Checks) -> Self {
        let limits = Limits::new(config.requests_an_hour, config.requests_a_minute);
        Self {
            config,
            clock,
            checks,
            state: Mutex::new(State::new(limits)),
            fault: Mutex::default(),
            server: OnceLock::new(),
        }
    }

    /// Lets arrive what has to by now, on all balancers.
    pub(super) fn advance(&self, state: &mut State) {
        let second = (self.checks == Checks::Timed).then_some(self.config.health_second);
        let now = self.clock.monotonic();
        balancers::advance_all(state, now, self.config.health_patience, second);
    }

    /// Where the API is, without a slash at the end.
    pub(super) fn base(&self) -> String {
        let address = self.server.get().map(|(address, _)| address.to_string());
        format!("http://{}", address.as_deref().unwrap_or("localhost"))
    }

    /// Drops all connections to the API.
    pub(super) fn cut(&self) {
        if let Some((_, cut)) = self.server.get() {
            cut();
        }
    }
}
