//! Each behaviour of a script, once, on a router and on a store.
#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Fault, FaultKind, Op, Router, Slot, Split, Store, StoreError, StoreVersion, SystemClock, Timestamp,
    Token, Versioned,
};
use bluegreen_testkit::fakes::{
    Behaviour, CallLog, CrashPoint, FakeRouter, FakeStore, RouterCall, StoreCall,
};
use bytes::Bytes;

const UNAVAILABLE: FaultKind = FaultKind::Unavailable {
    retry_after: Some(Duration::from_secs(3)),
};
const SPAN: Duration = Duration::from_secs(7);

/// What came of one call, seen from outside.
#[derive(Debug, PartialEq)]
struct Seen {
    /// `None`: no answer within a minute.
    answer: Option<Result<(), FaultKind>>,
    took: Duration,
    applied: bool,
    applied_later: bool,
}

const fn seen(answer: Option<Result<(), FaultKind>>, secs: u64, applied: bool, applied_later: bool) -> Seen {
    Seen {
        answer,
        took: Duration::from_secs(secs),
        applied,
        applied_later,
    }
}

/// Behaviour, and what is seen of it.
const TABLE: &[(Behaviour, Seen)] = &[
    (Behaviour::Ok, seen(Some(Ok(())), 0, true, true)),
    (
        Behaviour::Fault(UNAVAILABLE),
        seen(Some(Err(UNAVAILABLE)), 0, false, false),
    ),
    (
        Behaviour::ApplyThenFault(FaultKind::Unknown),
        seen(Some(Err(FaultKind::Unknown)), 0, true, true),
    ),
    (Behaviour::Hang, seen(None, 60, false, false)),
    (Behaviour::ApplyThenHang, seen(None, 60, true, true)),
    (Behaviour::Delay(SPAN), seen(Some(Ok(())), 7, true, true)),
    (
        Behaviour::LandLate(SPAN),
        seen(Some(Err(FaultKind::Unknown)), 0, false, true),
    ),
];

fn log() -> CallLog {
    CallLog::new(Arc::new(SystemClock::starting_at(Timestamp::default())))
}

fn op(seq: u64) -> Op {
    Op::new(
        Token { epoch: 1, seq },
        format!("1.{seq}"),
        Duration::from_secs(5),
    )
}

async fn timed<E>(
    log: &CallLog,
    call: impl Future<Output = Result<(), E>>,
    kind: impl Fn(E) -> FaultKind,
) -> (Option<Result<(), FaultKind>>, Duration) {
    let before = log.clock().monotonic();
    let answer = tokio::time::timeout(Duration::from_mins(1), call).await.ok();
    let took = log.clock().monotonic().since(before);
    (answer.map(|answer| answer.map_err(kind)), took)
}

