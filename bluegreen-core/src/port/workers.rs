//! What works on queues and schedules beside the traffic.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Fault, Op, Slot};

/// The workers and schedulers of a slot: queue consumers, cron singletons.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Workers: fmt::Debug + Send + Sync {
    /// Makes the workers of a slot stop claiming new work. `Ok` when none claims any more and what
    /// had been claimed is finished or given back. Reversible by [`start`](Self::start). Idempotent.
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault>;

    /// Makes the workers of a slot claim work. Idempotent.
    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault>;

    /// Jobs that wait in the queues, where it can be counted. Reads only.
    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault>;

    /// How long after a call of unknown outcome it may still take effect.
    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}
