//! Workers that remember whether two slots ever claimed at once.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Fault, Monotonic, Op, Slot, Workers};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Workers`].
    WorkersCall {
        /// [`Workers::quiesce`].
        Quiesce = "quiesce",
        /// [`Workers::start`].
        Start = "start",
        /// [`Workers::depth`].
        Depth = "depth",
    }
}

/// Workers in memory. At first those of blue claim work, and the queues are empty.
#[derive(Debug, Clone)]
pub struct FakeWorkers {
    fake: Scripted<WorkersCall, State>,
    settle: Duration,
}

#[derive(Debug)]
struct State {
    claiming: BTreeSet<Slot>,
    depth: Option<u64>,
    overlaps: Vec<Monotonic>,
}

scripted!(FakeWorkers, WorkersCall);

impl FakeWorkers {
    /// Workers of both slots.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        let state = State {
            claiming: BTreeSet::from([Slot::Blue]),
            depth: Some(0),
            overlaps: Vec::new(),
        };
        Self {
            fake: Scripted::new("workers", name, log, state),
            settle: Duration::ZERO,
        }
    }

    /// With a settle time: how long a call of unknown outcome may still take effect.
    #[must_use]
    pub fn with_settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// With the workers of these slots claiming at first, and no others.
    #[must_use]
    pub fn with_claiming(self, slots: impl IntoIterator<Item = Slot>) -> Self {
        self.fake
            .with(|state, _| state.claiming = slots.into_iter().collect());
        self
    }

    /// Sets how many jobs wait from now on; `None`: it cannot be counted.
    pub fn set_depth(&self, depth: impl Into<Option<u64>>) {
        let depth = depth.into();
        self.fake.with(|state, _| state.depth = depth);
    }

    /// The slots whose workers claim work now.
    #[must_use]
    pub fn claiming(&self) -> Vec<Slot> {
        self.fake
            .with(|state, _| state.claiming.iter().copied().collect())
    }

    /// When workers of both slots began to claim at once: a job of which two versions may take part,
    /// a cron singleton that runs twice. Empty is good, unless the plan starts the new ones first.
    #[must_use]
    pub fn overlaps(&self) -> Vec<Monotonic> {
        self.fake.with(|state, _| state.overlaps.clone())
    }
}

#[async_trait]
impl Workers for FakeWorkers {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.fake
            .call(WorkersCall::Quiesce, op, slot.to_string(), move |state, _| {
                state.claiming.remove(&slot);
                Ok(())
            })
            .await
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.fake
            .call(WorkersCall::Start, op, slot.to_string(), move |state, now| {
                if state.claiming.insert(slot) && state.claiming.len() > 1 {
                    state.overlaps.push(now);
                }
                Ok(())
            })
            .await
    }

    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault> {
        self.fake
            .call(WorkersCall::Depth, op, String::new(), |state, _| Ok(state.depth))
            .await
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
