//! How many requests may be sent, with a share for going back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bluegreen_core::{Clock, Monotonic};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It can wait: polling, metrics, making ready.
    Routine,
    /// A rollback consists of such requests.
    Rollback,
}

/// How many requests of a service are sent: a token bucket.
///
/// AWS throttles by account and region with buckets of its own (for load balancers see
/// [Request throttling](https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/throttling.html)); staying
/// below them costs a wait here, and being throttled there costs one as well, of unknown length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
    kept: u32,
}

impl Rate {
    /// So many requests a second (at least 1), as many at once, and a fifth of them kept for going back.
    #[must_use]
    pub const fn a_second(requests: u32) -> Self {
        let requests = if requests == 0 { 1 } else { requests };
        Self {
            per_second: requests,
            burst: requests,
            kept: requests / 5,
        }
    }

    /// With another number of requests at once (at least 1), before they are spread over time.
    #[must_use]
    pub const fn burst(mut self, requests: u32) -> Self {
        self.burst = if requests == 0 { 1 } else { requests };
        self
    }

    /// Keeps so many of a burst for going back; never all of it.
    #[must_use]
    pub const fn keep(mut self, requests: u32) -> Self {
        self.kept = requests;
        self
    }
}

/// A bucket that fills with time.
#[derive(Debug)]
pub(super) struct Budget {
    rate: Rate,
    /// What was there, in thousandths of a request, and when.
    held: Mutex<Option<(u64, Monotonic)>>,
}

const ONE: u64 = 1_000;

impl Budget {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            held: Mutex::default(),
        }
    }

    /// Takes a request out, or says how long it has to wait.
    pub(super) fn take(&self, clock: &dyn Clock, urgency: Urgency) -> Result<(), Duration> {
        let Rate {
            per_second,
            burst,
            kept,
        } = self.rate;
        let now = clock.monotonic();
        let full = u64::from(burst) * ONE;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, at) = held.unwrap_or((full, now));
        // A request a second is a thousandth of one a millisecond.
        let grown = now.since(at).as_millis().saturating_mul(u128::from(per_second));
        let there = before
            .saturating_add(u64::try_from(grown).unwrap_or(full))
            .min(full);
        let kept = match urgency {
            Urgency::Rollback => 0,
            Urgency::Routine => u64::from(kept.min(burst - 1)) * ONE,
        };
        let needed = ONE + kept;
        if there < needed {
            *held = Some((there, now));
            let millis = (needed - there).div_ceil(u64::from(per_second));
            return Err(Duration::from_millis(millis.max(1)));
        }
        *held = Some((there - ONE, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluegreen_core::SystemClock;

    #[test]
    fn routine_leaves_a_share_for_going_back() {
        let clock = SystemClock::new();
        let budget = Budget::new(Rate::a_second(1).burst(5).keep(2));
        for _ in 0..3 {
            budget.take(&clock, Urgency::Routine).unwrap();
        }
        let wait = budget.take(&clock, Urgency::Routine).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        budget.take(&clock, Urgency::Rollback).unwrap();
        budget.take(&clock, Urgency::Rollback).unwrap();
        budget.take(&clock, Urgency::Rollback).unwrap_err();
    }

    #[test]
    fn a_bucket_of_one_still_lets_routine_through() {
        let budget = Budget::new(Rate::a_second(1).keep(7));
        budget.take(&SystemClock::new(), Urgency::Routine).unwrap();
    }
}
