//! Serves a router and a host to other processes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Assignment, DeploymentId, Fault, Host, Op, Release, Router, RouterCapabilities, Slot, Split, Token,
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::remote_fault;
use super::server::{Body, Handler, Server, Tie, text};

/// Where a call is posted.
pub(super) const CALL_PATH: &str = "/call";
/// Where the constants of both ports are read.
pub(super) const DESCRIPTION_PATH: &str = "/description";

/// The most that is read of a call, in bytes.
const CALL_MAX: usize = 1 << 20;

/// What does not change about the router and the host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) router: String,
    pub(super) capabilities: RouterCapabilities,
    pub(super) host_settle_ms: u64,
}

/// One call to a port.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RemoteCall {
    pub(super) token: Token,
    pub(super) id: String,
    pub(super) budget_ms: u64,
    pub(super) act: Act,
}

/// Which call, with its arguments.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    Observe,
    Stage(Slot),
    Shift(Split),
    Verify(Split),
    InFlight(Slot),
    Deploy {
        slot: Slot,
        release: Release,
        deployment: DeploymentId,
    },
    Readiness(Slot),
    Standby(Slot),
    Retire(Slot),
}

/// Serves any router and any host over HTTP on 127.0.0.1, for [`RemoteRouter`](super::RemoteRouter) and
/// [`RemoteHost`](super::RemoteHost) in other processes. The tokens go with the calls, so a router that
/// compares them does so across deployers.
#[derive(Debug)]
pub struct LoopbackControl {
    server: Server,
}

#[derive(Debug)]
struct Ports {
    router: Arc<dyn Router>,
    host: Arc<dyn Host>,
}

impl LoopbackControl {
    /// Starts to serve them on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(router: Arc<dyn Router>, host: Arc<dyn Host>) -> io::Result<Self> {
        let server = Server::start(Arc::new(Ports { router, host })).await?;
        Ok(Self { server })
    }

    /// Where it is served: what [`RemoteRouter::connect`](super::RemoteRouter::connect) takes.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Refuses new calls from now on, or takes them again: the provider's API is down, the traffic
    /// goes on.
    ///
    /// # Errors
    /// When the port could not be bound again.
    pub async fn set_refusing(&self, is_refusing: bool) -> io::Result<()> {
        self.server.set_open(!is_refusing).await
    }
}

impl Ports {
    fn description(&self) -> Description {
        Description {
            router: self.router.name().to_owned(),
            capabilities: self.router.capabilities(),
            host_settle_ms: u64::try_from(self.host.settle().as_millis()).unwrap_or(u64::MAX),
        }
    }

    async fn act(&self, call: RemoteCall) -> Result<Response<Body>, Fault> {
        let op = &Op::new(call.token, call.id, Duration::from_millis(call.budget_ms));
        Ok(match call.act {
            Act::Observe => json(StatusCode::OK, &self.router.observe(op).await?),
            Act::Stage(slot) => json(StatusCode::OK, &self.router.stage(op, slot).await?),
            Act::Shift(split) => json(StatusCode::OK, &self.router.shift(op, split).await?),
            Act::Verify(split) => json(StatusCode::OK, &self.router.verify(op, split).await?),
            Act::InFlight(slot) => json(StatusCode::OK, &self.router.in_flight(op, slot).await?),
            Act::Deploy {
                slot,
                release,
                deployment,
            } => {
                let assignment = Assignment {
                    slot,
                    release,
                    deployment,
                };
                json(StatusCode::OK, &self.host.deploy(op, &assignment).await?)
            }
            Act::Readiness(slot) => json(StatusCode::OK, &self.host.readiness(op, slot).await?),
            Act::Standby(slot) => json(StatusCode::OK, &self.host.standby(op, slot).await?),
            Act::Retire(slot) => json(StatusCode::OK, &self.host.retire(op, slot).await?),
        })
    }
}

impl Handler for Ports {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Tie) -> Response<Body> {
        match request.uri().path() {
            DESCRIPTION_PATH => return json(StatusCode::OK, &self.description()),
            CALL_PATH => {}
            _ => return text(StatusCode::NOT_FOUND, "no such path\n"),
        }
        let Ok(body) = Limited::new(request.into_body(), CALL_MAX).collect().await else {
            return text(StatusCode::BAD_REQUEST, "the call ended early or is too long\n");
        };
        let call = match serde_json::from_slice(&body.to_bytes()) {
            Ok(call) => call,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("this is no call: {error}\n")),
        };
        self.act(call).await.unwrap_or_else(|fault| {
            let (status, report) = remote_fault::answer(&fault);
            json(status, &report)
        })
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => text(status, bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
