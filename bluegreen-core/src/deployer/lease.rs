//! The right to act: claiming it, keeping it alive, giving it back.

use std::sync::Arc;
use std::time::Duration;

use super::analyst::Analyst;
use super::record::{Head, Lease, Lines, Record, Renewed};
use super::report::Timeline;
use super::write::{Pending, PutError, is_mine};
use super::{DeployError, Parts};
use crate::lifecycle::{Event, Lifecycle, Run};
use crate::migration::Underway;
use crate::{Monotonic, StoreVersion, Token};

/// The right to act on a service, its record as it is in the store, and what has happened since.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) parts: Arc<Parts>,
    /// As it is in the store.
    pub(super) record: Record,
    pub(super) version: StoreVersion,
    pub(super) renewed: Renewed,
    ttl: Duration,
    pub(super) writes: u64,
    /// When the store was last heard.
    pub(super) seen: Monotonic,
    /// The state now: the stored one, and what is pending.
    pub(super) lifecycle: Arc<Lifecycle>,
    /// What has happened and is not stored yet.
    pub(super) pending: Vec<Pending>,
    /// What of it is news, as the journal keeps it.
    pub(super) lines: Lines,
    /// The phases of the open operation, where this deployer has seen all of them.
    pub(super) timeline: Option<Timeline>,
    /// What is learned now; each write of the record takes it along.
    pub(super) analyst: Option<Arc<Analyst>>,
    /// How far changes over several deployments are now, where that has changed.
    pub(super) underway: Option<Arc<Vec<Underway>>>,
}

/// A record as it is in the store.
pub(super) type Loaded = Option<(StoreVersion, Record)>;

impl Held {
    /// Takes the right to act: at once where nobody has it, and after the holder has been seen not
    /// to renew it for its whole time where somebody has.
    pub(super) async fn claim(parts: Arc<Parts>, ttl: Duration) -> Result<Self, DeployError> {
        let mut seen: Option<(Token, u64, crate::Monotonic)> = None;
        loop {
            let loaded = parts.load().await?;
            let now = parts.clock.monotonic();
            if let Some(lease) = loaded.as_ref().and_then(|(_, record)| record.head.lease.as_ref()) {
                let token = loaded
                    .as_ref()
                    .map(|(_, record)| record.head.token)
                    .unwrap_or_default();
                match seen {
                    // It moved: whoever holds it is alive.
                    Some((first, renewal, _)) if (first, renewal) != (token, lease.renewal) => {
                        return Err(held(&parts, &loaded, lease));
                    }
                    Some((.., since)) if now.since(since) >= Duration::from_millis(lease.ttl_ms) => {}
                    Some(_) => {
                        parts.clock.sleep(poll_of(lease)).await;
                        continue;
                    }
                    None => {
                        seen = Some((token, lease.renewal, now));
                        continue;
                    }
                }
            }
            match Self::take(Arc::clone(&parts), loaded, ttl).await? {
                Some(held) => return Ok(held),
                // Somebody wrote in between: look again.
                None => seen = None,
            }
        }
    }

    async fn take(parts: Arc<Parts>, loaded: Loaded, ttl: Duration) -> Result<Option<Self>, DeployError> {
        let (version, record) = match loaded {
            Some((version, record)) => (Some(version), record),
            None => (None, Record::new()),
        };
        let mut taken = record.head.clone();
        taken.token = Token {
            epoch: taken.token.epoch.saturating_add(1),
            seq: 0,
        };
        let now = Renewed {
            monotonic: parts.clock.monotonic(),
            wall: parts.clock.now(),
        };
        taken.lease = Some(Lease {
            holder: parts.holder.clone(),
            since: now.wall,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            renewal: 0,
        });
        let (record, body) = record.next(taken, &Lines::default())?;
        let (version, record) = match parts.put(version.as_ref(), body).await {
            Ok(version) => (version, record),
            Err(PutError::Conflict) => return Ok(None),
            Err(PutError::Fatal(error)) => return Err(error),
            Err(PutError::Unavailable(error) | PutError::Unknown(error)) => {
                // Whether it was written shows when it is read back: the holder's name is never the
                // same twice. An operator may have written beside it already.
                match parts.load().await? {
                    Some((version, found)) if is_mine(&found.head, &record.head) => (version, found),
                    _ => return Err(error.into()),
                }
            }
        };
        let lifecycle = Arc::clone(&record.head.lifecycle);
        let mut held = Self {
            parts,
            record,
            version,
            renewed: now,
            ttl,
            writes: 1,
            seen: now.monotonic,
            lifecycle,
            pending: Vec::new(),
            lines: Lines::default(),
            timeline: None,
            analyst: None,
            underway: None,
        };
        // What an open operation was doing is not known, whoever held the lease.
        let resumes = held.lifecycle().open().is_some();
        if resumes {
            let event = Event::Claimed {
                holder: held.parts.holder.to_string(),
                epoch: held.record.head.token.epoch,
                takeover: true,
                settle_ms: u64::try_from(held.parts.settle().as_millis()).unwrap_or(u64::MAX),
            };
            held.apply(event)?;
            held.store().await?;
        }
        Ok(Some(held))
    }

