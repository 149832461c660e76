//! Each kind of port, with faults.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Answer, ApprovalRequest, Approver, Assignment, Fault, Gate, GateContext, HookAction, HookContext, Host,
    InFlight, Metrics, MigrationPhase, Migrator, Notice, Notifier, Observation, Op, Outcome, Readiness,
    ReadyState, Router, RouterCapabilities, Slot, Split, Store, StoreError, StoreVersion, Verdict,
    Verification, Versioned, Workers,
};
use bytes::Bytes;

use super::faulty::Faulty;
use super::history::{Act, What};
use super::ports::{Part, number_of};
use super::script::{Call, Mishap};
use super::world::RouterState;

/// A call that reads: what befalls it, or the call itself.
macro_rules! read {
    ($self:ident, $call:ident, |$inner:ident| $effect:expr, ($($kept:ident),*)) => {{
        match $self.line.world.met($self.line.actor, Call::$call) {
            None => { let $inner = &$self.inner; $effect.await }
            Some(mishap) => {
                let inner = Arc::clone(&$self.inner);
                $(let $kept = $kept.to_owned();)*
                let effect = async move {
                    let $inner = &inner;
                    $(let $kept = &$kept;)*
                    $effect.await
                };
                $self.line.befall(mishap, Box::pin(effect)).await
            }
        }
    }};
}

/// A call that changes something: noted when it is sent, and when its answer is heard.
macro_rules! change {
    ($self:ident, $call:ident, $act:expr, $op:ident, |$inner:ident| $effect:expr, ($($kept:ident),*)) => {{
        let (mishap, hearing) = $self.line.send(Call::$call, $act, $op);
        let answer = match mishap {
            None => { let $inner = &$self.inner; $effect.await }
            Some(mishap) => {
                let inner = Arc::clone(&$self.inner);
                let $op = $op.clone();
                $(let $kept = $kept.to_owned();)*
                let effect = async move {
                    let ($inner, $op) = (&inner, &$op);
                    $(let $kept = &$kept;)*
                    $effect.await
                };
                $self.line.befall(mishap, Box::pin(effect)).await
            }
        };
        hearing.hear(&answer);
        answer
    }};
}

#[async_trait]
impl Router for Faulty<Part> {
    fn name(&self) -> &str {
        Router::name(&*self.inner)
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.inner.capabilities()
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        match self.line.world.met(self.line.actor, Call::Observe) {
            None => self.inner.observe(op).await,
            Some(Mishap::Stale) => {
                let state = self.line.world.state();
                let router = state.routers.get(usize::from(self.inner.index));
                let split = router.map_or(Split::all(Slot::Blue), RouterState::held_before);
                Ok(Observation::new(split, "read from a copy"))
            }
            Some(mishap) => {
                let (inner, op) = (Arc::clone(&self.inner), op.clone());
                self.line
                    .befall(mishap, Box::pin(async move { inner.observe(&op).await }))
                    .await
            }
        }
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let act = Act::Stage {
            router: self.inner.index,
            slot,
        };
        change!(self, Stage, act, op, |inner| inner.stage(op, slot), ())
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let act = Act::Shift {
            router: self.inner.index,
            split,
        };
        change!(self, Shift, act, op, |inner| inner.shift(op, split), ())
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let answer = match self.line.world.met(self.line.actor, Call::Verify) {
            None => self.inner.verify(op, split).await,
            Some(Mishap::Stale) => Ok(Verification::NotYet {
                why: "read from a copy".to_owned(),
            }),
            Some(mishap) => {
                let (inner, op) = (Arc::clone(&self.inner), op.clone());
                self.line
                    .befall(mishap, Box::pin(async move { inner.verify(&op, split).await }))
                    .await
            }
        };
        let live = match &answer {
            Ok(Verification::Live { .. }) => Some(true),
            Ok(Verification::NotYet { .. }) => Some(false),
            Ok(Verification::Unknown { .. }) | Err(_) => None,
        };
        let router = self.inner.index;
        self.line
            .world
            .note(self.line.actor, What::Verified { router, split, live });
        answer
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let answer = read!(self, InFlight, |inner| inner.in_flight(op, slot), (op));
        let said = answer.as_ref().ok().copied();
        let router = self.inner.index;
        self.line
            .world
            .note(self.line.actor, What::InFlight { router, slot, said });
        answer
    }
}

