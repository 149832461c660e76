//! What this process knows of the last change: whether all servers have it, and until when resolvers may keep
//! what was before.

use std::time::Duration;

use bluegreen_core::{Clock, Monotonic, Timestamp};

use super::Weights;
use super::marker::Marker;

/// What this process has seen of the records.
#[derive(Debug, Default)]
pub(super) struct Seen {
    last: Option<Last>,
}

#[derive(Debug, Clone)]
struct Last {
    weights: Weights,
    until: Monotonic,
    pending: Option<Pending>,
}

/// A change of which it is not known yet that all servers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: String,
    /// How long answers from before it are kept.
    pub(super) keep: Duration,
    /// Until when answers from before its predecessor are.
    before: Monotonic,
}

impl Seen {
    /// Notes what a look shows, and tells until when resolvers may answer by something else. `longest`: how
    /// long that may be when nothing is known.
    pub(super) fn look(
        &mut self,
        clock: &dyn Clock,
        weights: Weights,
        marker: Option<&Marker>,
        longest: Duration,
    ) -> Monotonic {
        let now = clock.monotonic();
        let noted = |marker: &Marker| Monotonic(now.0 + marker.until.since(clock.now()));
        let until = match (&self.last, marker) {
            (Some(last), _) if last.weights == weights => return last.until,
            (_, Some(marker)) if marker.weights == weights => noted(marker),
            // Somebody else has changed it, at a time that nobody knows.
            (_, marker) => Monotonic(now.0 + longest).max(marker.map(noted).unwrap_or_default()),
        };
        self.last = Some(Last {
            weights,
            until,
            pending: None,
        });
        until
    }

    /// Notes a change that was accepted: until when answers from before it may be kept.
    pub(super) fn changed(&mut self, weights: Weights, id: String, keep: Duration, until: Monotonic) {
        let before = self.last.as_ref().map(|last| last.until).unwrap_or_default();
        self.last = Some(Last {
            weights,
            until,
            pending: Some(Pending { id, keep, before }),
        });
    }

    pub(super) fn pending(&self) -> Option<Pending> {
        self.last.as_ref().and_then(|last| last.pending.clone())
    }

    /// Notes that all servers have a change. From now on nobody is told anything else.
    pub(super) fn in_sync(&mut self, change: &Pending, now: Monotonic) {
        if let Some(last) = &mut self.last
            && last.pending.as_ref() == Some(change)
        {
            last.pending = None;
            last.until = Monotonic(now.0 + change.keep).max(change.before);
        }
    }
}

/// A moment of the clock that measures, as one of the wall clock.
pub(super) fn on_the_wall(clock: &dyn Clock, moment: Monotonic) -> Timestamp {
    clock.now().plus(moment.since(clock.monotonic()))
}
