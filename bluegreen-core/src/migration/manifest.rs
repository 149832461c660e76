//! What is kept of each release, beside the records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::needs::{Loss, Needs};
use crate::{DeploymentId, Fault, ServiceName, Store, StoreError, Version};

pub(super) const PROVIDER: &str = "migrations";

/// So many objects are listed at once.
const PAGE: usize = 100;

/// What is kept of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The names of its migrations.
    pub migrations: BTreeSet<String>,
    /// What it needs.
    pub needs: Needs,
    /// Of changes that are made over several deployments: which of their releases it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<String, usize>,
    /// The statements that it was seen to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<String>,
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

    /// Keeps what a contraction takes away.
    pub(super) async fn keep_gone(&self, deployment: DeploymentId, losses: &[Loss]) -> Result<(), Fault> {
        if losses.is_empty() {
            return Ok(());
        }
        let key = format!("{}{:010}", self.gone_prefix(), deployment.number());
        let body = serde_json::to_vec(losses)
            .map_err(|error| Fault::rejected(PROVIDER, "keep", error.to_string()))?;
        match self.store.put_new(&key, body.into()).await {
            // It was begun before.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(of_store(&error)),
        }
    }

    /// Everything that contractions have taken away.
    pub(super) async fn gone(&self) -> Result<Vec<Loss>, Fault> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.list(&self.gone_prefix(), after.clone(), PAGE).await;
            let keys = page.map_err(|error| of_store(&error))?;
            for key in &keys {
                let body = self.store.get(key).await.map_err(|error| of_store(&error))?;
                let read = body
                    .map(|body| serde_json::from_slice::<Vec<Loss>>(&body))
                    .transpose();
                let losses = read
                    .map_err(|error| Fault::rejected(PROVIDER, "read", error.to_string()).on(key.clone()))?;
                all.extend(losses.unwrap_or_default());
            }
            if keys.len() < PAGE {
                return Ok(all);
            }
            after = keys.last().cloned();
        }
    }

    fn gone_prefix(&self) -> String {
        format!("{}/gone/", self.service)
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