#[tokio::test(start_paused = true)]
async fn a_router_behaves_as_its_script_says_and_then_as_its_contract_says() {
    for (behaviour, expected) in TABLE {
        let log = log();
        let router = FakeRouter::new("edge", &log);
        router.stage(&op(1), Slot::Green).await.unwrap();
        router.script(RouterCall::Shift, [*behaviour]);
        let green = Split::all(Slot::Green);

        let (answer, took) = timed(&log, router.shift(&op(2), green), |fault: Fault| fault.kind).await;
        let applied = router.held() == green;
        log.clock().sleep(SPAN).await;
        let applied_later = router.held() == green;

        let found = Seen {
            answer,
            took,
            applied,
            applied_later,
        };
        assert_eq!(&found, expected, "{behaviour:?}");
        router.shift(&op(3), green).await.unwrap();
        assert_eq!(router.held(), green, "after its script, {behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_behaves_as_its_script_says_and_then_lets_everything_through() {
    for (behaviour, expected) in TABLE {
        let log = log();
        let store = FakeStore::new("records", &log, Arc::new(Registers::default()));
        store.script(StoreCall::Store, [*behaviour]);
        let body = Bytes::from_static(b"one");

        let write = async { store.store("shop", None, body.clone()).await.map(drop) };
        let (answer, took) = timed(&log, write, |error| kind(&error)).await;
        let applied = store.load("shop").await.unwrap().is_some();
        log.clock().sleep(SPAN).await;
        let later = store.load("shop").await.unwrap();

        let answer = match answer {
            // A store's error does not say when to come back.
            Some(Err(FaultKind::Unavailable { .. })) => Some(Err(UNAVAILABLE)),
            answer => answer,
        };
        let found = Seen {
            answer,
            took,
            applied,
            applied_later: later.is_some(),
        };
        assert_eq!(&found, expected, "{behaviour:?}");
        assert_eq!(store.writes(), usize::from(expected.applied_later));
        let version = later.map(|versioned| versioned.version);
        store.store("shop", version, body).await.unwrap();
    }
}

fn kind(error: &StoreError) -> FaultKind {
    match error {
        StoreError::Conflict { .. } => FaultKind::Fenced,
        StoreError::Unavailable { .. } => FaultKind::Unavailable { retry_after: None },
        StoreError::Unknown { .. } => FaultKind::Unknown,
        _ => FaultKind::Rejected,
    }
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_lands_late_is_fenced_off_by_a_newer_one() {
    let router = FakeRouter::new("edge", &log());
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.script(RouterCall::Shift, [Behaviour::LandLate(SPAN)]);
    router.shift(&op(2), Split::all(Slot::Green)).await.unwrap_err();
    router.shift(&op(3), Split::all(Slot::Blue)).await.unwrap();

    tokio::time::advance(SPAN * 2).await;

    assert_eq!(router.held(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_is_delayed_leaves_the_old_state() {
    let router = FakeRouter::new("edge", &log());
    router.stage(&op(1), Slot::Green).await.unwrap();
    router.script(RouterCall::Shift, [Behaviour::Delay(SPAN)]);
    let (op, green) = (op(2), Split::all(Slot::Green));

    tokio::time::timeout(SPAN / 2, router.shift(&op, green))
        .await
        .unwrap_err();
    tokio::time::advance(SPAN * 2).await;

    assert_eq!(router.held(), Split::all(Slot::Blue));
}

#[tokio::test(start_paused = true)]
async fn a_caller_can_die_at_any_call_before_or_after_it_is_applied() {
    for (point, applied) in [(CrashPoint::Before, false), (CrashPoint::After, true)] {
        let log = log();
        let router = FakeRouter::new("edge", &log);
        let store = FakeStore::new("records", &log, Arc::new(Registers::default()));
        log.crash_at(3, point);
        let caller = async {
            store.store("shop", None, Bytes::new()).await.unwrap();
            router.stage(&op(1), Slot::Green).await.unwrap();
            router.shift(&op(2), Split::all(Slot::Green)).await.unwrap();
        };
        tokio::select! {
            () = caller => panic!("it survived"),
            () = log.crashed() => {}
        }
        assert_eq!(router.held() == Split::all(Slot::Green), applied);
        log.revive();
        router.shift(&op(3), Split::all(Slot::Green)).await.unwrap();
        assert_eq!(
            log.lines(),
            [
                "store records: store shop",
                "router edge: stage green",
                "router edge: shift green 100%",
                "router edge: shift green 100%",
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_disturbs_all_fakes_of_a_log_where_no_script_says_otherwise() {
    let log = log();
    let (edge, dns) = (FakeRouter::new("edge", &log), FakeRouter::new("dns", &log));
    log.disturb(|call| match call.operation {
        "shift" => Behaviour::Fault(FaultKind::Unknown),
        _ => Behaviour::Ok,
    });
    edge.script(RouterCall::Shift, [Behaviour::Ok]);
    let blue = Split::all(Slot::Blue);
    for (router, is_good) in [(&edge, true), (&edge, false), (&dns, false)] {
        router.stage(&op(1), Slot::Green).await.unwrap();
        assert_eq!(router.shift(&op(1), blue).await.is_ok(), is_good, "{router:?}");
    }
    log.calm();
    dns.shift(&op(1), blue).await.unwrap();
}

/// The smallest store.
#[derive(Debug, Default)]
struct Registers(Mutex<BTreeMap<String, (u64, Bytes)>>);

#[async_trait]
impl Store for Registers {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).map(|(version, body)| Versioned {
            version: StoreVersion(version.to_string()),
            body: body.clone(),
        }))
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        let mut registers = self.0.lock().unwrap();
        let now = registers.get(key).map_or(0, |(version, _)| *version);
        if expected.map_or("0".to_owned(), |version| version.0) != now.to_string() {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        registers.insert(key.to_owned(), (now + 1, body));
        Ok(StoreVersion((now + 1).to_string()))
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.store(key, None, body).await.map(drop)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.load(key).await?.map(|versioned| versioned.body))
    }

    async fn list(&self, prefix: &str, _: Option<String>, limit: usize) -> Result<Vec<String>, StoreError> {
        let registers = self.0.lock().unwrap();
        Ok(registers
            .keys()
            .filter(|key| key.starts_with(prefix))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}
