//! A small reverse proxy that divides requests over two slots.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bluegreen_core::{Fault, Slot, Split, Token};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, TE, TRAILER, UPGRADE};
use hyper::{Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};

use super::division::{Division, Even, hashed};
use super::per_slot::PerSlot;
use super::router::LoopbackRouter;
use super::server::{Body, Handler, Server, Tie, text};
use crate::lock::held;

/// The request header that names the slot that a request is to reach, past the split.
pub const OVERRIDE_HEADER: &str = "x-bluegreen-slot";

/// Where the proxy itself answers, with its [`ProxyState`].
pub(super) const STATE_PATH: &str = "/.bluegreen/state";

/// What a proxy is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyConfig {
    /// Where the slots answer.
    pub upstreams: PerSlot<SocketAddr>,
    /// The split at first.
    pub split: Split,
    /// How requests are divided.
    pub division: Division,
}

impl ProxyConfig {
    /// A proxy in front of these two, with all traffic to blue, divided exactly.
    #[must_use]
    pub fn new(upstreams: PerSlot<SocketAddr>) -> Self {
        Self {
            upstreams,
            split: Split::all(Slot::Blue),
            division: Division::Exact,
        }
    }

    /// With another split at first.
    #[must_use]
    pub const fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// With another way to divide.
    #[must_use]
    pub fn division(mut self, division: Division) -> Self {
        self.division = division;
        self
    }
}

/// What a proxy has counted since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProxyCounters {
    /// Requests sent on, by slot.
    pub requests: PerSlot<u64>,
    /// Requests sent on whose answer is not finished, by slot.
    pub in_flight: PerSlot<u64>,
    /// Requests that were answered, by slot; those that no slot answered too.
    pub answers: PerSlot<u64>,
    /// Answers with a status of 500 and above, by slot; no answer is one of them.
    pub errors: PerSlot<u64>,
    /// Requests answered with 502, because the slot did not answer or because of
    /// [`fail_next`](LoopbackProxy::fail_next).
    pub bad_gateways: u64,
}

/// Where the proxy shows what it has counted of a slot, in the text format of Prometheus.
const METRICS_PATH: &str = "/.bluegreen/metrics/";

/// What the proxy says of itself over HTTP.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct ProxyState {
    pub(super) split: Split,
    pub(super) token: Option<Token>,
    pub(super) in_flight: PerSlot<u64>,
}

/// A reverse proxy on 127.0.0.1: HTTP/1.1 with keep-alive on both sides, one decision a request.
/// Dropped, it drops its connections; its routers do not keep it alive.
///
/// A change of the split touches no connection: requests that have begun are finished where they
/// began, the next one on the same connection goes by the new split. The slot is chosen and counted
/// under the lock under which the split changes, so that once a slot has no share and no request in
/// flight, none is on its way there.
#[derive(Debug)]
pub struct LoopbackProxy {
    core: Arc<ProxyCore>,
    server: Server,
}

/// The part of a proxy that its router shares.
#[derive(Debug)]
pub(super) struct ProxyCore {
    upstreams: PerSlot<SocketAddr>,
    division: Division,
    client: Client<HttpConnector, Incoming>,
    routing: Mutex<Routing>,
}

#[derive(Debug)]
struct Routing {
    split: Split,
    newest: Option<Token>,
    even: Even,
    counters: ProxyCounters,
    failures_left: u64,
}

