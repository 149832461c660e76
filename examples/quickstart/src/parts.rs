//! Two small ports, as an embedding program would write its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bluegreen_core::{Fault, Metrics, Op, Slot, Workers};
use bluegreen_testkit::loopback::PerSlot;

/// Workers that look into a file before they take a job: it names the slot whose turn it is.
#[derive(Debug)]
pub(crate) struct ClaimFile {
    path: PathBuf,
}

impl ClaimFile {
    /// The file in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("workers"),
        }
    }

    /// Who may take jobs now.
    pub(crate) fn claiming(&self) -> io::Result<Option<Slot>> {
        Ok(fs::read_to_string(&self.path)?.parse().ok())
    }

    /// Lets one slot take jobs, or nobody.
    pub(crate) fn set(&self, slot: Option<Slot>) -> io::Result<()> {
        write_whole(&self.path, slot.map_or("nobody", Slot::as_str).as_bytes())
    }
}

#[async_trait]
impl Workers for ClaimFile {
    async fn quiesce(&self, _: &Op, slot: Slot) -> Result<(), Fault> {
        let now = self.claiming().map_err(not_done("quiesce"))?;
        if now == Some(slot) {
            self.set(None).map_err(not_done("quiesce"))?;
        }
        Ok(())
    }

    async fn start(&self, _: &Op, slot: Slot) -> Result<(), Fault> {
        self.set(Some(slot)).map_err(not_done("start"))
    }

    async fn depth(&self, _: &Op) -> Result<Option<u64>, Fault> {
        Ok(Some(0))
    }
}

/// A file is replaced whole or not at all, so an error means that nothing has changed.
fn not_done(operation: &'static str) -> impl FnOnce(io::Error) -> Fault {
    move |error| Fault::unavailable("claim file", operation, error.to_string()).caused_by(error)
}

/// What the clients of each slot see, out of a file that the load generator's side writes: what
/// Prometheus is elsewhere.
#[derive(Debug)]
pub(crate) struct ClientErrors {
    path: PathBuf,
}

impl ClientErrors {
    /// The share of a slot's requests that failed lately, from 0 to 1, counted in the clients.
    pub(crate) const METRIC: &'static str = "client_error_share";

    /// The file in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("client-errors.json"),
        }
    }

    /// Publishes the shares; `None` where too few requests were seen to tell.
    pub(crate) fn publish(&self, shares: PerSlot<Option<f64>>) -> io::Result<()> {
        write_whole(&self.path, &serde_json::to_vec(&shares)?)
    }

    fn shares(&self) -> io::Result<PerSlot<Option<f64>>> {
        Ok(serde_json::from_slice(&fs::read(&self.path)?)?)
    }
}

#[async_trait]
impl Metrics for ClientErrors {
    async fn read(&self, _: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        if metric != Self::METRIC {
            return Err(Fault::rejected(
                "client errors",
                "read",
                format!("there is no metric {metric:?}"),
            ));
        }
        let unreadable = |error: io::Error| Fault::unavailable("client errors", "read", error.to_string());
        Ok(*self.shares().map_err(unreadable)?.get(slot))
    }
}

/// Replaces a file, so that a reader sees the old content or the new, and nothing between.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    fs::rename(new, path)
}
