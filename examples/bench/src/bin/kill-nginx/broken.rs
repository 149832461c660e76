//! Switches that are wrong on purpose, to show that this load would notice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bluegreen_core::{
    Fault, Host, InFlight, Observation, Op, Router, RouterCapabilities, Slot, Split, Verification,
};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Break {
    /// The old side is killed as soon as it gets no new requests.
    EarlyRetire,
    /// Each switch reloads nginx, as runbooks do.
    LossyReload,
    /// What it is told counts as done and as live, and nothing is done.
    LyingRouter,
}

/// A router that does the wrong thing with each shift.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) router: Arc<dyn Router>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) how: Break,
    /// nginx and its arguments.
    pub(crate) nginx: Vec<String>,
    /// What a liar was told last.
    pub(crate) told: Mutex<Option<Split>>,
}

impl Broken {
    fn told(&self) -> MutexGuard<'_, Option<Split>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Router for Broken {
    fn name(&self) -> &str {
        self.router.name()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let told = *self.told();
        match told {
            Some(split) => Ok(Observation::new(split, "a lie")),
            None => self.router.observe(op).await,
        }
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        self.router.stage(op, slot).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        if self.how == Break::LyingRouter {
            *self.told() = Some(split);
            return Ok(());
        }
        self.router.shift(op, split).await?;
        match (self.how, split.only()) {
            (Break::EarlyRetire, Some(live)) => self.host.retire(op, live.other()).await,
            (Break::EarlyRetire, None) | (Break::LyingRouter, _) => Ok(()),
            (Break::LossyReload, _) => {
                let (program, arguments) = self.nginx.split_first().ok_or_else(no_reload)?;
                let mut reload = tokio::process::Command::new(program);
                let status = reload.args(arguments).args(["-s", "reload"]).status().await;
                if status.is_ok_and(|status| status.success()) {
                    Ok(())
                } else {
                    Err(no_reload())
                }
            }
        }
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let told = *self.told();
        if told == Some(split) {
            let evidence = "a lie".to_owned();
            return Ok(Verification::Live { evidence });
        }
        self.router.verify(op, split).await
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        self.router.in_flight(op, slot).await
    }
}

fn no_reload() -> Fault {
    Fault::rejected("nginx", "reload", "it could not be reloaded")
}