#[async_trait]
impl Host for Faulty<Part> {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let release = number_of(&assignment.release);
        let act = Act::Deploy {
            slot: assignment.slot,
            release,
        };
        change!(
            self,
            Deploy,
            act,
            op,
            |inner| inner.deploy(op, assignment),
            (assignment)
        )
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let mishap = self.line.world.met(self.line.actor, Call::Readiness);
        let answer = match mishap {
            None => self.inner.readiness(op, slot).await,
            Some(Mishap::Stale) => Ok(Readiness::new(ReadyState::Starting, "read from a copy")),
            Some(mishap) => {
                let (inner, op) = (Arc::clone(&self.inner), op.clone());
                let effect = async move { inner.readiness(&op, slot).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        };
        let said = answer
            .as_ref()
            .ok()
            .map(|seen| (seen.state, seen.instances.unwrap_or(0)));
        self.line
            .world
            .note(self.line.actor, What::Readiness { slot, said });
        answer
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        change!(
            self,
            Standby,
            Act::Standby(slot),
            op,
            |inner| inner.standby(op, slot),
            ()
        )
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        change!(
            self,
            Retire,
            Act::Retire(slot),
            op,
            |inner| inner.retire(op, slot),
            ()
        )
    }

    fn settle(&self) -> Duration {
        Host::settle(&*self.inner)
    }
}

#[async_trait]
impl Migrator for Faulty<Part> {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let release = number_of(&assignment.release);
        let act = Act::Migrate { phase, release };
        change!(
            self,
            Migrate,
            act,
            op,
            |inner| inner.migrate(op, phase, assignment),
            (assignment)
        )
    }

    fn settle(&self) -> Duration {
        Migrator::settle(&*self.inner)
    }
}

#[async_trait]
impl Workers for Faulty<Part> {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        change!(
            self,
            Quiesce,
            Act::Quiesce(slot),
            op,
            |inner| inner.quiesce(op, slot),
            ()
        )
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        change!(
            self,
            StartWorkers,
            Act::StartWorkers(slot),
            op,
            |inner| inner.start(op, slot),
            ()
        )
    }

    async fn depth(&self, op: &Op) -> Result<Option<u64>, Fault> {
        read!(self, Depth, |inner| inner.depth(op), (op))
    }

    fn settle(&self) -> Duration {
        Workers::settle(&*self.inner)
    }
}

#[async_trait]
impl Gate for Faulty<Part> {
    fn name(&self) -> &str {
        self.inner.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let answer = match self.line.world.met(self.line.actor, Call::Gate) {
            None => self.inner.check(op, context).await,
            Some(Mishap::Say(outcome)) => Ok(Verdict {
                outcome,
                evidence: "as it was told".to_owned(),
            }),
            Some(mishap) => {
                self.line.world.note(self.line.actor, What::Asks(self.inner.name));
                let (inner, op, context) = (Arc::clone(&self.inner), op.clone(), context.clone());
                let effect = async move { inner.check(&op, &context).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        };
        let what = What::Judged {
            gate: self.inner.name,
            slot: context.slot,
            said: answer.as_ref().ok().map(|verdict| verdict.outcome),
        };
        self.line.world.note(self.line.actor, what);
        answer
    }
}

#[async_trait]
impl Metrics for Faulty<Part> {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let mishap = self.line.world.met(self.line.actor, Call::Metric);
        let answer = match mishap {
            None => self.inner.read(op, metric, slot).await,
            Some(Mishap::Say(_)) => Ok(None),
            Some(mishap) => {
                let (inner, op, metric) = (Arc::clone(&self.inner), op.clone(), metric.to_owned());
                let effect = async move { inner.read(&op, &metric, slot).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        };
        let said = answer.as_ref().ok().map(|value| match value {
            Some(value) if *value <= 0.5 => Outcome::Pass,
            Some(_) => Outcome::Fail,
            None => Outcome::Inconclusive,
        });
        let what = What::Judged {
            gate: "latency",
            slot,
            said,
        };
        self.line.world.note(self.line.actor, what);
        answer
    }
}

#[async_trait]
impl Approver for Faulty<Part> {
    async fn ask(&self, op: &Op, request: &ApprovalRequest) -> Result<Answer, Fault> {
        read!(self, Ask, |inner| inner.ask(op, request), (op, request))
    }
}

#[async_trait]
impl Notifier for Faulty<Part> {
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault> {
        self.line.world.note(self.line.actor, What::Notice(notice.kind));
        read!(self, Notify, |inner| inner.notify(op, notice), (op, notice))
    }
}

#[async_trait]
impl HookAction for Faulty<Part> {
    async fn run(&self, op: &Op, context: &HookContext) -> Result<String, Fault> {
        self.line.world.note(self.line.actor, What::Hook(context.at));
        read!(self, Hook, |inner| inner.run(op, context), (op, context))
    }
}

#[async_trait]
impl Store for Faulty<Part> {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        read!(self, Load, |inner| inner.load(key), (key))
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        match self.line.world.met(self.line.actor, Call::Store) {
            None => self.inner.store(key, expected, body).await,
            Some(mishap) => {
                let (inner, key) = (Arc::clone(&self.inner), key.to_owned());
                let effect = async move { inner.store(&key, expected, body).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        }
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        match self.line.world.met(self.line.actor, Call::PutNew) {
            None => self.inner.put_new(key, body).await,
            Some(mishap) => {
                let (inner, key) = (Arc::clone(&self.inner), key.to_owned());
                let effect = async move { inner.put_new(&key, body).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        read!(self, Get, |inner| inner.get(key), (key))
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        match self.line.world.met(self.line.actor, Call::List) {
            None => self.inner.list(prefix, after, limit).await,
            Some(mishap) => {
                let (inner, prefix) = (Arc::clone(&self.inner), prefix.to_owned());
                let effect = async move { inner.list(&prefix, after, limit).await };
                self.line.befall(mishap, Box::pin(effect)).await
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}
