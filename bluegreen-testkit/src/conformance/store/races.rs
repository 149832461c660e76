//! Several at once: writers, readers, instances.

use std::collections::BTreeSet;
use std::sync::Arc;

use bluegreen_core::{Store, StoreError, Versioned};
use tokio::task::JoinSet;

use super::StoreSubject;
use crate::conformance::around::through;
use crate::conformance::case::{CaseResult, broken, hold};

const WRITERS: u32 = 8;
const ROUNDS: u32 = 10;

/// Adds one to the number in a register, so many times, against whoever else does. The numbers that it
/// has written.
async fn count_up(store: Arc<dyn Store>, times: u32) -> Result<Vec<u32>, String> {
    let mut won = Vec::new();
    // Among writers that conflict one always wins, so this ends.
    while won.len() < times as usize {
        let loaded = store.load("race").await.map_err(|error| error.to_string())?;
        let (version, number) = match loaded {
            None => (None, 0),
            Some(Versioned { version, body }) => {
                let text = String::from_utf8_lossy(&body).into_owned();
                let number = text
                    .parse::<u32>()
                    .map_err(|_| format!("{text:?} was read and never written"))?;
                (Some(version), number)
            }
        };
        match store
            .store("race", version, (number + 1).to_string().into())
            .await
        {
            Ok(_) => won.push(number + 1),
            Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(won)
}

async fn race(stores: &[Arc<dyn Store>]) -> CaseResult {
    let mut writers = JoinSet::new();
    for store in stores.iter().cycle().take(WRITERS as usize) {
        writers.spawn(count_up(Arc::clone(store), ROUNDS));
    }
    let mut all = BTreeSet::new();
    while let Some(won) = writers.join_next().await {
        let won = match won {
            Ok(Ok(won)) => won,
            Ok(Err(error)) => return broken(format!("a writer in a race failed: {error}")),
            Err(panic) => return broken(format!("a writer in a race: {panic}")),
        };
        for number in won {
            hold!(all.insert(number), "two writers have won version {number}");
        }
    }
    let expected: BTreeSet<u32> = (1..=WRITERS * ROUNDS).collect();
    hold!(
        all == expected,
        "{} writes were won, and {} were counted",
        expected.len(),
        all.len()
    );
    Ok(())
}

/// Of many writers over one version exactly one wins: no write is lost, none is won twice.
pub async fn of_many_writers_exactly_one_wins_each_version(subject: &StoreSubject) -> CaseResult {
    race(&[Arc::clone(&subject.store)]).await?;
    let total = (WRITERS * ROUNDS).to_string();
    subject
        .holds("race", total.as_bytes(), "after the race")
        .await
        .map(drop)
}

/// The same where the writers have instances of their own over one place.
pub async fn of_writers_over_two_instances_exactly_one_wins(subject: &StoreSubject) -> CaseResult {
    let other = through(subject.again.as_ref(), "again", ()).await?;
    race(&[Arc::clone(&subject.store), other]).await?;
    let total = (WRITERS * ROUNDS).to_string();
    subject
        .holds("race", total.as_bytes(), "after the race")
        .await
        .map(drop)
}

/// Of many that put one object exactly one wins, and its body is there.
pub async fn of_many_that_put_one_object_exactly_one_wins(subject: &StoreSubject) -> CaseResult {
    for round in 0..5 {
        let key = format!("race/{round}");
        let mut putters = JoinSet::new();
        for number in 0..WRITERS {
            let (store, key) = (Arc::clone(&subject.store), key.clone());
            putters.spawn(async move { (number, store.put_new(&key, number.to_string().into()).await) });
        }
        let mut winners = Vec::new();
        while let Some(put) = putters.join_next().await {
            match put {
                Ok((number, Ok(()))) => winners.push(number.to_string()),
                Ok((_, Err(StoreError::Conflict { .. }))) => {}
                other => return broken(format!("put_new in a race: {other:?}")),
            }
        }
        let [winner] = winners.as_slice() else {
            return broken(format!(
                "{} of {WRITERS} have put the object {key}: {winners:?}",
                winners.len()
            ));
        };
        let object = subject.get(&key).await?;
        let is_its = object.as_deref() == Some(winner.as_bytes());
        hold!(is_its, "writer {winner} has put {key}, and there is {object:?}");
    }
    Ok(())
}

/// Who reads while others write sees a whole body: the one before or the one after.
pub async fn a_reader_never_sees_half_of_a_write(subject: &StoreSubject) -> CaseResult {
    const SIZE: usize = 48 * 1024;
    let mut version = subject.put("shop", None, vec![b'a'; SIZE]).await?;
    let store = Arc::clone(&subject.store);
    let reader = tokio::spawn(async move {
        for _ in 0..60 {
            match store.load("shop").await {
                Ok(Some(loaded)) => {
                    let mut letters = loaded.body.to_vec();
                    letters.dedup();
                    if letters.len() != 1 || loaded.body.len() != SIZE {
                        return Err(format!(
                            "{} bytes of {} kinds in a row",
                            loaded.body.len(),
                            letters.len()
                        ));
                    }
                }
                other => return Err(format!("{other:?}")),
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    for letter in (b'a'..=b'z').cycle().take(60) {
        version = subject.put("shop", Some(version), vec![letter; SIZE]).await?;
        tokio::task::yield_now().await;
    }
    match reader.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(seen)) => broken(format!("beside a write was read: {seen}")),
        Err(panic) => broken(format!("reading beside a write: {panic}")),
    }
}

/// What one instance writes, another over the same place reads, at once; and each sees the other's versions.
pub async fn two_instances_see_one_store(subject: &StoreSubject) -> CaseResult {
    let first = subject.put("shop", None, "one").await?;
    subject.put_new("shop/1", "object").await?;
    let other = through(subject.again.as_ref(), "again", ()).await?;
    let loaded = subject
        .around
        .done("load by the other instance", other.load("shop"))
        .await?;
    let Some(loaded) = loaded else {
        return broken("what one instance has written, the other does not see");
    };
    hold!(
        loaded.version == first,
        "one instance wrote {first:?}, the other reads {:?}",
        loaded.version
    );
    let write = other.store("shop", Some(first.clone()), "two".into());
    let second = subject.around.done("store by the other instance", write).await?;
    subject
        .conflicts(
            "a write after that of the other instance",
            subject.store.store("shop", Some(first), "x".into()),
        )
        .await?;
    let version = subject
        .holds("shop", b"two", "after a write by the other instance")
        .await?;
    hold!(
        version == second,
        "the other instance wrote {second:?}, this one reads {version:?}"
    );
    subject
        .conflicts(
            "put_new by the other instance",
            other.put_new("shop/1", "x".into()),
        )
        .await?;
    subject
        .around
        .done("delete by the other instance", other.delete("shop/1"))
        .await?;
    let object = subject.get("shop/1").await?;
    hold!(
        object.is_none(),
        "the other instance has removed an object, and there is {object:?}"
    );
    Ok(())
}
