//! Where records are kept: a compare-and-swap register per service, and objects that are written
//! once beside it.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

/// The version of a stored body: what a store gives out to compare by. Opaque to everyone else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreVersion(pub String);

/// A body with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// What to compare by.
    pub version: StoreVersion,
    /// The body.
    pub body: Bytes,
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The version was not the expected one (or the object was there already): somebody else wrote.
    /// Nothing was changed by this call.
    #[error("{key}: somebody else has written it in the meantime")]
    Conflict {
        /// The key.
        key: String,
    },
    /// Nothing was changed; it may be tried again.
    #[error("{key}: the store cannot be reached: {message}")]
    Unavailable {
        /// The key.
        key: String,
        /// What happened.
        message: String,
    },
    /// Perhaps written, perhaps not: read it back and compare.
    #[error("{key}: it is not known whether this was written: {message}")]
    Unknown {
        /// The key.
        key: String,
        /// What happened.
        message: String,
    },
    /// The store cannot do this, and trying again is useless: no space, no permission, damaged
    /// content. Nothing was changed, and what was there is kept.
    #[error("{key}: {message}")]
    Refused {
        /// The key.
        key: String,
        /// What happened and what to do.
        message: String,
    },
}

/// Keeps records. Keys are made of `a-z 0-9 . _ - /`, never begin or end with `/` and never hold `..`.
///
/// A register's body stays under 64 KiB. The deployer gives a call up that is not answered within five
/// seconds, and takes the outcome of a write as unknown.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The register `key`, or `None` where there is none. Always the newest (no stale reads).
    async fn load(&self, key: &str) -> Result<Option<Versioned>, StoreError>;

    /// Writes the register `key` if its version is still `expected` (`None`: if there is none).
    /// `Ok` means that it is durable, and returns the new version. A version never comes back.
    async fn store(
        &self,
        key: &str,
        expected: Option<StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, StoreError>;

    /// Writes the object `key` if there is none; [`StoreError::Conflict`] otherwise.
    async fn put_new(&self, key: &str, body: Bytes) -> Result<(), StoreError>;

    /// The object `key`, or `None` where there is none.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;

    /// Up to `limit` keys of objects that begin with `prefix`, in ascending order, after `after`.
    async fn list(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Removes the object `key`. `Ok` also when there was none.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}
