//! The right to act: claiming, keeping and giving back the lease, and storing each state before it
//! is acted on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::record::{Head, Lease, Record, Renewed};
use super::report::Timeline;
use super::{DeployError, Parts};
use crate::lifecycle::{Entry, Event, Lifecycle};
use crate::{StoreError, StoreVersion, Timestamp, Token};

/// The wait between two tries to reach a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// The right to act on a service, and its record as it is in the store.
#[derive(Debug)]
pub(super) struct Held {
    parts: Arc<Parts>,
    record: Record,
    version: StoreVersion,
    renewed: Renewed,
    ttl: Duration,
    writes: u64,
    /// The phases of the open operation, where this deployer has seen all of them.
    timeline: Option<Timeline>,
}

/// What a write changes.
enum Change {
    Renew,
    Apply(Event),
    Begin(Arc<Lifecycle>, Event),
}

/// A record as it is in the store.
pub(super) type Loaded = Option<(StoreVersion, Record)>;

impl Parts {
    pub(super) async fn load(&self) -> Result<Loaded, DeployError> {
        let Some(found) = self.store.load(self.keys.record()).await? else {
            return Ok(None);
        };
        Ok(Some((found.version, Record::decode(&found.body)?)))
    }

    /// Stores a record with another head and, if there is one, another entry.
    async fn put(
        &self,
        expected: Option<&StoreVersion>,
        record: &Record,
        head: &Head,
        line: Option<&str>,
    ) -> Result<StoreVersion, PutError> {
        let body = record.encode(head, line).map_err(PutError::Fatal)?;
        Ok(self
            .store
            .store(self.keys.record(), expected.cloned(), Bytes::from(body))
            .await?)
    }

    /// What an operator asks for: one write beside the lease of whoever is at work. `change` looks at
    /// the state and says what happens, or why it cannot.
    pub(super) async fn request(
        &self,
        change: impl Fn(&Lifecycle) -> Result<Event, DeployError>,
    ) -> Result<Arc<Lifecycle>, DeployError> {
        const TRIES: u32 = 50;
        for _ in 0..TRIES {
            let Some((version, record)) = self.load().await? else {
                return Err(DeployError::NothingToDo(
                    "nothing has been deployed yet".to_owned(),
                ));
            };
            let at = self.clock.now();
            let event = change(record.lifecycle())?;
            let mut head = record.head.clone();
            head.lifecycle = Arc::new(record.lifecycle().clone().apply(at, &event));
            let entry = entry(&head.lifecycle, at, event);
            let line = entry.as_ref().map(line).transpose()?;
            match self.put(Some(&version), &record, &head, line.as_deref()).await {
                Ok(_) => {
                    if let Some(entry) = &entry {
                        self.observer.observe(entry);
                    }
                    self.woken.notify_waiters();
                    return Ok(head.lifecycle);
                }
                // Whoever is at work has written; an unknown outcome is asked again on what is there.
                Err(PutError::Conflict | PutError::Unknown(_)) => {}
                Err(PutError::Unavailable(_)) => self.clock.sleep(STORE_PAUSE).await,
                Err(PutError::Fatal(error)) => return Err(error),
            }
        }
        Err(DeployError::NothingToDo(format!(
            "the record changed {TRIES} times while it was being written; try again"
        )))
    }
}

/// Why a write of the record did not end well.
enum PutError {
    Conflict,
    Unavailable(StoreError),
    Unknown(StoreError),
    Fatal(DeployError),
}

impl From<StoreError> for PutError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict,
            StoreError::Unavailable { .. } => Self::Unavailable(error),
            StoreError::Unknown { .. } => Self::Unknown(error),
            StoreError::Refused { .. } => Self::Fatal(error.into()),
        }
    }
}

