//! Calls that have an end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::plan::humane;
use crate::{Clock, Store, StoreError, StoreVersion, Versioned};

/// A call of a store that is not answered by then is given up. Well below the time for which a lease is
/// good: a store that hangs once is asked once more.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store whose calls have an end: one that never answers must not keep a deployment open for ever.
#[derive(Debug)]
pub(super) struct Patient {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Patient {
    /// What reads, or may be repeated freely, had no effect; for the rest it is not known.
    async fn wait<T>(
        &self,
        key: &str,
        effect: bool,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let answer = within(&*self.clock, PATIENCE, call).await;
        answer.unwrap_or_else(|| {
            let key = key.to_owned();
            let message = format!("no answer within {}", humane::format(PATIENCE));
            Err(if effect {
                StoreError::Unknown { key, message }
            } else {
                StoreError::Unavailable { key, message }
            })
        })
    }
}

/// What a call answers; `None` when it takes longer than this. One that answers at once needs no timer.
pub(super) async fn within<T>(
    clock: &dyn Clock,
    time: Duration,
    call: impl Future<Output = T> + Send,
) -> Option<T> {
    tokio::select! {
        biased;
        answer = call => Some(answer),
        () = async { clock.sleep(time).await } => None,
    }
}

impl Patient {
    pub(super) async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.wait(key, false, self.store.load(key)).await
    }

    pub(super) async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        self.wait(key, true, self.store.store(key, expected, body)).await
    }

    pub(super) async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.wait(key, true, self.store.put_new(key, body)).await
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.wait(key, false, self.store.get(key)).await
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.wait(prefix, false, self.store.list(prefix, after, limit))
            .await
    }
}