impl LoopbackProxy {
    /// Starts a proxy on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: ProxyConfig) -> io::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let core = Arc::new(ProxyCore {
            upstreams: config.upstreams,
            division: config.division,
            client: Client::builder(TokioExecutor::new()).build(connector),
            routing: Mutex::new(Routing {
                split: config.split,
                newest: None,
                even: Even::default(),
                counters: ProxyCounters::default(),
                failures_left: 0,
            }),
        });
        let server = Server::start(core.clone()).await?;
        Ok(Self { core, server })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where it shows what it has counted of a slot, as a page of metrics: `proxy_answers_total` and
    /// `proxy_errors_total`. Unlike a page of the slot's own it also knows of requests that nobody answered.
    #[must_use]
    pub fn metrics_url(address: SocketAddr, slot: &str) -> String {
        format!("http://{address}{METRICS_PATH}{slot}")
    }

    /// The router that changes this proxy's split.
    pub fn router(&self, name: impl Into<String>) -> LoopbackRouter {
        LoopbackRouter::new(name.into(), self.address(), self.core.clone())
    }

    /// The split by which new requests are divided.
    #[must_use]
    pub fn split(&self) -> Split {
        held(&self.core.routing).split
    }

    /// Somebody changes the split past the deployer: no token, no check.
    pub fn set_by_hand(&self, split: Split) {
        held(&self.core.routing).split = split;
    }

    /// What it has counted.
    #[must_use]
    pub fn counters(&self) -> ProxyCounters {
        held(&self.core.routing).counters
    }

    /// Drops all connections of clients, in the middle of whatever they do.
    pub fn cut_connections(&self) {
        self.server.cut();
    }

    /// Answers the next `count` requests with 502.
    pub fn fail_next(&self, count: u64) {
        held(&self.core.routing).failures_left = count;
    }

    /// Ends it: no new requests, the begun ones get their answers if they take no longer than
    /// `grace`.
    pub async fn stop(self, grace: Duration) {
        self.server.stop(grace).await;
    }
}

impl ProxyCore {
    pub(super) fn shift(&self, token: Token, split: Split) -> Result<(), Fault> {
        let mut routing = held(&self.routing);
        routing.fence(token, "shift")?;
        routing.split = split;
        Ok(())
    }

    pub(super) fn stage(&self, token: Token) -> Result<(), Fault> {
        held(&self.routing).fence(token, "stage")
    }

    pub(super) fn state(&self) -> ProxyState {
        let routing = held(&self.routing);
        ProxyState {
            split: routing.split,
            token: routing.newest,
            in_flight: routing.counters.in_flight,
        }
    }

    /// Chooses the slot of a request and counts it; `None`: it is to fail.
    fn choose(self: &Arc<Self>, headers: &HeaderMap) -> Option<Passage> {
        let mut routing = held(&self.routing);
        if let Some(left) = routing.failures_left.checked_sub(1) {
            routing.failures_left = left;
            routing.counters.bad_gateways += 1;
            return None;
        }
        let asked = headers
            .get(OVERRIDE_HEADER)
            .and_then(|slot| slot.to_str().ok()?.parse().ok());
        let key = match &self.division {
            Division::Exact => None,
            Division::ByHeader(name) => headers.get(name),
        };
        let split = routing.split;
        let slot = match (asked, key) {
            (Some(slot), _) => slot,
            (None, Some(key)) => hashed(key.as_bytes(), split),
            (None, None) if routing.even.next(split.share(Slot::Green)) => Slot::Green,
            (None, None) => Slot::Blue,
        };
        *routing.counters.requests.get_mut(slot) += 1;
        *routing.counters.in_flight.get_mut(slot) += 1;
        Some(Passage {
            core: self.clone(),
            slot,
        })
    }

    fn count(&self, slot: Slot, is_error: bool) {
        let mut routing = held(&self.routing);
        *routing.counters.answers.get_mut(slot) += 1;
        *routing.counters.errors.get_mut(slot) += u64::from(is_error);
    }

    fn page(&self, slot: Slot) -> String {
        let ProxyCounters { answers, errors, .. } = held(&self.routing).counters;
        format!(
            "# TYPE proxy_answers_total counter\nproxy_answers_total {}\n\
             # TYPE proxy_errors_total counter\nproxy_errors_total {}\n",
            answers.get(slot),
            errors.get(slot)
        )
    }

