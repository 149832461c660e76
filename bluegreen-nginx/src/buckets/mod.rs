//! The router that switches without a reload.

use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Clock, Fault, Granularity, InFlight, Observation, Op, Router, RouterCapabilities, Slot, Split,
    SystemClock, Token, Verification,
};

use crate::control::{self, Seen, field, markers};
use crate::fence::{Claim, green_points, split_of_green};
use crate::install::{Installed, PATIENCE, Site};
use crate::render;
use crate::transport::{Change, Commit, Committed, Folder, LINK, SENTINEL, STATE, Transport};
use crate::{Buckets, InvalidConfig, Key, NginxConfig, NginxError};

/// Holds the split in a folder that nginx looks into with each request. A switch is one rename and
/// needs no reload: no connection is dropped, and the next request on any connection follows it.
#[derive(Debug, Clone)]
pub struct BucketRouter {
    name: String,
    config: NginxConfig,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl BucketRouter {
    /// A router named `nginx-<service>`.
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

    /// Writes the files that nginx includes, has nginx test them, reloads once and waits until the new
    /// workers have taken over. When nothing is different, nothing is done. Changes nobody's side.
    ///
    /// `live` is the slot to which everybody goes if nginx can no longer see the folder. None keeps the
    /// slot that is installed; at the first time it is the one that the folder gives everything to, or
    /// blue. Another slot than the installed one costs a reload, so name it where a reload is planned
    /// anyway, not with each deployment.
    ///
    /// # Errors
    /// When nginx refuses the files or does not take them, with what it said; then the old files are
    /// back and nginx goes on with them. When its workers cannot see the folder.
    pub async fn install(&self, live: Option<Slot>) -> Result<Installed, Fault> {
        self.try_install(live)
            .await
            .map_err(|error| self.fault(error, "install"))
    }

    async fn try_install(&self, live: Option<Slot>) -> Result<Installed, NginxError> {
        let config = &self.config;
        let installed = self.transport.read(&config.http_include).await?;
        let installed = installed.as_deref().and_then(render::recorded_live);
        let held = self.held().await?;
        if let (Some(live), Some(Written { split, .. })) = (live, &held)
            && *split == Split::all(live.other())
        {
            return Err(NginxError::WrongLive { live, split: *split });
        }
        let only = held.as_ref().and_then(|held| held.split.only());
        let live = live.or(installed).or(only).unwrap_or(Slot::Blue);
        let split = held.as_ref().map_or(Split::all(live), |held| held.split);
        let of = held.as_ref().map_or(config.buckets, |held| held.of);
        // Where the number of buckets changes, old and new workers look for different names.
        if held.is_none() || of != config.buckets {
            self.place(
                None,
                Change::Switch(folder(&[of, config.buckets], split, None)),
                PATIENCE,
            )
            .await?;
        }
        let rendered = render::buckets(config, live);
        let running = Seen::ask(&*self.transport, config)
            .await
            .ok()
            .map(|seen| seen.config);
        let reloaded = self.site().apply(None, &rendered, running.as_deref()).await?;
        if of != config.buckets {
            self.place(
                None,
                Change::Switch(folder(&[config.buckets], split, None)),
                PATIENCE,
            )
            .await?;
        }
        self.check(&Seen::ask(&*self.transport, config).await?)?;
        let warnings = self.site().warnings(&rendered).await?;
        Ok(Installed { reloaded, warnings })
    }

    // The split that the folder was written for, none where there is no whole folder.
    async fn held(&self) -> Result<Option<Written>, NginxError> {
        let link = self.config.directory.join(LINK);
        if self.transport.read(&link.join(SENTINEL)).await?.is_none() {
            return Ok(None);
        }
        let state = self.transport.read(&link.join(STATE)).await?.unwrap_or_default();
        let number = |name| field(&state, name)?.parse::<u16>().ok();
        let written = number("green=")
            .and_then(|points| split_of_green(points.into()))
            .zip(number("of=").and_then(|count| Buckets::try_from(count).ok()));
        let (split, of) = written.ok_or_else(|| NginxError::Foreign {
            path: link.join(STATE),
            found: format!("{state:?} is no split"),
        })?;
        Ok(Some(Written { split, of }))
    }

    fn site(&self) -> Site<'_> {
        Site {
            config: &self.config,
            transport: &*self.transport,
            clock: &*self.clock,
            reload_timeout: self.config.reload_timeout,
        }
    }

