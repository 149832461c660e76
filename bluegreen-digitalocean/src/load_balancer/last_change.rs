//! The last change that the service took from a router: what has to be there, and since when it is on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bluegreen_core::{Monotonic, Split};

use super::balancer::Settings;

/// The last change, as far as this process knows it. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct LastChange(Arc<Mutex<Option<Accepted>>>);

#[derive(Debug)]
struct Accepted {
    split: Split,
    at: Monotonic,
    /// What was sent, until it was seen to be live.
    sent: Option<Settings>,
}

impl LastChange {
    /// The service has just taken it.
    pub(super) fn sent(&self, split: Split, sent: Settings, now: Monotonic) {
        *self.held() = Some(Accepted {
            split,
            at: now,
            sent: Some(sent),
        });
    }

    /// Something else is about to be sent: what comes of it may not be known.
    pub(super) fn forget(&self) {
        *self.held() = None;
    }

    /// It was there already: who has sent it, or when, need not be known. A repetition does not begin the wait anew.
    pub(super) fn found(&self, split: Split, settings: Settings, now: Monotonic) {
        let at = self.since(split);
        self.sent(split, settings, at.unwrap_or(now));
    }

    fn since(&self, split: Split) -> Option<Monotonic> {
        let held = self.held();
        let same = held.as_ref().filter(|accepted| accepted.split == split);
        same.map(|accepted| accepted.at)
    }

    /// What somebody else has changed since then, before it was live.
    pub(super) fn foreign(&self, split: Split, now: &Settings) -> Option<String> {
        let held = self.held();
        let same = held.as_ref().filter(|accepted| accepted.split == split);
        let foreign = same?.sent.as_ref()?.differences(now);
        (!foreign.is_empty()).then(|| foreign.join(", "))
    }

    /// What is left of a time that begins with the change; with the first look where somebody else has made it,
    /// or this process in an earlier life.
    pub(super) fn left(&self, split: Split, time: Duration, now: Monotonic) -> Duration {
        let since = self.since(split).unwrap_or_else(|| {
            *self.held() = Some(Accepted {
                split,
                at: now,
                sent: None,
            });
            now
        });
        time.saturating_sub(now.since(since))
    }

    /// It is live. From here on it is an operator's good right to change other settings.
    pub(super) fn is_live(&self) {
        if let Some(accepted) = self.held().as_mut() {
            accepted.sent = None;
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Accepted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