fn entry(lifecycle: &Lifecycle, at: Timestamp, event: Event) -> Option<Entry> {
    let run = lifecycle.run()?;
    Some(Entry {
        deployment: run.id,
        at,
        phase: run.phase,
        step: run.phase.belongs_to_a_step().then_some(run.step + 1),
        event,
    })
}

/// An entry as the record keeps it.
fn line(entry: &Entry) -> Result<String, DeployError> {
    let kept = entry.event.abridged();
    let written = match kept {
        None => serde_json::to_string(entry),
        Some(event) => serde_json::to_string(&Entry { event, ..entry.clone() }),
    };
    written.map_err(|error| DeployError::Record {
        message: error.to_string(),
    })
}

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
        let (version, mut record) = match loaded {
            Some((version, record)) => (Some(version), record),
            None => (None, Record::new()),
        };
        let mut head = record.head.clone();
        head.token = Token {
            epoch: head.token.epoch.saturating_add(1),
            seq: 0,
        };
        let now = Renewed {
            monotonic: parts.clock.monotonic(),
            wall: parts.clock.now(),
        };
        head.lease = Some(Lease {
            holder: parts.holder.clone(),
            since: now.wall,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            renewal: 0,
        });
        let version = match parts.put(version.as_ref(), &record, &head, None).await {
            Ok(version) => version,
            Err(PutError::Conflict) => return Ok(None),
            Err(PutError::Fatal(error)) => return Err(error),
            Err(PutError::Unavailable(error) | PutError::Unknown(error)) => {
                // Whether it was written shows when it is read back: the holder's name is never the
                // same twice.
                match parts.load().await? {
                    Some((version, found)) if is_mine(&found.head, &head) => version,
                    _ => return Err(error.into()),
                }
            }
        };
        record.accept(head, None);
        let mut held = Self {
            parts,
            record,
            version,
            renewed: now,
            ttl,
            writes: 1,
            timeline: None,
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
            held.commit(event).await?;
        }
        Ok(Some(held))
    }

    pub(super) const fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.record.head.lifecycle
    }

    pub(super) const fn token(&self) -> Token {
        self.record.head.token
    }

    /// The phases of the operation, where this deployer has seen all of them.
    pub(super) const fn timeline(&self) -> Option<&Timeline> {
        self.timeline.as_ref()
    }

    pub(super) const fn writes(&self) -> u64 {
        self.writes
    }

    /// Stores that an operation has begun.
    pub(super) async fn begin(&mut self, begun: Lifecycle, event: Event) -> Result<(), DeployError> {
        // A predecessor may have ended before it could put its last entries away.
        self.flush().await?;
        self.record.head.segment = 0;
        self.timeline = Some(Timeline::default());
        self.write(Change::Begin(Arc::new(begun), event)).await
    }

    /// Applies an event and stores what follows. Only after this is the next command carried out.
    pub(super) async fn commit(&mut self, event: Event) -> Result<(), DeployError> {
        self.write(Change::Apply(event)).await
    }

    /// Stores that the holder is alive.
    pub(super) async fn renew(&mut self) -> Result<(), DeployError> {
        self.write(Change::Renew).await
    }

    /// Whether somebody else has written since: an operator, or a deployer that took over. What they
    /// wrote is taken in.
    pub(super) async fn look(&mut self) -> Result<bool, DeployError> {
        let Some(found) = self.parts.store.load(self.parts.keys.record()).await? else {
            return Err(DeployError::LeaseLost {
                why: "the record is gone".to_owned(),
            });
        };
        if found.version == self.version {
            return Ok(false);
        }
        let record = Record::decode(&found.body)?;
        self.take_in(found.version, record)?;
        Ok(true)
    }

    /// The newest entries of the journal as they are in the store now.
    pub(super) async fn tail(&self) -> Result<Vec<Entry>, DeployError> {
        Ok(match self.parts.store.load(self.parts.keys.record()).await? {
            Some(found) if found.version == self.version => self.record.entries(),
            Some(found) => Record::decode(&found.body)?.entries(),
            None => Vec::new(),
        })
    }

    /// How long the lease is good for without a renewal. Both clocks are asked: one stops while the
    /// machine sleeps, the other may jump.
    pub(super) fn remaining(&self) -> Duration {
        let clock = &self.parts.clock;
        let measured = clock.monotonic().since(self.renewed.monotonic);
        let shown = clock.now().since(self.renewed.wall);
        self.ttl.saturating_sub(measured.max(shown))
    }

    pub(super) const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Gives the right to act back. What is open stays open.
    pub(super) async fn release(mut self) -> Result<(), DeployError> {
        self.flush().await?;
        let released = |head: &Head| Head {
            lease: None,
            ..head.clone()
        };
        let head = released(&self.record.head);
        match self.parts.put(Some(&self.version), &self.record, &head, None).await {
            Ok(_) => {}
            Err(PutError::Conflict | PutError::Unknown(_) | PutError::Unavailable(_)) => {
                // It runs out by itself, or an operator has written: one more try on what is there.
                if let Some((version, found)) = self.parts.load().await?
                    && found.head.token.epoch == head.token.epoch
                {
                    let head = released(&found.head);
                    let _ = self.parts.put(Some(&version), &found, &head, None).await;
                }
            }
            Err(PutError::Fatal(error)) => return Err(error),
        }
        Ok(())
    }

    fn take_in(&mut self, version: StoreVersion, record: Record) -> Result<(), DeployError> {
        let (theirs, ours) = (&record.head, &self.record.head);
        let holder = |head: &Head| head.lease.as_ref().map(|lease| Arc::clone(&lease.holder));
        if holder(theirs) == holder(ours) && theirs.token.epoch == ours.token.epoch {
            self.version = version;
            self.record = record;
            // Somebody else's entries are in it.
            self.timeline = None;
            return Ok(());
        }
        let who = holder(theirs).unwrap_or_else(|| "nobody, it was given back".into());
        Err(DeployError::LeaseLost {
            why: format!("the holder is now {who}, epoch {}", theirs.token.epoch),
        })
    }

    async fn write(&mut self, change: Change) -> Result<(), DeployError> {
        if self.record.tail_is_full() {
            self.flush().await?;
        }
        let at = self.parts.clock.now();
        let (begun, mut event) = match change {
            Change::Renew => (None, None),
            Change::Apply(event) => (None, Some(event)),
            Change::Begin(begun, event) => (Some(begun), Some(event)),
        };
        loop {
            let mut head = self.record.head.clone();
            if let Some(lease) = &mut head.lease {
                lease.renewal = lease.renewal.saturating_add(1);
            }
            let mut entry = None;
            let mut kept = None;
            if let Some(event) = event.take() {
                head.lifecycle = begun
                    .clone()
                    .unwrap_or_else(|| Arc::new(Lifecycle::clone(&head.lifecycle).apply(at, &event)));
                head.token.seq = head.token.seq.saturating_add(1);
                let news = is_news(self.lifecycle(), &head.lifecycle, &event);
                entry = self::entry(&head.lifecycle, at, event);
                if news {
                    kept = entry.as_ref().map(line).transpose()?;
                }
            }
            if self.store(head, kept).await? {
                if let Some(entry) = entry {
                    self.stored(&entry);
                }
                return Ok(());
            }
            event = entry.map(|entry| entry.event);
        }
    }

    /// Writes the record once. `false` when it has to be built anew, on what is there now.
    async fn store(&mut self, head: Head, line: Option<String>) -> Result<bool, DeployError> {
        // Counted from before the write: it may take effect long before its answer arrives.
        let before = Renewed {
            monotonic: self.parts.clock.monotonic(),
            wall: self.parts.clock.now(),
        };
        self.writes += 1;
        let put = self
            .parts
            .put(Some(&self.version), &self.record, &head, line.as_deref());
        let written = match put.await {
            Ok(version) => {
                self.version = version;
                self.record.accept(head, line.as_deref());
                true
            }
            Err(PutError::Fatal(error)) => return Err(error),
            Err(PutError::Unavailable(error)) => {
                self.pause_or_give_up(&error).await?;
                false
            }
            Err(PutError::Unknown(error)) => {
                self.pause_or_give_up(&error).await?;
                self.read_back(&head).await?
            }
            Err(PutError::Conflict) => self.read_back(&head).await?,
        };
        if written {
            self.renewed = before;
        }
        Ok(written)
    }

    /// Tells who watches what has been stored.
    fn stored(&mut self, entry: &Entry) {
        tracing::debug!(
            service = %self.parts.service,
            deployment = %entry.deployment,
            phase = %entry.phase,
            event = ?entry.event,
            "stored"
        );
        if let Some(timeline) = &mut self.timeline {
            timeline.push(entry);
        }
        self.parts.observer.observe(entry);
    }

    /// Reads the record again after a conflict or an unknown outcome. `true` when it is what was to
    /// be written; otherwise what is there is taken in, if it is still ours to change.
    async fn read_back(&mut self, wanted: &Head) -> Result<bool, DeployError> {
        let found = match self.parts.load().await {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Err(DeployError::LeaseLost {
                    why: "the record is gone".to_owned(),
                });
            }
            Err(DeployError::Store(
                error @ (StoreError::Unavailable { .. } | StoreError::Unknown { .. }),
            )) => {
                self.pause_or_give_up(&error).await?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let written = is_mine(&found.1.head, wanted);
        self.take_in(found.0, found.1)?;
        Ok(written)
    }

    async fn pause_or_give_up(&self, error: &StoreError) -> Result<(), DeployError> {
        if self.remaining() <= STORE_PAUSE {
            return Err(DeployError::LeaseLost {
                why: format!("it could not be renewed in time: {error}"),
            });
        }
        self.parts.clock.sleep(STORE_PAUSE).await;
        Ok(())
    }

    /// Writes the tail of the journal into a segment of its own.
    async fn flush(&mut self) -> Result<(), DeployError> {
        let Some(number) = self.lifecycle().run().map(|run| run.id.number()) else {
            return Ok(());
        };
        if self.record.tail_is_empty() {
            return Ok(());
        }
        let body = Bytes::from(self.record.segment_body());
        loop {
            let key = self.parts.keys.segment(number, self.record.head.segment);
            match self.parts.store.put_new(&key, body.clone()).await {
                Ok(()) => break,
                // An earlier try of ours, or of a predecessor, wrote it: the next number is free.
                Err(StoreError::Conflict { .. }) => {
                    if self.parts.store.get(&key).await?.as_ref() == Some(&body) {
                        break;
                    }
                    self.record.head.segment = self.record.head.segment.saturating_add(1);
                }
                Err(error @ (StoreError::Unavailable { .. } | StoreError::Unknown { .. })) => {
                    self.pause_or_give_up(&error).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.record.clear_tail();
        Ok(())
    }
}

/// Whether a record is the one that this deployer wrote last: its step, its renewal, its name.
fn is_mine(found: &Head, wanted: &Head) -> bool {
    found.token == wanted.token && found.lease == wanted.lease
}

/// Ticks of a watch that change nothing are no news: they are seen by observers and not kept.
fn is_news(before: &Lifecycle, after: &Lifecycle, event: &Event) -> bool {
    match event {
        Event::Waited => false,
        Event::Watched { .. } | Event::Verified { .. } => {
            let said = |lifecycle: &Lifecycle, other: &Lifecycle| match (lifecycle.run(), other.run()) {
                (Some(run), Some(other)) => {
                    run.phase != other.phase
                        || run.waiting_for != other.waiting_for
                        || run.reason != other.reason
                }
                (run, other) => run.is_some() != other.is_some(),
            };
            said(before, after)
        }
        _ => true,
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
