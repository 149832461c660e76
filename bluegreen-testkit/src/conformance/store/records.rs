//! Writes that end badly, and contents that are no record.

use std::sync::Arc;

use bluegreen_core::{DeployError, Deployer, Plan, Signed, StoreError};
use bytes::Bytes;

use super::{StoreSubject, shown};
use crate::conformance::around::{ProviderFault, through, wait};
use crate::conformance::case::{CaseResult, broken, hold, not_run};
use crate::conformance::dropped::{GRACE, MOST_POLLS, polled};
use crate::conformance::usual;
use crate::fakes::{CallLog, FakeHost, FakeRouter, FakeStore};

/// Writes a body as a deployer does that does not know how its last write ended: reads, compares, writes
/// over what is there.
async fn ensure(subject: &StoreSubject, key: &str, body: &'static [u8]) -> CaseResult {
    for _ in 0..20 {
        let current = subject.load(key).await?;
        if current.as_ref().is_some_and(|current| current.body == body) {
            return Ok(());
        }
        let write = subject.store.store(
            key,
            current.map(|current| current.version),
            Bytes::from_static(body),
        );
        match subject.around.call("store", write).await? {
            // A write that was given up has landed meanwhile: read again.
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return broken(format!("a write after one that was given up failed: {error}")),
        }
    }
    broken("20 writes over the version that was read conflicted, and nobody else writes")
}

/// A write that is dropped, at each of its polls, leaves the old or the new body. Whatever of it still
/// lands does so over the version that it was sent for, so it never undoes a newer write.
pub async fn a_dropped_write_leaves_the_old_or_the_new_body(subject: &StoreSubject) -> CaseResult {
    subject.put("shop", None, "old").await?;
    for polls in 1..=MOST_POLLS {
        ensure(subject, "shop", b"old").await?;
        let version = subject.load("shop").await?.map(|loaded| loaded.version);
        let ended = polled(polls, subject.store.store("shop", version, "new".into()))
            .await
            .is_some();
        let loaded = subject.load("shop").await?;
        let left = loaded.as_ref().map(|loaded| loaded.body.as_ref());
        let is_whole = left == Some(b"old") || left == Some(b"new");
        hold!(
            is_whole,
            "a write that was dropped left {}",
            shown(loaded.as_ref())
        );
        ensure(subject, "shop", b"newer").await?;
        if ended {
            break;
        }
    }
    wait(GRACE).await;
    subject
        .holds("shop", b"newer", "some time after writes that were dropped")
        .await
        .map(drop)
}

/// An object that was being put or removed is there whole, or not at all.
pub async fn a_dropped_put_or_delete_leaves_all_or_nothing(subject: &StoreSubject) -> CaseResult {
    let body = Bytes::from(vec![b'x'; 32 * 1024]);
    for polls in 1..=MOST_POLLS {
        let key = format!("shop/{polls}");
        let put = polled(polls, subject.store.put_new(&key, body.clone()))
            .await
            .is_some();
        let left = subject.get(&key).await?;
        let is_whole = left.as_ref().is_none_or(|left| *left == body);
        hold!(
            is_whole,
            "a put that was dropped left {} bytes",
            left.map_or(0, |left| left.len())
        );
        wait(GRACE).await;
        let deleted = polled(polls, subject.store.delete(&key)).await.is_some();
        let left = subject.get(&key).await?;
        let is_whole = left.as_ref().is_none_or(|left| *left == body);
        hold!(
            is_whole,
            "a removal that was dropped left {} bytes",
            left.map_or(0, |left| left.len())
        );
        subject.delete(&key).await?;
        if put && deleted {
            break;
        }
    }
    Ok(())
}

