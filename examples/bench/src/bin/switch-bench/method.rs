//! A way to switch.

use std::net::SocketAddr;

use bluegreen_core::Slot;

use bluegreen_bench::Failure;

/// A way to switch all traffic, with its own procedure for when the old side may be stopped. At first
/// blue has all traffic.
pub(crate) trait Method {
    /// Its name in the report, fixed.
    const NAME: Name;

    /// Where the clients go.
    fn address(&self) -> SocketAddr;

    /// What may be done ahead of the decision, while the new side already runs.
    async fn prepare(&mut self, _to: Slot) -> Result<(), Failure> {
        Ok(())
    }

    /// Moves all traffic, as far as the procedure confirms it.
    async fn switch(&mut self, to: Slot) -> Result<(), Failure>;

    /// Waits until the procedure says that the old side may be stopped.
    async fn may_stop(&mut self, old: Slot) -> Result<(), Failure>;
}

/// The methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    Runbook,
    Reload,
    Buckets,
    HaProxy,
}

impl Name {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Runbook => "runbook: sed, nginx -s reload, stop the old side",
            Self::Reload => "bluegreen, reload: confirmed, then drained",
            Self::Buckets => "bluegreen, buckets: no reload, then drained",
            Self::HaProxy => "HAProxy runtime API: ready/drain, wait for no sessions",
        }
    }
}
