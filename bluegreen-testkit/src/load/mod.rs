//! A load generator that counts in the client.
//!
//! A server's own counters do not know the requests that never arrived, so what was lost is counted
//! here: each request that is begun ends as answered or as failed with a reason. Nothing is retried
//! and nothing is hidden by a connection pool: the clients speak HTTP/1.1 over sockets of their own,
//! in the [`Kind`]s that real clients are found in, because what a switch loses depends on them.
//!
//! ```
//! use std::time::Duration;
//!
//! use bluegreen_core::{Slot, Version};
//! use bluegreen_testkit::load::{Kind, Load};
//! use bluegreen_testkit::loopback::{Service, ServiceConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Service::start(ServiceConfig { version: Version::new("1.0")?, slot: Slot::Blue }).await?;
//!
//! let load = Load::new(service.address()).rate(200).connections(8).kinds([Kind::KeepAlive, Kind::Fresh]);
//! let report = load.duration(Duration::from_millis(300)).start().finished().await;
//!
//! assert_eq!(report.failed(), 0, "{report}");
//! assert_eq!(report.slots[&Slot::Blue].answered, report.answered);
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod connection;
mod histogram;
mod kind;
mod pace;
mod report;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluegreen_core::{Clock, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use histogram::Latency;
pub use kind::Kind;
pub use report::{Failure, KindReport, Reason, Report, SlotReport};

use crate::lock::held;
use client::{Client, Settings};
use pace::Pace;
use report::Tally;

/// What a load is to be. Everything about it has a bound.
#[derive(Debug, Clone)]
pub struct Load {
    target: SocketAddr,
    path: String,
    rate: u32,
    connections: usize,
    kinds: Vec<Kind>,
    duration: Duration,
    requests_max: u64,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Load {
    /// A load on this address: 100 requests a second over 10 connections that are kept alive, for a
    /// minute, at most 10 million requests, each given 10 seconds, with `GET /`.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            path: "/".to_owned(),
            rate: 100,
            connections: 10,
            kinds: vec![Kind::KeepAlive],
            duration: Duration::from_mins(1),
            requests_max: 10_000_000,
            timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// So many requests a second, over all clients of the paced kinds together; at least 1.
    /// [`Kind::SlowUpload`], [`Kind::Long`] and [`Kind::Upgrade`] are not paced: each such client begins
    /// its next request when the last one has ended.
    #[must_use]
    pub fn rate(mut self, requests_per_second: u32) -> Self {
        self.rate = requests_per_second.max(1);
        self
    }

    /// So many clients, each with one connection at a time.
    #[must_use]
    pub const fn connections(mut self, clients: usize) -> Self {
        self.connections = clients;
        self
    }

    /// The kinds of the clients, dealt out in turn. A kind may be named several times.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Ends so long after its start, if it is not stopped before.
    #[must_use]
    pub const fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Ends after so many requests, if it is not stopped before.
    #[must_use]
    pub const fn at_most(mut self, requests: u64) -> Self {
        self.requests_max = requests;
        self
    }

    /// Gives each request so long, from its beginning to the end of its answer.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks for another path than `/`, with its query.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Measures on another clock: that of the deployer, so that their moments can be compared.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Begins. Needs a tokio runtime with I/O and time.
    #[must_use]
    pub fn start(self) -> RunningLoad {
        let started = self.clock.monotonic();
        let tally = Arc::new(Mutex::new(Tally::new(self.requests_max)));
        let pace = Arc::new(Mutex::new(Pace::new(started, self.rate)));
        let settings = Arc::new(Settings {
            target: self.target,
            path: self.path,
            timeout: self.timeout,
            clock: self.clock.clone(),
            tally: tally.clone(),
            pace,
        });
        let stop = watch::Sender::new(false);
        let mut clients = JoinSet::new();
        for kind in self.kinds.iter().copied().cycle().take(self.connections) {
            clients.spawn(Client::new(kind, settings.clone(), stop.subscribe()).run());
        }
        let until = stop.clone();
        let (clock, duration) = (self.clock.clone(), self.duration);
        let mut timer = JoinSet::new();
        timer.spawn(async move {
            clock.sleep(duration).await;
            until.send_replace(true);
        });
        RunningLoad {
            clock: self.clock,
            started,
            tally,
            stop,
            clients,
            _timer: timer,
        }
    }
}

/// A load that goes on. Dropped, it ends at once.
#[derive(Debug)]
pub struct RunningLoad {
    clock: Arc<dyn Clock>,
    started: bluegreen_core::Monotonic,
    tally: Arc<Mutex<Tally>>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
    _timer: JoinSet<()>,
}

impl RunningLoad {
    /// How it stands now. Cheap enough for ten times a second.
    #[must_use]
    pub fn snapshot(&self) -> Report {
        let elapsed = self.clock.monotonic().since(self.started);
        held(&self.tally).report(elapsed)
    }

    /// Begins no more requests, waits for the answers to those that have begun, and reports.
    pub async fn stop(self) -> Report {
        self.stop.send_replace(true);
        self.finished().await
    }

    /// Waits for its end, and reports.
    pub async fn finished(mut self) -> Report {
        while let Some(ended) = self.clients.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a client of the load generator did not end by itself");
            }
        }
        self.snapshot()
    }
}
