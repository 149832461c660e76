//! What a provider's binary brings.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use bluegreen_core::{DeployerBuilder, Router, Slot};
use serde::de::DeserializeOwned;

/// Why a provider could not do what it was asked for, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider answered otherwise, or not at all.
    #[error(transparent)]
    Fault(#[from] bluegreen_core::Fault),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// What [`equip`](Provider::equip) brings beside routers and a host, so that a plan may ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brings {
    /// Whether it runs expand migrations, and whether it runs backfills.
    pub migrations: (bool, bool),
    /// Whether it moves workers, and whether it counts the jobs that wait.
    pub workers: (bool, bool),
    /// The names of hooks in code.
    pub hooks: Vec<String>,
    /// The names of gates in code.
    pub gates: Vec<String>,
}

/// What a provider's binary brings: its section of the configuration file, and what comes of it.
#[async_trait]
pub trait Provider: Send {
    /// The section's name in the configuration file, such as `nginx`.
    const SECTION: &'static str;

    /// What stands in the section. It should refuse unknown keys. Where it wants a text, the file may
    /// say `{ secret = "name" }`: the value of the secret is put in its place before it is read.
    type Config: DeserializeOwned + Send + Sync;

    /// Whether [`equip`](Self::equip) brings a host. Where it does not, the file has to have `[host]`.
    const HAS_HOST: bool = false;

    /// What [`equip`](Self::equip) will bring. By default nothing.
    fn brings(config: &Self::Config) -> Brings {
        let _ = config;
        Brings::default()
    }

    /// What is wrong with the section beyond its shape, by paths within it. Reads nothing else.
    fn problems(config: &Self::Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// The routers that hold the split. Changes nothing.
    ///
    /// # Errors
    /// When they cannot be made.
    async fn routers(config: &Self::Config, secrets: &Secrets)
    -> Result<Vec<Arc<dyn Router>>, ProviderError>;

    /// What else the provider has beside routers: a host (see [`HAS_HOST`](Self::HAS_HOST)), metrics, gates
    /// in code. By default nothing.
    ///
    /// # Errors
    /// When it cannot be made.
    async fn equip(
        config: &Self::Config,
        secrets: &Secrets,
        builder: DeployerBuilder,
    ) -> Result<DeployerBuilder, ProviderError> {
        let _ = (config, secrets);
        Ok(builder)
    }

    /// Prepares the provider once, before the first deployment; changes nobody's traffic. Run twice it
    /// is as run once. `live` is the slot that has the traffic, where somebody said it. Returns what was
    /// done, a line each.
    ///
    /// # Errors
    /// When it could not be prepared, or it cannot be told which slot is live.
    async fn init(
        config: &Self::Config,
        secrets: &Secrets,
        live: Option<Slot>,
    ) -> Result<Vec<String>, ProviderError>;
}
