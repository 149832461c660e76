//! A store in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::key;
use crate::{Store, StoreError, StoreVersion, Versioned};

/// A store in memory: for tests, and for trying things out. A clone is the same store.
///
/// ```
/// use bluegreen_core::store::MemoryStore;
/// use bluegreen_core::Store;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), bluegreen_core::StoreError> {
/// let store = MemoryStore::new();
/// let first = store.store("shop", None, "{}".into()).await?;
/// assert!(store.store("shop", None, "{}".into()).await.is_err(), "there is one already");
/// store.store("shop", Some(first), "{\"n\":2}".into()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    /// Counts all writes to registers, so that no version ever comes back.
    writes: u64,
    registers: BTreeMap<String, Versioned>,
    objects: BTreeMap<String, Bytes>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Every change below is one assignment: a panic elsewhere cannot leave half of one.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        key::check(key)?;
        let contents = self.contents();
        Ok(contents.registers.get(key).cloned())
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        key::check(key)?;
        let mut contents = self.contents();
        let Contents {
            writes, registers, ..
        } = &mut *contents;
        let register = registers.get_mut(key);
        if register.as_ref().map(|register| &register.version) != expected.as_ref() {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        *writes += 1;
        let version = StoreVersion(writes.to_string());
        let written = Versioned {
            version: version.clone(),
            body,
        };
        match register {
            Some(register) => *register = written,
            None => {
                registers.insert(key.to_owned(), written);
            }
        }
        Ok(version)
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        key::check(key)?;
        let mut contents = self.contents();
        if contents.objects.contains_key(key) {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        contents.objects.insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        key::check(key)?;
        Ok(self.contents().objects.get(key).cloned())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        let from = match after.as_deref() {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let contents = self.contents();
        let keys = contents.objects.range::<str, _>((from, Bound::Unbounded));
        let keys = keys.map(|(key, _)| key).take_while(|key| key.starts_with(prefix));
        Ok(keys.take(limit).cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check(key)?;
        self.contents().objects.remove(key);
        Ok(())
    }
}