/// A write whose answer is lost is `Unknown`; reading back says how it ended, and the next write goes
/// over what was read.
pub async fn a_lost_answer_is_resolved_by_reading_back(subject: &StoreSubject) -> CaseResult {
    let old = subject.put("shop", None, "old").await?;
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let write = subject.store.store("shop", Some(old), "new".into());
    match subject.around.call("a store whose answer is lost", write).await? {
        Err(StoreError::Unknown { .. }) => {}
        other => return broken(format!("the answer was lost, and store says {other:?}")),
    }
    subject.around.inject(ProviderFault::LostAnswer).await?;
    match subject
        .around
        .call(
            "a put_new whose answer is lost",
            subject.store.put_new("shop/1", "new".into()),
        )
        .await?
    {
        Err(StoreError::Unknown { .. }) => {}
        other => return broken(format!("the answer was lost, and put_new says {other:?}")),
    }
    subject.around.heal().await?;
    let loaded = subject.load("shop").await?;
    let left = loaded.as_ref().map(|loaded| loaded.body.as_ref());
    let is_whole = left == Some(b"old") || left == Some(b"new");
    hold!(
        is_whole,
        "a write whose answer was lost left {}",
        shown(loaded.as_ref())
    );
    let object = subject.get("shop/1").await?;
    let is_whole = object.as_deref().is_none_or(|object| object == b"new");
    hold!(is_whole, "a put_new whose answer was lost left {object:?}");
    ensure(subject, "shop", b"newer").await?;
    subject
        .holds("shop", b"newer", "after the next write")
        .await
        .map(drop)
}

/// A write that lands after a newer one conflicts, unseen: the newer one stays.
pub async fn a_write_that_lands_late_does_not_undo_a_newer_one(subject: &StoreSubject) -> CaseResult {
    let old = subject.put("shop", None, "old").await?;
    subject
        .around
        .inject(ProviderFault::LandsLate { by: GRACE })
        .await?;
    let write = subject.store.store("shop", Some(old), "late".into());
    match subject.around.call("a store that lands late", write).await? {
        Err(StoreError::Unknown { .. }) => {}
        other => return broken(format!("nothing was answered, and store says {other:?}")),
    }
    subject.around.heal().await?;
    ensure(subject, "shop", b"newer").await?;
    wait(GRACE * 2).await;
    subject
        .holds("shop", b"newer", "after an older write has landed late")
        .await
        .map(drop)
}

/// What a write that stopped half-way has left is never read as a record, nor taken for nothing: it is
/// refused, and not written over.
pub async fn a_half_written_register_is_never_read_as_a_record(subject: &StoreSubject) -> CaseResult {
    let first = subject.put("shop", None, "{\"phase\":\"preflight\"}").await?;
    let version = subject.put("shop", Some(first), vec![b'x'; 4_096]).await?;
    subject.put("other", None, "whole").await?;
    through(subject.tear.as_ref(), "tear", "shop".to_owned()).await?;
    let store = &subject.store;
    subject
        .refuses("load of a half-written register", store.load("shop"))
        .await?;
    for expected in [None, Some(version)] {
        subject
            .refuses(
                "store over a half-written register",
                store.store("shop", expected, "x".into()),
            )
            .await?;
    }
    subject
        .refuses("load after those writes", store.load("shop"))
        .await?;
    subject
        .holds("other", b"whole", "beside a half-written register")
        .await
        .map(drop)
}

/// A record that a newer version of the library has written is refused by a deployer and kept as it is,
/// byte for byte.
pub async fn a_record_of_a_future_version_is_refused_and_kept(subject: &StoreSubject) -> CaseResult {
    let future = br#"{"format":4294967295,"token":{"epoch":3,"seq":9},"lifecycle":{"phase":"teleport"}}"#;
    let (service, release) = (usual::service()?, usual::release("2.0")?);
    let key = "shop/record";
    let before = subject.put(key, None, Bytes::from_static(future)).await?;
    let log = CallLog::default();
    let (router, host) = (FakeRouter::new("edge", &log), FakeHost::new("host", &log));
    let deployer = Deployer::builder(service.clone())
        .store(FakeStore::new(
            "subject",
            &CallLog::default(),
            Arc::clone(&subject.store),
        ))
        .router(router)
        .host(host)
        .build();
    let deployer = match deployer {
        Ok(deployer) => deployer,
        Err(error) => return broken(format!("a deployer cannot be built over this store: {error}")),
    };
    let plan = match Plan::builder(service).build() {
        Ok(plan) => plan,
        Err(problems) => return not_run(format!("the plan of this case is not taken: {problems:?}")),
    };
    let answer = deployer
        .deploy(&plan, release, Signed::new("conformance", "a newer record"))
        .await;
    let is_refused = matches!(answer, Err(DeployError::Record { .. }));
    hold!(
        is_refused,
        "a deployer met a record of a newer version and says {answer:?}"
    );
    hold!(
        log.is_empty(),
        "a deployer met a record of a newer version and called {:?}",
        log.lines()
    );
    let after = subject
        .holds(key, future, "after a deployer has refused it")
        .await?;
    hold!(
        after == before,
        "a deployer has refused a newer record and changed its version to {after:?}"
    );
    Ok(())
}
