//! A service that says which version and slot it is, and fails as it is told.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Clock, Share, Slot, SystemClock, Version};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::division::Even;
use super::server::{Body, Handler, Server, Tie, text};
use super::shop::Shop;
use crate::lock::held;

/// How many different paths are counted; the others are counted as `(other)`.
const PATHS_MAX: usize = 64;

/// What a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Its version.
    pub version: Version,
    /// The slot that it runs in.
    pub slot: Slot,
}

/// What is wrong with a service. At first, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// The share of requests (other than `/health`) that are answered with 500: exactly, evenly
    /// spread.
    pub errors: Share,
    /// How much longer each answer takes.
    pub latency: Duration,
    /// Nothing is answered.
    pub is_hanging: bool,
    /// `/health` is answered with 503.
    pub fails_health: bool,
}

impl Faults {
    /// With a share of errors.
    #[must_use]
    pub const fn errors(mut self, share: Share) -> Self {
        self.errors = share;
        self
    }

    /// With a latency.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// With no answers at all.
    #[must_use]
    pub const fn hanging(mut self) -> Self {
        self.is_hanging = true;
        self
    }

    /// With a health check that fails.
    #[must_use]
    pub const fn failing_health(mut self) -> Self {
        self.fails_health = true;
        self
    }
}

/// What a service has counted since it was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCounters {
    /// Requests begun.
    pub requests: u64,
    /// Answers with a status of 500 and more.
    pub errors: u64,
    /// Requests begun and not finished.
    pub in_flight: u64,
    /// Requests begun, by path. At most 64 paths; the rest is under `(other)`.
    pub by_path: BTreeMap<String, u64>,
}

/// A service on 127.0.0.1.
///
/// - `/health` answers `{"status":"ok","version":"…","slot":"…"}`, or 503 while it fails.
/// - `/metrics` answers what it has counted as a page of metrics, and is not counted itself:
///   `http_requests_total`, `http_errors_total` and `http_requests_in_flight`.
/// - `/slow?ms=3000` answers after so many milliseconds (at most a minute).
/// - A request with an `Upgrade` header is upgraded, and every byte is sent back.
/// - With [`open_shop`](Self::open_shop), `POST /login` with `{"user", "password"}` answers
///   `{"token"}` and sets a session's cookie; with either, `POST /orders` answers 201 with `{"id"}` and
///   `Location`, `GET` and `DELETE` of `/orders/{id}` show and remove it, `GET /account` greets.
/// - Any other path answers with JSON, in which `length` is that of the request's body; so does the
///   header `x-body-length`.
///
/// Each answer has the headers `x-version` and `x-slot`.
#[derive(Debug)]
pub struct Service {
    inner: Arc<Inner>,
    server: Server,
}

#[derive(Debug)]
struct Inner {
    slot: Slot,
    clock: SystemClock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    version: Version,
    faults: Faults,
    even: Even,
    counters: ServiceCounters,
    shop: Option<Arc<Shop>>,
}

impl Service {
    /// Starts a service on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: ServiceConfig) -> io::Result<Self> {
        let inner = Arc::new(Inner::new(config));
        let server = Server::start(inner.clone()).await?;
        Ok(Self { inner, server })
    }

    /// Starts a service at an address of this machine, for a process of its own whose address others know.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start_at(config: ServiceConfig, address: SocketAddr) -> io::Result<Self> {
        let inner = Arc::new(Inner::new(config));
        let server = Server::start_at(inner.clone(), address).await?;
        Ok(Self { inner, server })
    }

    /// Where it answers. The same for its lifetime.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The version that it says it is.
    #[must_use]
    pub fn version(&self) -> Version {
        held(&self.inner.state).version.clone()
    }

    /// Says that it is another version from now on.
    pub fn set_version(&self, version: Version) {
        held(&self.inner.state).version = version;
    }

    /// Replaces what is wrong with it.
    pub fn set_faults(&self, faults: Faults) {
        held(&self.inner.state).faults = faults;
    }

    /// Opens a shop with a login, for smoke tests; whoever knows the password may order.
    pub fn open_shop(&self, password: impl Into<String>) {
        held(&self.inner.state).shop = Some(Arc::new(Shop::new(password.into())));
    }

    /// How many orders its shop has now.
    #[must_use]
    pub fn orders(&self) -> usize {
        let shop = held(&self.inner.state).shop.clone();
        shop.map_or(0, |shop| shop.orders())
    }

    /// Refuses new connections from now on, or takes them again. Open ones go on. The port stays
    /// its own.
    ///
    /// # Errors
    /// When the port could not be bound again.
    pub async fn set_refusing(&self, is_refusing: bool) -> io::Result<()> {
        self.server.set_open(!is_refusing).await
    }

    /// Drops all connections, in the middle of whatever they do.
    pub fn cut_connections(&self) {
        self.server.cut();
    }

    /// What it has counted.
    #[must_use]
    pub fn counters(&self) -> ServiceCounters {
        held(&self.inner.state).counters.clone()
    }

    /// Ends it: no new requests, the begun ones get their answers if they take no longer than
    /// `grace`.
    pub async fn stop(self, grace: Duration) {
        self.server.stop(grace).await;
    }

    /// Ends it like a crash: all connections are dropped. The same as dropping it.
    pub fn kill(self) {
        drop(self);
    }
}

