//! The router of a loopback proxy in this process.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Fault, InFlight, Observation, Op, Router, RouterCapabilities, Slot, Split, Verification,
};
use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::ask::ask;
use super::proxy::{ProxyCore, ProxyState, STATE_PATH};

/// Changes the split of a [`LoopbackProxy`](super::LoopbackProxy): exact, at once, fenced by tokens.
/// It verifies by asking the proxy over HTTP.
#[derive(Debug, Clone)]
pub struct LoopbackRouter {
    name: String,
    address: SocketAddr,
    core: Arc<ProxyCore>,
}

impl LoopbackRouter {
    pub(super) const fn new(name: String, address: SocketAddr, core: Arc<ProxyCore>) -> Self {
        Self { name, address, core }
    }

    /// What the proxy itself says, over HTTP.
    async fn ask_proxy(&self) -> Result<ProxyState, String> {
        let (status, body) = ask(self.address, Method::GET, STATE_PATH, Bytes::new())
            .await
            .map_err(|error| error.to_string())?;
        if status != StatusCode::OK {
            return Err(format!("the proxy answered {status}"));
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Router for LoopbackRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
    }

    async fn observe(&self, _: &Op) -> Result<Observation, Fault> {
        let state = self.core.state();
        let seen = Observation::new(state.split, "read from the proxy's memory");
        Ok(match state.token {
            Some(token) => seen.token(token),
            None => seen,
        })
    }

    async fn stage(&self, op: &Op, _: Slot) -> Result<(), Fault> {
        self.core.stage(op.token)
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.core.shift(op.token, split)
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let answer = tokio::time::timeout(op.budget, self.ask_proxy()).await;
        Ok(match answer {
            Ok(Ok(state)) if state.split == split => Verification::Live {
                evidence: format!("the proxy at {} says that it divides by {split}", self.address),
            },
            Ok(Ok(state)) => Verification::NotYet {
                why: format!(
                    "the proxy at {} says that it divides by {}",
                    self.address, state.split
                ),
            },
            Ok(Err(why)) => Verification::Unknown { why },
            Err(_) => Verification::Unknown {
                why: format!("the proxy at {} did not answer in time", self.address),
            },
        })
    }

    async fn in_flight(&self, _: &Op, slot: Slot) -> Result<InFlight, Fault> {
        Ok(match *self.core.state().in_flight.get(slot) {
            0 => InFlight::None,
            count => InFlight::AtLeast(count),
        })
    }
}