    /// The analysis of the operation, as long as it is needed.
    pub(super) fn analyst(&mut self, run: &Run) -> Option<Arc<Analyst>> {
        if !Analyst::is_needed(run) {
            self.analyst = None;
        } else if self.analyst.is_none() {
            let (clock, learned) = (Arc::clone(&self.parts.clock), self.record.head.learned.as_ref());
            let sources = self.parts.sources(run).unwrap_or_default();
            self.analyst = Analyst::new(run, sources, clock, learned).map(Arc::new);
        }
        self.analyst.clone()
    }

    /// How far changes over several deployments are, as far as is known.
    pub(super) fn underway(&self) -> &[Underway] {
        self.underway.as_ref().unwrap_or(&self.record.head.underway)
    }

    /// How long the lease is good for without a renewal. Both clocks are asked: one stops while the
    /// machine sleeps, the other may jump.
    pub(super) fn remaining(&self) -> Duration {
        self.remaining_at(self.parts.clock.monotonic())
    }

    fn remaining_at(&self, now: Monotonic) -> Duration {
        let measured = now.since(self.renewed.monotonic);
        let shown = self.parts.clock.now().since(self.renewed.wall);
        self.ttl.saturating_sub(measured.max(shown))
    }

    pub(super) const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Keeps the right to act alive, stores news that have waited for `poll`, and listens that often to
    /// what operators have written.
    pub(super) async fn keep(&mut self, poll: Duration) -> Result<(), DeployError> {
        let (now, third) = (self.parts.clock.monotonic(), self.ttl / 3);
        if self.remaining_at(now) <= self.ttl.saturating_sub(third) {
            return self.renew().await;
        }
        if now.since(self.seen) < poll {
            return Ok(());
        }
        if self.has_news() {
            self.store().await
        } else {
            self.look().await
        }
    }

    /// Gives the right to act back. What is open stays open.
    pub(super) async fn release(mut self) -> Result<(), DeployError> {
        self.store().await?;
        self.flush().await?;
        let released = |record: &Record| {
            let head = Head {
                lease: None,
                ..record.head.clone()
            };
            record.next(head, &Lines::default())
        };
        let (_, body) = released(&self.record)?;
        match self.parts.put(Some(&self.version), body).await {
            Ok(_) => {}
            Err(PutError::Conflict | PutError::Unknown(_) | PutError::Unavailable(_)) => {
                // It runs out by itself, or an operator has written: one more try on what is there.
                if let Some((version, found)) = self.parts.load().await?
                    && found.head.token.epoch == self.token().epoch
                {
                    let (_, body) = released(&found)?;
                    let _ = self.parts.put(Some(&version), body).await;
                }
            }
            Err(PutError::Fatal(error)) => return Err(error),
        }
        Ok(())
    }
}

fn held(parts: &Parts, loaded: &Loaded, lease: &Lease) -> DeployError {
    let run = loaded.as_ref().and_then(|(_, record)| record.lifecycle().open());
    DeployError::Held {
        service: parts.service.to_string(),
        holder: lease.holder.to_string(),
        since: lease.since,
        at: run.map(|run| (run.id, run.phase)),
    }
}

/// A holder renews three times in its time; looking twice as often misses none.
fn poll_of(lease: &Lease) -> Duration {
    Duration::from_millis((lease.ttl_ms / 6).clamp(20, 1000))
}
