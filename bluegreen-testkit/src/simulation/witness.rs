//! Beside a provider's plugin: notes what it is asked and what it says. It changes nothing of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Assignment, Fault, Host, InFlight, Observation, Op, Readiness, Router, RouterCapabilities, Slot, Split,
    Verification,
};

use super::history::{Act, What};
use super::ports::number_of;
use super::wire::Wire;

/// A plugin of a provider, and who watches it.
#[derive(Debug)]
pub(super) struct Witness<P: ?Sized> {
    pub(super) inner: Arc<P>,
    pub(super) wire: Wire,
    /// Which router it is.
    pub(super) index: u8,
}

impl<P: ?Sized> Witness<P> {
    fn note(&self, what: What) {
        self.wire.line.world.note(self.wire.line.actor, what);
    }

    async fn change(
        &self,
        act: Act,
        op: &Op,
        call: impl Future<Output = Result<(), Fault>> + Send,
    ) -> Result<(), Fault> {
        let hearing = self.wire.line.begin(act, op);
        let acting = self.wire.begin(act, op.token);
        let answer = call.await;
        drop(acting);
        hearing.hear(&answer);
        answer
    }
}

#[async_trait]
impl Router for Witness<dyn Router> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.inner.capabilities()
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        self.inner.observe(op).await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let router = self.index;
        self.change(Act::Stage { router, slot }, op, self.inner.stage(op, slot))
            .await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let router = self.index;
        self.change(Act::Shift { router, split }, op, self.inner.shift(op, split))
            .await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        self.wire.asks(self.index, split);
        let answer = self.inner.verify(op, split).await;
        let was_live = self.wire.was_live();
        let live = match &answer {
            Ok(Verification::Live { .. }) => Some(true),
            Ok(Verification::NotYet { .. }) => Some(false),
            Ok(Verification::Unknown { .. }) | Err(_) => None,
        };
        if live == Some(true) && !was_live {
            self.note(What::Wrong("a split is said to be live, and it is not"));
        }
        let router = self.index;
        self.note(What::Verified { router, split, live });
        answer
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let answer = self.inner.in_flight(op, slot).await;
        let said = answer.as_ref().ok().copied();
        let router = self.index;
        self.note(What::InFlight { router, slot, said });
        answer
    }
}

#[async_trait]
impl Host for Witness<dyn Host> {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let (slot, release) = (assignment.slot, number_of(&assignment.release));
        let call = self.inner.deploy(op, assignment);
        self.change(Act::Deploy { slot, release }, op, call).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let answer = self.inner.readiness(op, slot).await;
        let seen = answer.as_ref().ok();
        let said = seen.map(|seen| (seen.state, seen.instances.unwrap_or(0)));
        self.note(What::Readiness { slot, said });
        answer
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.change(Act::Standby(slot), op, self.inner.standby(op, slot))
            .await
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.change(Act::Retire(slot), op, self.inner.retire(op, slot))
            .await
    }

    fn settle(&self) -> Duration {
        self.inner.settle()
    }
}
