//! What is kept of each release, beside the records.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::needs::Needs;
use crate::{Fault, ServiceName, Store, StoreError, Version};

pub(super) const PROVIDER: &str = "migrations";

/// What is kept of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The names of its migrations.
    pub migrations: BTreeSet<String>,
    /// What it needs.
    pub needs: Needs,
}

/// The manifests of the releases of a service.
#[derive(Debug, Clone)]
pub(super) struct Manifests {
    service: ServiceName,
    store: Arc<dyn Store>,
}

impl Manifests {
    pub(super) fn new(service: ServiceName, store: impl Store + 'static) -> Self {
        Self {
            service,
            store: Arc::new(store),
        }
    }

    /// That of a release, when there is one.
    pub(super) async fn of(&self, version: &Version) -> Result<Option<Manifest>, Fault> {
        let key = self.key(version);
        let Some(body) = self.store.get(&key).await.map_err(|error| of_store(&error))? else {
            return Ok(None);
        };
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| Fault::rejected(PROVIDER, "read", error.to_string()).on(key))
    }

    pub(super) async fn keep(&self, version: &Version, manifest: &Manifest) -> Result<(), Fault> {
        let key = self.key(version);
        if self.of(version).await?.as_ref() == Some(manifest) {
            return Ok(());
        }
        let body = serde_json::to_vec(manifest)
            .map_err(|error| Fault::rejected(PROVIDER, "keep", error.to_string()))?;
        // A version that is built anew may need other things. Between the two, nothing is known of it, and
        // nothing is taken away.
        self.store.delete(&key).await.map_err(|error| of_store(&error))?;
        self.store
            .put_new(&key, body.into())
            .await
            .map_err(|error| of_store(&error))
    }

    /// A version holds more than a key may: its checksum tells it apart.
    fn key(&self, version: &Version) -> String {
        let letter = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let mut plain: String = version.as_str().chars().map(letter).collect();
        plain.truncate(64);
        let sum = super::checksum(version.as_str());
        format!("{}/needs/{plain}-{sum:016x}", self.service)
    }
}

/// What is kept can be kept again: nothing of it is ever unknown for long.
fn of_store(error: &StoreError) -> Fault {
    Fault::unavailable(PROVIDER, "store", error.to_string())
}
