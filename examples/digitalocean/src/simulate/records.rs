//! Worlds with a DNS record, whose resolvers keep what they were told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Clock, Fault, Monotonic, Observation, Op, Router, RouterCapabilities, Slot, Split, Verification,
};
use bluegreen_digitalocean::{DnsRouter, PerSlot, Record};
use bluegreen_testkit::digitalocean::{Account, FakeConfig};
use bluegreen_testkit::simulation::{Provider, Refusal, Wire};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::carried::{Hurried, client};

const DOMAIN: &str = "example.com";
const ADDRESSES: PerSlot<&str> = PerSlot::new("192.0.2.1", "192.0.2.2");

/// A record, and what resolvers may have in their caches.
#[derive(Debug)]
pub(crate) struct Records {
    account: Account,
    clock: Arc<dyn Clock>,
    record: u64,
    /// What was answered before, with until when it may be in a cache.
    kept: Mutex<Vec<(Slot, Duration)>>,
}

impl Records {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let account = Account::new(FakeConfig::default(), clock.clone());
        let fields = json!({"type": "A", "name": "shop", "data": ADDRESSES.blue, "ttl": 120});
        let record = account.add_record(DOMAIN, &fields);
        Self {
            account,
            clock,
            record,
            kept: Mutex::default(),
        }
    }

    fn shown(&self) -> Value {
        self.account.record(DOMAIN, self.record)
    }

    fn slot(shown: &Value) -> Option<Slot> {
        let is_it = |slot: &Slot| shown["data"] == *ADDRESSES.get(*slot);
        Slot::BOTH.into_iter().find(is_it)
    }

    /// What resolvers were told until now stays with them for its time to live.
    fn keep(&self, before: &Value) {
        if let Some(slot) = Self::slot(before) {
            let ttl = Duration::from_secs(before["ttl"].as_u64().unwrap_or(1_800));
            let until = self.now() + Hurried::passes(ttl);
            self.kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((slot, until));
        }
    }

    fn now(&self) -> Duration {
        let Monotonic(now) = self.clock.monotonic();
        now
    }
}

impl Provider for Records {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let before = self.shown();
        let answer = self.account.answer(request);
        if self.shown() != before {
            self.keep(&before);
        }
        answer
    }

    fn refuse(&self, request: &Request<Bytes>, how: Refusal) -> Response<Bytes> {
        self.account.refuse(request, how)
    }

    fn routers(&self) -> u8 {
        1
    }

    fn router(&self, _: u8, wire: Wire) -> Arc<dyn Router> {
        let clock: Arc<dyn Clock> = Arc::new(Hurried(wire.clock()));
        let address = |slot: Slot| ADDRESSES.get(slot).parse().expect("an address");
        let record = Record::A(PerSlot::new(address(Slot::Blue), address(Slot::Green)));
        let router = DnsRouter::new(client(&self.account, wire, clock), DOMAIN, self.record, record);
        let router = router.expect("two addresses");
        Arc::new(InAHurry(router.settle(Duration::from_millis(1200))))
    }

    fn held(&self, _: u8) -> Option<Split> {
        Self::slot(&self.shown()).map(Split::all)
    }

    fn live(&self, _: u8) -> Option<Split> {
        let named = Self::slot(&self.shown())?;
        let now = self.now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(slot, until): &(Slot, Duration)| *slot != named && *until > now;
        (!kept.iter().any(is_old)).then(|| Split::all(named))
    }

    fn by_hand(&self, _: u8, slot: Slot) -> bool {
        self.keep(&self.shown());
        let address = json!(ADDRESSES.get(slot));
        self.account
            .set_record_by_hand(DOMAIN, self.record, "data", address);
        true
    }

    fn harm(&self) -> Option<&'static str> {
        let shown = self.shown();
        let is_whole = shown["name"] == "shop" && shown["type"] == "A";
        (!is_whole).then_some("the record has lost a field")
    }
}

/// A router whose clock is in a hurry says how long things take in the world.
#[derive(Debug)]
struct InAHurry(DnsRouter);

#[async_trait]
impl Router for InAHurry {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        let known = self.0.capabilities();
        let bound = Hurried::passes(known.propagation);
        known.propagation(bound)
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        self.0.observe(&hurried(op)).await
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.0.stage(&hurried(op), slot).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.0.shift(&hurried(op), split).await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        self.0.verify(&hurried(op), split).await
    }
}

/// The same call by a clock that is in a hurry.
fn hurried(op: &Op) -> Op {
    let mut op = op.clone();
    op.budget *= Hurried::HASTE;
    op
}
