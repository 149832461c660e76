//! A store in the files of one machine.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::folder::Folder;
use crate::{Store, StoreError, StoreVersion, Versioned};

/// A store in one folder of the machine: nothing else is needed, and several processes may use it at
/// once. A write is locked, written beside, synced, renamed and synced again, so a crash of the
/// process or the machine leaves the old or the new content. A clone is the same store.
///
/// The files can be read with `cat`: one line of header, then the body as it was given. A file that is
/// damaged, or was written by a newer release, is refused with its path and kept.
///
/// The folder has to be on a local disk (locks and renames of network disks promise less) that outlives
/// the machine's restart: not `/tmp`, not a container's own layer.
///
/// ```
/// use bluegreen_core::store::FileStore;
/// use bluegreen_core::Store;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("records");
/// let store = FileStore::open(&folder)?;
/// let version = store.store("shop", None, "{}".into()).await?;
///
/// let reopened = FileStore::open(&folder)?;
/// let loaded = reopened.load("shop").await?.ok_or("it is there")?;
/// assert_eq!(loaded.version, version);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: Arc<Folder>,
}

impl FileStore {
    /// Opens the store in a folder, which is made if there is none. Blocks for a moment.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the folder can be neither found nor made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = Arc::new(Folder::open(folder.into())?);
        Ok(Self { folder })
    }

    /// Does blocking work beside the runtime. When the caller goes away it is finished all the same.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Folder, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (folder, own_key) = (Arc::clone(&self.folder), key.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&folder, &own_key)).await;
        done.unwrap_or_else(|ended| {
            Err(StoreError::Unknown {
                key: key.to_owned(),
                message: format!("the work was ended from outside: {ended}"),
            })
        })
    }
}

#[async_trait]
impl Store for FileStore {
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.blocking(key, Folder::load).await
    }

    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError> {
        self.blocking(key, move |folder, key| folder.store(key, expected.as_ref(), body))
            .await
    }

    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.blocking(key, |folder, key| folder.put_new(key, body)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.blocking(key, Folder::get).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.blocking(prefix, move |folder, prefix| {
            folder.list(prefix, after.as_deref(), limit)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.blocking(key, Folder::delete).await
    }
}