    async fn forward(&self, mut request: Request<Incoming>, passage: Passage, tie: Tie) -> Response<Body> {
        let slot = passage.slot;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = format!("http://{}{path}", self.upstreams.get(slot)).parse::<Uri>() else {
            return text(StatusCode::BAD_REQUEST, "the address cannot be passed on\n");
        };
        let is_upgrade = request.headers().contains_key(UPGRADE);
        let client_side = is_upgrade.then(|| hyper::upgrade::on(&mut request));
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        keep_to_end(request.headers_mut(), is_upgrade);
        let answer = self.client.request(request).await;
        self.count(
            slot,
            answer
                .as_ref()
                .map_or(true, |answer| answer.status().is_server_error()),
        );
        match answer {
            Ok(mut response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let slot_side = hyper::upgrade::on(&mut response);
                if let Some(client_side) = client_side {
                    tokio::spawn(join(client_side, slot_side, passage, tie));
                }
                response.map(BodyExt::boxed)
            }
            Ok(mut response) => {
                keep_to_end(response.headers_mut(), false);
                response.map(|body| {
                    Counted {
                        body,
                        _passage: passage,
                    }
                    .boxed()
                })
            }
            Err(error) => {
                tracing::debug!(%slot, %error, "the slot did not answer");
                held(&self.routing).counters.bad_gateways += 1;
                let mut response = text(StatusCode::BAD_GATEWAY, format!("{slot} did not answer\n"));
                response
                    .headers_mut()
                    .insert("x-slot", HeaderValue::from_static(slot.as_str()));
                response
            }
        }
    }
}

impl Routing {
    fn fence(&mut self, token: Token, operation: &'static str) -> Result<(), Fault> {
        match self.newest {
            Some(newest) if token < newest => {
                let message = format!("token {token} is older than {newest}");
                Err(Fault::fenced("loopback", operation, message))
            }
            _ => {
                self.newest = Some(token);
                Ok(())
            }
        }
    }
}

impl Handler for ProxyCore {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, tie: Tie) -> Response<Body> {
        if request.uri().path() == STATE_PATH {
            return match serde_json::to_vec(&self.state()) {
                Ok(state) => text(StatusCode::OK, state),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            };
        }
        if let Some(slot) = request.uri().path().strip_prefix(METRICS_PATH) {
            return match slot.parse() {
                Ok(slot) => text(StatusCode::OK, self.page(slot)),
                Err(_) => text(StatusCode::NOT_FOUND, "there is no such slot\n"),
            };
        }
        match self.choose(request.headers()) {
            Some(passage) => self.forward(request, passage, tie).await,
            None => text(StatusCode::BAD_GATEWAY, "told to fail\n"),
        }
    }
}

/// Removes the headers that speak of one connection only (RFC 9110, section 7.6.1).
fn keep_to_end(headers: &mut HeaderMap, is_upgrade: bool) {
    if !is_upgrade {
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    headers.remove(TE);
    headers.remove(TRAILER);
}

/// Copies bytes both ways until both sides have ended or the connection is cut.
async fn join(
    client_side: hyper::upgrade::OnUpgrade,
    slot_side: hyper::upgrade::OnUpgrade,
    _passage: Passage,
    mut tie: Tie,
) {
    let (Ok(client_side), Ok(slot_side)) = (client_side.await, slot_side.await) else {
        return;
    };
    let (mut client_side, mut slot_side) = (TokioIo::new(client_side), TokioIo::new(slot_side));
    tokio::select! {
        // How it ended is seen by both sides.
        _ = tokio::io::copy_bidirectional(&mut client_side, &mut slot_side) => {}
        () = tie.cut() => {}
    }
}

/// A request on its way to a slot; counted as in flight until it is dropped.
struct Passage {
    core: Arc<ProxyCore>,
    slot: Slot,
}

impl Drop for Passage {
    fn drop(&mut self) {
        let mut routing = held(&self.core.routing);
        let in_flight = routing.counters.in_flight.get_mut(self.slot);
        *in_flight = in_flight.saturating_sub(1);
    }
}

/// A body whose request is in flight until it has ended.
struct Counted {
    body: Incoming,
    _passage: Passage,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
