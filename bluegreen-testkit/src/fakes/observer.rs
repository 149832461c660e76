//! An observer that keeps what it sees.

use std::sync::{Arc, Mutex};

use bluegreen_core::{Entry, Event, Observer};
use tokio::sync::mpsc;

use crate::lock::held;

/// Keeps every entry, and hands it to whoever subscribed.
#[derive(Debug, Clone, Default)]
pub struct RecordingObserver {
    shared: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    entries: Vec<Entry>,
    subscribers: Vec<mpsc::UnboundedSender<Entry>>,
}

impl RecordingObserver {
    /// An observer that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything seen so far, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        held(&self.shared).entries.clone()
    }

    /// The events seen so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        held(&self.shared)
            .entries
            .iter()
            .map(|entry| entry.event.clone())
            .collect()
    }

    /// Everything seen so far and from now on, through a channel. It has no bound: a test reads it,
    /// or is over soon.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Entry> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut seen = held(&self.shared);
        for entry in &seen.entries {
            // The receiver is in our hand, so nothing can be lost.
            let _ = sender.send(entry.clone());
        }
        seen.subscribers.push(sender);
        receiver
    }

    /// The first entry, seen before or yet to come, that is wanted. Waits for it; give the wait a
    /// timeout.
    pub async fn first(&self, mut wanted: impl FnMut(&Entry) -> bool) -> Entry {
        let mut entries = self.subscribe();
        loop {
            match entries.recv().await {
                Some(entry) if wanted(&entry) => return entry,
                Some(_) => {}
                // `self` holds the sender, so this does not happen while we wait.
                None => std::future::pending().await,
            }
        }
    }
}

impl Observer for RecordingObserver {
    fn observe(&self, entry: &Entry) {
        let mut seen = held(&self.shared);
        seen.entries.push(entry.clone());
        seen.subscribers
            .retain(|subscriber| subscriber.send(entry.clone()).is_ok());
    }
}
