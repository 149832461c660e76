//! Storing what has happened.
//!
//! Every state is stored before its command acts on the world. What only reads or waits may go on from a
//! state that is not stored yet: after a crash it is read again. So several events may become one write;
//! each is an entry of the journal all the same, and observers see it when it is stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::lease::{Held, Loaded};
use super::record::{Head, Learned, Record, Renewed};
use super::report::Timeline;
use super::{DeployError, Parts};
use crate::lifecycle::{Entry, Event, Lifecycle, Moment};
use crate::{Phase, StoreError, StoreVersion, Timestamp, Token};

/// The wait between two tries to reach a store that does not answer.
pub(super) const STORE_PAUSE: Duration = Duration::from_millis(250);

/// Something that has happened and is not stored yet.
#[derive(Debug)]
pub(super) struct Pending {
    entry: Entry,
    /// Where the operation was when it happened.
    during: Option<Place>,
    /// The state of an operation that begins with it.
    begun: Option<Arc<Lifecycle>>,
}

/// Where an operation is: its phase, the step, and what of the phase.
type Place = (Phase, usize, Moment);

fn place(lifecycle: &Lifecycle) -> Option<Place> {
    lifecycle.run().map(|run| (run.phase, run.step, run.moment))
}

impl Parts {
    pub(super) async fn load(&self) -> Result<Loaded, DeployError> {
        let Some(found) = self.store.load(self.keys.record()).await? else {
            return Ok(None);
        };
        Ok(Some((found.version, Record::decode(&found.body)?)))
    }

    /// Stores the body of a record.
    pub(super) async fn put(
        &self,
        expected: Option<&StoreVersion>,
        body: Bytes,
    ) -> Result<StoreVersion, PutError> {
        let key = self.keys.record();
        Ok(self.store.store(key, expected.cloned(), body).await?)
    }
}

/// Why a write of the record did not end well.
pub(super) enum PutError {
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

pub(super) fn entry(lifecycle: &Lifecycle, at: Timestamp, event: Event) -> Option<Entry> {
    let run = lifecycle.run()?;
    Some(Entry {
        deployment: run.id,
        at,
        phase: run.phase,
        step: run.phase.belongs_to_a_step().then_some(run.step + 1),
        event,
    })
}

impl Held {
    /// The state now.
    pub(super) const fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// The token whose record is in the store.
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
        let at = self.parts.clock.now();
        self.append(at, event, Some(Arc::new(begun)))?;
        self.store().await
    }

    /// Applies an event. What follows is not stored yet.
    pub(super) fn apply(&mut self, event: Event) -> Result<(), DeployError> {
        self.append(self.parts.clock.now(), event, None)
    }

    fn append(
        &mut self,
        at: Timestamp,
        event: Event,
        begun: Option<Arc<Lifecycle>>,
    ) -> Result<(), DeployError> {
        let after = begun
            .clone()
            .unwrap_or_else(|| Arc::new(Lifecycle::clone(&self.lifecycle).apply(at, &event)));
        let news = is_news(&self.lifecycle, &after, &event);
        let during = place(&self.lifecycle);
        self.lifecycle = after;
        if let Some(entry) = entry(&self.lifecycle, at, event) {
            if news {
                self.lines.push(&entry)?;
            }
            self.pending.push(Pending { entry, during, begun });
        }
        Ok(())
    }

    /// Whether something has happened that others may want to see.
    pub(super) const fn has_news(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Stores what has happened, if something has. Only after this may a command act.
    pub(super) async fn store(&mut self) -> Result<(), DeployError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.renew().await
    }

    /// Stores that the holder is alive, and with it what has happened.
    pub(super) async fn renew(&mut self) -> Result<(), DeployError> {
        if self.record.tail_is_full() {
            self.flush().await?;
        }
        while !self.write().await? {}
        self.lines.clear();
        let mut stored = std::mem::take(&mut self.pending);
        for pending in stored.drain(..) {
            self.tell(&pending.entry);
        }
        // Its room is used again.
        self.pending = stored;
        Ok(())
    }

    /// What the analysis has learned, as long as the candidate is on its way forward.
    fn learned(&self, lifecycle: &Lifecycle) -> Option<Learned> {
        lifecycle
            .open()
            .filter(|run| run.exposed && run.phase.is_forward())?;
        let now = self.analyst.as_ref().and_then(|analyst| analyst.learned());
        now.or_else(|| self.record.head.learned.clone())
    }

