//! The ports of a world, without any fault: what the parts themselves do.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Answer, ApprovalRequest, Approver, Assignment, Entry, Fault, Fencing, Gate, GateContext, HookAction,
    HookContext, Host, InFlight, Metrics, MigrationPhase, Migrator, Notice, Notifier, Observation, Observer,
    Op, Readiness, Router, RouterCapabilities, Slot, Split, Store, StoreError, StoreVersion, Verdict,
    Verification, Versioned, Workers,
};
use bytes::Bytes;

use super::history::{Act, Actor, What};
use super::world::{RouterState, World};

/// A part of a world, as one process reaches it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) world: World,
    pub(crate) actor: Actor,
    /// Which router, which gate.
    pub(crate) index: u8,
    pub(crate) name: &'static str,
}

const ROUTERS: [&str; 3] = ["edge-1", "edge-2", "edge-3"];

impl Part {
    fn land(&self, act: Act, op: &Op, deployment: u64) -> Result<(), Fault> {
        let now = self.world.time().now_ms();
        self.world
            .state()
            .land(self.actor, now, act, op.token, deployment)
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(self.world.script().other_settle_ms)
    }
}

/// The number of a release: `r7` is 7.
pub(crate) fn number_of(release: &bluegreen_core::Release) -> u32 {
    release
        .version
        .as_str()
        .get(1..)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[async_trait]
impl Router for Part {
    fn name(&self) -> &str {
        ROUTERS.get(usize::from(self.index)).copied().unwrap_or("edge")
    }

    fn capabilities(&self) -> RouterCapabilities {
        let shape = self.world.script().routers.get(usize::from(self.index)).copied();
        shape.map_or_else(RouterCapabilities::exact, |shape| {
            let fencing = if shape.fenced {
                Fencing::Token
            } else {
                Fencing::Settle(Duration::from_millis(shape.settle_ms))
            };
            RouterCapabilities::exact()
                .fencing(fencing)
                .propagation(Duration::from_millis(shape.lag_ms))
        })
    }

    async fn observe(&self, _: &Op) -> Result<Observation, Fault> {
        let state = self.world.state();
        let router = state.routers.get(usize::from(self.index));
        let split = router.map_or(Split::all(Slot::Blue), RouterState::held);
        Ok(Observation::new(split, "read"))
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.land(
            Act::Stage {
                router: self.index,
                slot,
            },
            op,
            0,
        )
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.land(
            Act::Shift {
                router: self.index,
                split,
            },
            op,
            0,
        )
    }

    async fn verify(&self, _: &Op, split: Split) -> Result<Verification, Fault> {
        let now = self.world.time().now_ms();
        let state = self.world.state();
        let router = state.routers.get(usize::from(self.index));
        let live = router.is_some_and(|router| router.live(now) == split);
        Ok(if live {
            Verification::Live {
                evidence: "asked".to_owned(),
            }
        } else {
            Verification::NotYet {
                why: "another split".to_owned(),
            }
        })
    }

    async fn in_flight(&self, _: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let now = self.world.time().now_ms();
        let state = self.world.state();
        let router = state.routers.get(usize::from(self.index));
        Ok(router.map_or(InFlight::Unknown, |router| router.in_flight(now, slot)))
    }
}

#[async_trait]
impl Host for Part {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let (slot, release) = (assignment.slot, number_of(&assignment.release));
        self.land(Act::Deploy { slot, release }, op, assignment.deployment.number())
    }

    async fn readiness(&self, _: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let now = self.world.time().now_ms();
        Ok(self.world.state().readiness(self.world.script(), now, slot))
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.land(Act::Standby(slot), op, 0)
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.land(Act::Retire(slot), op, 0)
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(self.world.script().host_settle_ms)
    }
}

#[async_trait]
impl Migrator for Part {
    async fn migrate(
        &self,
        op: &Op,
        phase: MigrationPhase,
        assignment: &Assignment,
    ) -> Result<String, Fault> {
        let release = number_of(&assignment.release);
        self.land(Act::Migrate { phase, release }, op, 0)
            .map(|()| "run".to_owned())
    }

    fn settle(&self) -> Duration {
        self.settle()
    }
}

#[async_trait]
impl Workers for Part {
    async fn quiesce(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.land(Act::Quiesce(slot), op, 0)
    }

    async fn start(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.land(Act::StartWorkers(slot), op, 0)
    }

    async fn depth(&self, _: &Op) -> Result<Option<u64>, Fault> {
        Ok(Some(3))
    }

    fn settle(&self) -> Duration {
        self.settle()
    }
}

#[async_trait]
impl Gate for Part {
    fn name(&self) -> &str {
        self.name
    }

    async fn check(&self, _: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let now = self.world.time().now_ms();
        let outcome = self
            .world
            .state()
            .judge(self.world.script(), now, self.name, context.slot);
        Ok(Verdict {
            outcome,
            evidence: "measured".to_owned(),
        })
    }
}

#[async_trait]
impl Metrics for Part {
    async fn read(&self, _: &Op, _: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        Ok(self.world.state().metric(self.world.script(), slot))
    }
}

#[async_trait]
impl Approver for Part {
    async fn ask(&self, _: &Op, _: &ApprovalRequest) -> Result<Answer, Fault> {
        self.world.note(self.actor, What::Asked);
        // Once nothing goes wrong any more, somebody answers.
        Ok(if self.world.state().faults {
            Answer::Pending
        } else {
            Answer::Approved { by: "bob".to_owned() }
        })
    }
}

#[async_trait]
impl Notifier for Part {
    async fn notify(&self, _: &Op, notice: &Notice) -> Result<(), Fault> {
        if self.world.has_secrets() {
            let notice = format!("{notice:?}");
            self.world.seen(self.actor, "a notice", notice.as_bytes());
        }
        Ok(())
    }
}

impl Observer for Part {
    fn observe(&self, entry: &Entry) {
        let number = u32::try_from(entry.deployment.number()).unwrap_or(u32::MAX);
        let phase = entry.phase;
        self.world.note(self.actor, What::Passed { number, phase });
        if self.world.has_secrets() {
            self.world
                .seen(self.actor, "an event", format!("{entry:?}").as_bytes());
        }
        self.world.reached(phase);
    }
}

#[async_trait]
impl HookAction for Part {
    async fn run(&self, _: &Op, _: &HookContext) -> Result<String, Fault> {
        Ok(String::new())
    }
}

#[async_trait]
impl Store for Part {
    async fn load(&self, _: &str) -> Result<Option<Versioned>, StoreError> {
        let record = self.world.state().record();
        Ok(record.map(|(version, body)| Versioned {
            version: StoreVersion(version.to_string()),
            body,
        }))
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        self.world.store(self.actor, key, expected.as_ref(), body)
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.world.seen(self.actor, "a segment of the journal", &body);
        let mut state = self.world.state();
        if state.objects.contains_key(key) {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        state.objects.insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.world.state().objects.get(key).cloned())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let state = self.world.state();
        let keys = state.objects.keys().filter(|key| key.starts_with(prefix));
        let keys = keys.filter(|key| after.as_ref().is_none_or(|after| *key > after));
        Ok(keys.take(limit).cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.world.state().objects.remove(key);
        Ok(())
    }
}