    // Whether nginx runs what this router would render, and sees the folder.
    fn check(&self, seen: &Seen) -> Result<(), NginxError> {
        let expected = render::buckets(&self.config, seen.fallback).digest;
        if seen.config != expected {
            return Err(NginxError::OtherConfig {
                running: seen.config.clone(),
                expected,
            });
        }
        if !seen.ready {
            return Err(NginxError::Unseen {
                path: self.config.directory.join(LINK).join(SENTINEL),
            });
        }
        Ok(())
    }

    async fn place(
        &self,
        claim: Option<Claim>,
        change: Change,
        patience: std::time::Duration,
    ) -> Result<Committed, NginxError> {
        let directory = self.config.directory.clone();
        self.transport
            .commit(&Commit {
                directory,
                claim,
                change,
                patience,
            })
            .await
    }

    async fn try_stage(&self, op: &Op) -> Result<(), NginxError> {
        let seen = Seen::ask(&*self.transport, &self.config).await?;
        self.check(&seen)?;
        let folder = folder(&[self.config.buckets], seen.split(&self.config), Some(op.token));
        let claim = Claim::compared(op.token);
        self.place(Some(claim), Change::Rehearse(folder), PATIENCE.min(op.budget))
            .await
            .map(|_| ())
    }

    async fn try_shift(&self, op: &Op, split: Split) -> Result<(), NginxError> {
        if !self.capabilities().can_hold(split) {
            return Err(NginxError::TooFine {
                split,
                steps: self.config.buckets.count(),
            });
        }
        let folder = folder(&[self.config.buckets], split, Some(op.token));
        let claim = Claim::of(op.token, split);
        let done = self
            .place(Some(claim), Change::Switch(folder), PATIENCE.min(op.budget))
            .await?;
        if let Some(found) = done.repaired {
            tracing::warn!(router = self.name, %split, found, "the folder of the split had been changed by somebody else");
        }
        Ok(())
    }

    fn fault(&self, error: NginxError, operation: &'static str) -> Fault {
        // Of several hosts it is the name that tells which.
        let resource = format!("{} ({})", self.name, self.config.directory.display());
        error.fault(operation, &resource)
    }
}

struct Written {
    split: Split,
    of: Buckets,
}

/// The folder for a split, with the markers of so many buckets.
fn folder(sizes: &[Buckets], split: Split, token: Option<Token>) -> Folder {
    let mut names: Vec<String> = sizes.iter().flat_map(|size| markers(*size, split)).collect();
    names.sort();
    names.dedup();
    let of = sizes.last().map_or(0, |size| size.count());
    let token = token.map_or_else(String::new, |token| {
        format!("token={} {}\n", token.epoch, token.seq)
    });
    let state = format!(
        "green={}\nof={of}\nmarked={}\n{token}",
        green_points(split),
        names.len()
    );
    Folder {
        markers: names,
        state,
    }
}

#[async_trait]
impl Router for BucketRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(Granularity::Steps(self.config.buckets.count()))
            .affinity(self.config.key != Key::RequestId)
    }

    async fn observe(&self, _op: &Op) -> Result<Observation, Fault> {
        let seen = Seen::ask(&*self.transport, &self.config)
            .await
            .map_err(|error| self.fault(error, "observe"))?;
        let observation = Observation::new(seen.split(&self.config), seen.evidence(&self.config));
        Ok(match seen.token {
            Some(token) => observation.token(token),
            None => observation,
        })
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
        let seen = match Seen::ask(&*self.transport, &self.config).await {
            Ok(seen) => seen,
            Err(error) => {
                return Ok(Verification::Unknown {
                    why: error.to_string(),
                });
            }
        };
        let evidence = seen.evidence(&self.config);
        Ok(match self.check(&seen) {
            Err(error @ NginxError::OtherConfig { .. }) => Verification::Unknown {
                why: error.to_string(),
            },
            _ if seen.routes(&self.config, split) => Verification::Live { evidence },
            _ => Verification::NotYet { why: evidence },
        })
    }

    async fn in_flight(&self, _op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        control::in_flight(&*self.transport, &self.config, &*self.clock, slot)
            .await
            .map_err(|error| self.fault(error, "in_flight"))
    }
}
