//! Ports that answer at once and count their calls. The testkit's fakes keep each call with its texts in
//! a log that only grows, which would be measured too.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bluegreen_core::store::MemoryStore;
use bluegreen_core::{
    Assignment, Fault, Gate, GateContext, Host, InFlight, Observation, Op, Readiness, ReadyState, Router,
    RouterCapabilities, Slot, Split, Store, StoreError, StoreVersion, Verdict, Verification, Versioned,
};
use bytes::Bytes;

/// What was called, over all deployments.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) router: AtomicU64,
    pub(crate) host: AtomicU64,
    pub(crate) gate: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) objects: AtomicU64,
    pub(crate) record_bytes_max: AtomicU64,
    /// Shifts alone: how many deployments have begun to bake.
    pub(crate) shifts: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A router that holds what it is told.
#[derive(Debug)]
pub(crate) struct PlainRouter {
    counts: Arc<Counts>,
    split: Mutex<Split>,
}

impl PlainRouter {
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            split: Mutex::new(Split::all(Slot::Blue)),
        }
    }

    fn split(&self) -> Split {
        self.split
            .lock()
            .map_or_else(|poisoned| *poisoned.into_inner(), |split| *split)
    }
}

#[async_trait]
impl Router for PlainRouter {
    fn name(&self) -> &'static str {
        "edge"
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
    }

    async fn observe(&self, _: &Op) -> Result<Observation, Fault> {
        count(&self.counts.router);
        Ok(Observation::new(self.split(), "read"))
    }

    async fn stage(&self, _: &Op, _: Slot) -> Result<(), Fault> {
        count(&self.counts.router);
        Ok(())
    }

    async fn shift(&self, _: &Op, split: Split) -> Result<(), Fault> {
        count(&self.counts.router);
        count(&self.counts.shifts);
        if let Ok(mut held) = self.split.lock() {
            *held = split;
        }
        Ok(())
    }

    async fn verify(&self, _: &Op, split: Split) -> Result<Verification, Fault> {
        count(&self.counts.router);
        Ok(if self.split() == split {
            Verification::Live {
                evidence: "asked ten times".to_owned(),
            }
        } else {
            Verification::NotYet {
                why: "another split".to_owned(),
            }
        })
    }

    async fn in_flight(&self, _: &Op, _: Slot) -> Result<InFlight, Fault> {
        count(&self.counts.router);
        Ok(InFlight::None)
    }
}

/// A host on which everything is ready at once.
#[derive(Debug)]
pub(crate) struct PlainHost(pub(crate) Arc<Counts>);

#[async_trait]
impl Host for PlainHost {
    async fn deploy(&self, _: &Op, _: &Assignment) -> Result<(), Fault> {
        count(&self.0.host);
        Ok(())
    }

    async fn readiness(&self, _: &Op, _: Slot) -> Result<Readiness, Fault> {
        count(&self.0.host);
        Ok(Readiness::new(ReadyState::Ready, "3 of 3 run").instances(3))
    }

    async fn standby(&self, _: &Op, _: Slot) -> Result<(), Fault> {
        count(&self.0.host);
        Ok(())
    }

    async fn retire(&self, _: &Op, _: Slot) -> Result<(), Fault> {
        count(&self.0.host);
        Ok(())
    }
}

/// A gate that passes.
#[derive(Debug)]
pub(crate) struct PlainGate {
    pub(crate) name: &'static str,
    pub(crate) counts: Arc<Counts>,
}

#[async_trait]
impl Gate for PlainGate {
    fn name(&self) -> &str {
        self.name
    }

    async fn check(&self, _: &Op, _: &GateContext) -> Result<Verdict, Fault> {
        count(&self.counts.gate);
        Ok(Verdict::pass("200 in 12 ms"))
    }
}

/// A store in memory that counts.
#[derive(Debug)]
pub(crate) struct CountedStore {
    pub(crate) store: MemoryStore,
    pub(crate) counts: Arc<Counts>,
}

#[async_trait]
impl Store for CountedStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        count(&self.counts.reads);
        self.store.load(key).await
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        count(&self.counts.writes);
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.counts.record_bytes_max.fetch_max(length, Ordering::Relaxed);
        self.store.store(key, expected, body).await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        count(&self.counts.objects);
        self.store.put_new(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.list(prefix, after, limit).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
}
