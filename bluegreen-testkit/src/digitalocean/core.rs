//! What the server, the data plane and the handle share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use bluegreen_core::{Clock, SystemClock};

use super::config::FakeConfig;
use super::limits::Limits;
use super::state::State;
use crate::conformance::ProviderFault;

/// Everything behind the server.
pub(super) struct Core {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
    pub(super) fault: Mutex<Option<ProviderFault>>,
    /// Known when the server is.
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
    pub(super) fn new(config: FakeConfig) -> Self {
        let limits = Limits::new(config.requests_an_hour, config.requests_a_minute);
        Self {
            config,
            clock: Arc::new(SystemClock::new()),
            state: Mutex::new(State::new(limits)),
            fault: Mutex::default(),
            server: OnceLock::new(),
        }
    }

    /// Where the API is, without a slash at the end.
    pub(super) fn base(&self) -> String {
        let address = self.server.get().map(|(address, _)| address.to_string());
        format!("http://{}", address.unwrap_or_default())
    }

    /// Drops all connections to the API.
    pub(super) fn cut(&self) {
        if let Some((_, cut)) = self.server.get() {
            cut();
        }
    }
}
