//! The losses of a naive switch.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Fault, InFlight, Observation, Op, Router, RouterCapabilities, Slot, Split, Verification,
};

use super::proxy::LoopbackProxy;
use super::router::LoopbackRouter;

/// What is lost with each shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All connections of clients are dropped, in the middle of their requests too: a restart.
    Connections,
    /// So many requests are answered with 502: the old side was stopped too early.
    BadGateways(u64),
}

/// A router whose shifts lose requests. A load generator that reports none while this one shifts does
/// not count.
#[derive(Debug, Clone)]
pub struct Lossy {
    router: LoopbackRouter,
    proxy: Arc<LoopbackProxy>,
    loss: Loss,
}

impl Lossy {
    /// A lossy router of this proxy.
    pub fn new(name: impl Into<String>, proxy: Arc<LoopbackProxy>, loss: Loss) -> Self {
        Self {
            router: proxy.router(name),
            proxy,
            loss,
        }
    }
}

#[async_trait]
impl Router for Lossy {
    fn name(&self) -> &str {
        self.router.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.router
            .capabilities()
            .cost("requests: each shift loses some on purpose")
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        self.router.observe(op).await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.router.stage(op, slot).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.router.shift(op, split).await?;
        match self.loss {
            Loss::Connections => self.proxy.cut_connections(),
            Loss::BadGateways(count) => self.proxy.fail_next(count),
        }
        Ok(())
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        self.router.verify(op, split).await
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        self.router.in_flight(op, slot).await
    }
}
