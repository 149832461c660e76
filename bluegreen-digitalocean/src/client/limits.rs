//! How many requests may still be sent.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bluegreen_core::{Clock, Timestamp};
use http::HeaderMap;

/// DigitalOcean's limit of bursts.
const A_MINUTE: usize = 250;
/// Of which so many are kept for going back.
const KEPT_A_MINUTE: usize = 25;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It can wait: polling a host, reading metrics, making ready.
    Routine,
    /// A rollback consists of such requests.
    Rollback,
}

/// What is known of the limits.
#[derive(Debug)]
pub(crate) struct Limits {
    kept: u32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Of this hour, and when there will be more.
    hour: Option<(u32, Timestamp)>,
    /// When requests of the last minute were sent.
    sent: VecDeque<Timestamp>,
}

impl Limits {
    pub(crate) fn new(kept: u32) -> Self {
        Self {
            kept,
            known: Mutex::default(),
        }
    }

    pub(crate) const fn kept(&self) -> u32 {
        self.kept
    }

    /// Counts a request that is about to be sent, or says how long it has to wait.
    pub(crate) fn admit(&self, clock: &dyn Clock, urgency: Urgency) -> Result<(), Duration> {
        let now = clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A wall clock that was set back would keep moments of the future.
        known.sent.retain(|at| *at <= now && now.since(*at) < MINUTE);
        let (hourly, minutely) = match urgency {
            Urgency::Rollback => (0, A_MINUTE),
            Urgency::Routine => (self.kept, A_MINUTE - KEPT_A_MINUTE),
        };
        // With nothing left only the service knows whether that still holds: a rollback asks it.
        if let Some((left, more_at)) = known.hour
            && hourly > 0
            && left <= hourly
            && now < more_at
        {
            return Err(more_at.since(now).min(HOUR));
        }
        if known.sent.len() >= minutely
            && let Some(oldest) = known.sent.front()
        {
            return Err(MINUTE.saturating_sub(now.since(*oldest)));
        }
        known.sent.push_back(now);
        Ok(())
    }

    /// Takes over what an answer says.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        let left = number(headers, "ratelimit-remaining").and_then(|left| u32::try_from(left).ok());
        let reset = number(headers, "ratelimit-reset").and_then(|secs| i64::try_from(secs).ok());
        if let (Some(left), Some(reset)) = (left, reset) {
            let more_at = Timestamp::from_millis(reset.saturating_mul(1_000));
            self.known.lock().unwrap_or_else(PoisonError::into_inner).hour = Some((left, more_at));
        }
    }
}

/// The wait that an answer with status 429 asks for. `retry-after` is sent for bursts only; the hourly limit
/// says when there will be more.
pub(crate) fn wait_asked_for(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if let Some(secs) = number(headers, "retry-after") {
        return Some(Duration::from_secs(secs).min(HOUR));
    }
    let reset = i64::try_from(number(headers, "ratelimit-reset")?).ok()?;
    let wait = Timestamp::from_millis(reset.saturating_mul(1_000)).since(now);
    (!wait.is_zero()).then(|| wait.min(HOUR))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