    /// Writes the record once. `false` when it has to be built anew, on what is there now.
    async fn write(&mut self) -> Result<bool, DeployError> {
        let mut head = self.record.head.clone();
        if let Some(lease) = &mut head.lease {
            lease.renewal = lease.renewal.saturating_add(1);
        }
        if !self.pending.is_empty() {
            head.token.seq = head.token.seq.saturating_add(1);
            head.lifecycle = Arc::clone(&self.lifecycle);
        }
        head.learned = self.learned(&head.lifecycle);
        if let Some(underway) = &self.underway {
            head.underway = Arc::clone(underway);
        }
        let (next, body) = self.record.next(head, &self.lines)?;
        // Counted from before the write: it may take effect long before its answer arrives.
        let before = Renewed {
            monotonic: self.parts.clock.monotonic(),
            wall: self.parts.clock.now(),
        };
        self.writes += 1;
        let written = match self.parts.put(Some(&self.version), body).await {
            Ok(version) => {
                self.version = version;
                self.record = next;
                true
            }
            Err(PutError::Fatal(error)) => return Err(error),
            Err(PutError::Unavailable(error)) => {
                self.pause_or_give_up(&error).await?;
                false
            }
            Err(PutError::Unknown(error)) => {
                self.pause_or_give_up(&error).await?;
                self.read_back(&next.head).await?
            }
            Err(PutError::Conflict) => self.read_back(&next.head).await?,
        };
        if written {
            self.seen = before.monotonic;
            self.renewed = before;
        }
        Ok(written)
    }

    /// Tells who watches what has been stored.
    fn tell(&mut self, entry: &Entry) {
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

    /// Takes in what somebody else has written since: an operator, or a deployer that took over.
    pub(super) async fn look(&mut self) -> Result<(), DeployError> {
        self.seen = self.parts.clock.monotonic();
        let found = match self.parts.store.load(self.parts.keys.record()).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Err(DeployError::LeaseLost {
                    why: "the record is gone".to_owned(),
                });
            }
            // Nobody is heard for a while; whether the lease can be kept decides.
            Err(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if found.version == self.version {
            return Ok(());
        }
        let record = Record::decode(&found.body)?;
        self.take_in(found.version, record)?;
        self.rebase()
    }

    /// The newest entries of the journal as they are in the store now.
    pub(super) async fn tail(&self) -> Result<Vec<Entry>, DeployError> {
        Ok(match self.parts.store.load(self.parts.keys.record()).await? {
            Some(found) if found.version == self.version => self.record.entries(),
            Some(found) => Record::decode(&found.body)?.entries(),
            None => Vec::new(),
        })
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

    /// What has happened, on top of what somebody else has written.
    fn rebase(&mut self) -> Result<(), DeployError> {
        self.lifecycle = Arc::clone(&self.record.head.lifecycle);
        self.lines.clear();
        // What it leads to now begins now: the time of a phase must not be over before it has begun.
        let now = self.parts.clock.now();
        for pending in std::mem::take(&mut self.pending) {
            // That the time of an approval was over says nothing of the way back that somebody asked for.
            let elsewhere = pending.during != place(&self.lifecycle);
            if !(elsewhere && tells_only_of_its_phase(&pending.entry.event)) {
                self.append(now, pending.entry.event, pending.begun)?;
            }
        }
        Ok(())
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
        if written {
            // An operator may have written beside it already.
            self.lifecycle = Arc::clone(&self.record.head.lifecycle);
        } else {
            self.rebase()?;
        }
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
    pub(super) async fn flush(&mut self) -> Result<(), DeployError> {
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
pub(super) fn is_mine(found: &Head, wanted: &Head) -> bool {
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
                        || run.hold != other.hold
                        || !differ_in_numbers_only(run.waiting_for.as_deref(), other.waiting_for.as_deref())
                        || run.reason != other.reason
                }
                (run, other) => run.is_some() != other.is_some(),
            };
            said(before, after)
        }
        _ => true,
    }
}

/// Whether an event means something only in the phase that it has happened in. What may still act, what
/// guards have seen and what people were told or ask for goes for any other one too.
const fn tells_only_of_its_phase(event: &Event) -> bool {
    match event {
        Event::Approved { .. }
        | Event::Assessed { .. }
        | Event::Checked { .. }
        | Event::Deferred { .. }
        | Event::Done { .. }
        | Event::Expired
        | Event::Failed { .. }
        | Event::HooksRun { .. }
        | Event::Interrupted
        | Event::Reconciled { .. }
        | Event::Verified { .. }
        | Event::Waited => true,
        Event::AbortRequested { .. }
        | Event::Claimed { .. }
        | Event::Notified { .. }
        | Event::Resolved { .. }
        | Event::ReturnRequested { .. }
        | Event::Started { .. }
        | Event::Unknown { .. }
        | Event::Watched { .. } => false,
    }
}

/// What is measured changes with each tick, what it means does not.
fn differ_in_numbers_only(one: Option<&str>, other: Option<&str>) -> bool {
    let words = |text: &'_ str| -> Vec<char> {
        text.chars()
            .filter(|c| !c.is_ascii_digit() && *c != '.')
            .collect()
    };
    one == other || one.map(words) == other.map(words)
}
