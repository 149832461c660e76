//! The connection to the API: one request after the other, each sent once.

use std::sync::Arc;

use bluegreen_core::{Clock, Op, SystemClock};
use reqwest::Url;
use secrecy::SecretString;

mod call;
mod error;
mod limits;
mod transport;

pub(crate) use call::Call;
pub use error::ApiError;
pub(crate) use error::bounded;
use limits::Limits;
pub(crate) use limits::Urgency;
pub use transport::{Lost, Transport};

/// Where DigitalOcean answers.
pub const API: &str = "https://api.digitalocean.com";

/// The hourly requests that are kept for going back when nothing else is said: a twentieth of the 5000
/// that DigitalOcean gives.
const KEPT: u32 = 250;

/// A client of DigitalOcean's API: a token, an address, and what is known of the rate limits. Clones
/// share it.
///
/// Each request is sent **once**. Repeating is the deployer's work, which knows from a
/// [`Fault`](bluegreen_core::Fault) whether a call had no effect or may have had one.
///
/// Two limits are kept to, as DigitalOcean documents them: so many requests an hour, read from
/// `ratelimit-remaining` and `ratelimit-reset` of each answer, and 250 a minute, counted here. The last of
/// both are kept for what a rollback consists of (the router's observe, shift and verify); everything else
/// is [`Unavailable`](bluegreen_core::FaultKind::Unavailable) before they are touched.
///
/// ```
/// use bluegreen_digitalocean::Client;
///
/// let client = Client::new("dop_v1_0123")?.keep_for_rollback(500);
/// assert!(!format!("{client:?}").contains("0123"));
/// # Ok::<(), bluegreen_digitalocean::InvalidClient>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    base: Url,
    token: SecretString,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
}

/// What no client can be made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidClient {
    /// The token is empty or holds what no header may hold.
    #[error("the token is empty or holds characters that no header may hold")]
    Token,
    /// The address is none, or the token would be readable on its way there.
    #[error("{0:?} is no address for the API: write https:// and a host (http:// only for this machine)")]
    Address(String),
    /// No HTTP client can be built.
    #[error("no HTTP client can be built")]
    Http(#[source] reqwest::Error),
}

impl Client {
    /// A client of [`API`] with this token.
    ///
    /// # Errors
    /// When the token cannot be sent.
    pub fn new(token: impl Into<SecretString>) -> Result<Self, InvalidClient> {
        Self::at(API, token)
    }

    /// A client of the API at another address: a fake, a proxy.
    ///
    /// # Errors
    /// When the address is none, or is not encrypted and not on this machine; when the token cannot be sent.
    pub fn at(base: &str, token: impl Into<SecretString>) -> Result<Self, InvalidClient> {
        let network = transport::Network::new().map_err(InvalidClient::Http)?;
        Self::over(network, base, token)
    }

    /// A client whose requests are carried by something else than the network: for tests and simulations.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub fn over(
        transport: impl Transport + 'static,
        base: &str,
        token: impl Into<SecretString>,
    ) -> Result<Self, InvalidClient> {
        let token = token.into();
        if !call::can_be_sent(&token) {
            return Err(InvalidClient::Token);
        }
        Ok(Self {
            transport: Arc::new(transport),
            base: address(base).ok_or_else(|| InvalidClient::Address(base.to_owned()))?,
            token,
            clock: Arc::new(SystemClock::new()),
            limits: Arc::new(Limits::new(KEPT)),
        })
    }

    /// With another clock: the one that the deployer has. What is known of the limits begins anew.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self.limits = Arc::new(Limits::new(self.limits.kept()));
        self
    }

    /// Keeps so many of an hour's requests for going back; 250 if nothing is said. What is known of the
    /// limits begins anew.
    #[must_use]
    pub fn keep_for_rollback(mut self, requests: u32) -> Self {
        self.limits = Arc::new(Limits::new(requests));
        self
    }

    pub(crate) fn time(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Begins what one call to a port consists of.
    pub(crate) fn begin(
        &self,
        op: &Op,
        urgency: Urgency,
        operation: &'static str,
        resource: String,
    ) -> Call<'_> {
        Call::new(self, op, urgency, operation, resource)
    }
}

/// Where the API is, if the token may be sent there.
fn address(base: &str) -> Option<Url> {
    let url: Url = base.parse().ok()?;
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (is_private && is_plain && url.path() == "/").then_some(url)
}