/// Counts a request until it is dropped.
struct Begun(Arc<Inner>);

impl Drop for Begun {
    fn drop(&mut self) {
        let mut state = held(&self.0.state);
        state.counters.in_flight = state.counters.in_flight.saturating_sub(1);
    }
}

impl Inner {
    fn new(config: ServiceConfig) -> Self {
        Self {
            slot: config.slot,
            clock: SystemClock::new(),
            state: Mutex::new(State {
                version: config.version,
                faults: Faults::default(),
                even: Even::default(),
                counters: ServiceCounters::default(),
                shop: None,
            }),
        }
    }

    /// Counts a request, and says how it is to be treated.
    fn begin(self: &Arc<Self>, path: &str) -> (Begun, Version, Faults, bool) {
        let mut state = held(&self.state);
        let counters = &mut state.counters;
        counters.requests += 1;
        counters.in_flight += 1;
        if let Some(count) = counters.by_path.get_mut(path) {
            *count += 1;
        } else {
            let is_known = counters.by_path.len() < PATHS_MAX;
            let name = if is_known { path } else { "(other)" };
            *counters.by_path.entry(name.to_owned()).or_default() += 1;
        }
        let faults = state.faults.clone();
        let is_error = path != "/health" && state.even.next(faults.errors);
        (Begun(self.clone()), state.version.clone(), faults, is_error)
    }

    async fn answer(&self, request: Request<Incoming>, version: &Version, tie: Tie) -> Response<Body> {
        if request.headers().contains_key(UPGRADE) {
            return upgrade(request, tie);
        }
        let path = request.uri().path().to_owned();
        let shop = held(&self.state).shop.clone();
        if let Some(shop) = shop.filter(|_| Shop::has(&path)) {
            return shop.answer(request).await;
        }
        if path == "/slow" {
            self.clock.sleep(asked_delay(request.uri().query())).await;
        }
        let mut length = 0_usize;
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => length += frame.data_ref().map_or(0, Bytes::len),
                Err(_) => return text(StatusCode::BAD_REQUEST, "the body ended early\n"),
            }
        }
        let answer = serde_json::json!({
            "version": version, "slot": self.slot, "path": path, "length": length,
        });
        let mut response = text(StatusCode::OK, answer.to_string());
        response
            .headers_mut()
            .insert("x-body-length", HeaderValue::from(length));
        response
    }

    fn metrics(&self) -> Response<Body> {
        let ServiceCounters {
            requests,
            errors,
            in_flight,
            ..
        } = held(&self.state).counters.clone();
        let page = format!(
            "# TYPE http_requests_total counter\nhttp_requests_total {requests}\n\
             # TYPE http_errors_total counter\nhttp_errors_total {errors}\n\
             # TYPE http_requests_in_flight gauge\nhttp_requests_in_flight {in_flight}\n"
        );
        text(StatusCode::OK, page)
    }

    fn health(&self, version: &Version, fails: bool) -> Response<Body> {
        let (status, word) = if fails {
            (StatusCode::SERVICE_UNAVAILABLE, "failing")
        } else {
            (StatusCode::OK, "ok")
        };
        let answer = serde_json::json!({"status": word, "version": version, "slot": self.slot});
        let mut response = text(status, answer.to_string());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl Handler for Inner {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, tie: Tie) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path == "/metrics" && !held(&self.state).faults.is_hanging {
            return self.metrics();
        }
        let (begun, version, faults, is_error) = self.begin(&path);
        if faults.is_hanging {
            std::future::pending::<()>().await;
        }
        if !faults.latency.is_zero() {
            self.clock.sleep(faults.latency).await;
        }
        let mut response = if is_error {
            text(StatusCode::INTERNAL_SERVER_ERROR, "told to fail\n")
        } else if path == "/health" {
            self.health(&version, faults.fails_health)
        } else {
            self.answer(request, &version, tie).await
        };
        if response.status().is_server_error() {
            held(&self.state).counters.errors += 1;
        }
        let headers = response.headers_mut();
        headers.insert("x-slot", HeaderValue::from_static(self.slot.as_str()));
        if let Ok(version) = HeaderValue::from_str(version.as_str()) {
            headers.insert("x-version", version);
        }
        drop(begun);
        response
    }
}

fn asked_delay(query: Option<&str>) -> Duration {
    let millis = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("ms="))
        .and_then(|millis| millis.parse().ok())
        .unwrap_or(0);
    Duration::from_millis(millis).min(Duration::from_mins(1))
}

/// Accepts an upgrade to whatever was asked for, and sends every byte back until either side ends.
fn upgrade(mut request: Request<Incoming>, mut tie: Tie) -> Response<Body> {
    let wanted = request.headers().get(UPGRADE).cloned();
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(&mut request).await else {
            return;
        };
        let mut stream = TokioIo::new(upgraded);
        let mut buffer = [0_u8; 4096];
        loop {
            let count = tokio::select! {
                read = stream.read(&mut buffer) => read.unwrap_or(0),
                () = tie.cut() => 0,
            };
            match buffer.get(..count) {
                Some(bytes) if count > 0 => {
                    if stream.write_all(bytes).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(wanted) = wanted {
        headers.insert(UPGRADE, wanted);
    }
    response
}
