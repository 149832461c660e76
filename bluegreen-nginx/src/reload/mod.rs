//! The router that switches by a reload, for setups that want the split in the configuration itself.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Clock, Fault, Granularity, InFlight, Observation, Op, Router, RouterCapabilities, Share, Slot, Split,
    SystemClock, Verification,
};

use crate::control::{self, field, url};
use crate::fence::{Claim, Fence, split_of_green};
use crate::install::{Installed, PATIENCE, Site};
use crate::render;
use crate::transport::{Change, Commit, FENCE, Transport};
use crate::{InvalidConfig, Key, NginxConfig, NginxError};

/// What a reload costs the clients.
const COST: &str = "each shift reloads nginx: idle keep-alive connections are dropped (about 40 of 64 measured), a request that a client sends at that moment fails, and old workers stay until their last request or websocket has ended";

/// Holds the split in nginx's configuration; each shift is a tested and confirmed reload. Prefer
/// [`BucketRouter`](crate::BucketRouter), which costs the clients nothing.
#[derive(Debug, Clone)]
pub struct ReloadRouter {
    name: String,
    config: NginxConfig,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

/// What the running configuration says.
struct Running {
    split: Split,
    digest: String,
}

impl ReloadRouter {
    /// A router named `nginx-<service>`. The number of buckets in the configuration means nothing here.
    ///
    /// # Errors
    /// With everything that is wrong with the configuration.
    pub fn new(config: NginxConfig, transport: Arc<dyn Transport>) -> Result<Self, InvalidConfig> {
        config.check()?;
        Ok(Self {
            name: format!("nginx-{}", config.name),
            config,
            transport,
            clock: Arc::new(SystemClock::new()),
        })
    }

    /// With another name; each of several nginx hosts of a service needs its own.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Writes the files that nginx includes, keeping the split that runs (everything to `live` where
    /// none runs yet), tests and reloads. When nothing is different, nothing is done.
    ///
    /// # Errors
    /// When nginx refuses the files or does not take them; then the old files are back.
    pub async fn install(&self, live: Slot) -> Result<Installed, Fault> {
        let install = async {
            let running = self.running().await.ok();
            let split = running.as_ref().map_or(Split::all(live), |running| running.split);
            let rendered = render::reload(&self.config, split);
            let digest = running.map(|running| running.digest);
            let reloaded = self.site().apply(None, &rendered, digest.as_deref()).await?;
            let warnings = self.site().warnings(&rendered).await?;
            Ok(Installed { reloaded, warnings })
        };
        install.await.map_err(|error| self.fault(error, "install"))
    }

    fn site(&self) -> Site<'_> {
        Site {
            config: &self.config,
            transport: &*self.transport,
            clock: &*self.clock,
            reload_timeout: self.config.reload_timeout,
        }
    }

    async fn running(&self) -> Result<Running, NginxError> {
        let url = url(&self.config, "split");
        let answers = self.transport.get(std::slice::from_ref(&url)).await?;
        let body = answers.first().map_or("", |answer| answer.body.as_str());
        let split = field(body, "green=").and_then(|points| split_of_green(points.parse().ok()?));
        match (split, field(body, "config=")) {
            (Some(split), Some(digest)) => Ok(Running {
                split,
                digest: digest.to_owned(),
            }),
            _ => Err(NginxError::Unreadable {
                url,
                found: format!("{:?}", body.chars().take(80).collect::<String>()),
            }),
        }
    }

    // Whether nginx runs what this router would render.
    fn check(&self, running: &Running) -> Result<(), NginxError> {
        let expected = render::reload(&self.config, running.split).digest;
        if running.digest == expected {
            Ok(())
        } else {
            Err(NginxError::OtherConfig {
                running: running.digest.clone(),
                expected,
            })
        }
    }

    async fn try_observe(&self) -> Result<Observation, NginxError> {
        let running = self.running().await?;
        let evidence = format!(
            "nginx at {} runs configuration {}",
            self.config.control, running.digest
        );
        let observation = Observation::new(running.split, evidence);
        let path = self.config.directory.join(FENCE);
        Ok(match self.transport.read(&path).await? {
            Some(line) => observation.token(Fence::parse(&line, &path)?.token),
            None => observation,
        })
    }

    async fn try_stage(&self, op: &Op) -> Result<(), NginxError> {
        self.check(&self.running().await?)?;
        let commit = Commit {
            directory: self.config.directory.clone(),
            claim: Some(Claim::compared(op.token)),
            change: Change::Files {
                files: Vec::new(),
                test: Vec::new(),
            },
            patience: PATIENCE.min(op.budget),
        };
        self.transport.commit(&commit).await?;
        self.site().test().await
    }

    async fn try_shift(&self, op: &Op, split: Split) -> Result<(), NginxError> {
        let running = self.running().await.ok().map(|running| running.digest);
        let rendered = render::reload(&self.config, split);
        // Time is left to put the files back when the workers do not come.
        let mut site = self.site();
        site.reload_timeout = site.reload_timeout.min(op.budget / 2);
        site.apply(Some(Claim::of(op.token, split)), &rendered, running.as_deref())
            .await?;
        Ok(())
    }

    async fn try_verify(&self, split: Split) -> Result<Verification, NginxError> {
        let running = self.running().await?;
        self.check(&running)?;
        let confirmed = self.site().confirmed().await?;
        let control = self.config.control;
        Ok(if running.split != split {
            Verification::NotYet {
                why: format!("nginx at {control} runs {}", running.split),
            }
        } else if confirmed.as_deref() == Some(running.digest.as_str()) {
            let digest = running.digest;
            Verification::Live {
                evidence: format!(
                    "nginx at {control} runs configuration {digest}; all workers of before have ended or take no requests"
                ),
            }
        } else {
            Verification::NotYet {
                why: "the reload was not confirmed: old workers may still take requests".to_owned(),
            }
        })
    }

    fn fault(&self, error: NginxError, operation: &'static str) -> Fault {
        // Of several hosts it is the name that tells which.
        let resource = format!("{} ({})", self.name, self.config.directory.display());
        error.fault(operation, &resource)
    }
}

#[async_trait]
impl Router for ReloadRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(Granularity::Steps(Share::ALL.basis_points()))
            .affinity(self.config.key != Key::RequestId)
            .cost(COST)
    }

    async fn observe(&self, _op: &Op) -> Result<Observation, Fault> {
        self.try_observe()
            .await
            .map_err(|error| self.fault(error, "observe"))
    }

    async fn stage(&self, op: &Op, _slot: Slot) -> Result<(), Fault> {
        self.try_stage(op)
            .await
            .map_err(|error| self.fault(error, "stage"))
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        self.try_shift(op, split)
            .await
            .map_err(|error| self.fault(error, "shift"))
    }

    async fn verify(&self, _op: &Op, split: Split) -> Result<Verification, Fault> {
        Ok(self
            .try_verify(split)
            .await
            .unwrap_or_else(|error| Verification::Unknown {
                why: error.to_string(),
            }))
    }

    async fn in_flight(&self, _op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        control::in_flight(&*self.transport, &self.config, &*self.clock, slot)
            .await
            .map_err(|error| self.fault(error, "in_flight"))
    }
}
