//! How many requests the API takes.

use std::collections::VecDeque;
use std::time::Duration;

use bluegreen_core::Timestamp;

use super::answer::Refusal;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Requests of the last hour, and how many there may be.
#[derive(Debug)]
pub(super) struct Limits {
    an_hour: u32,
    a_minute: u32,
    taken: VecDeque<Timestamp>,
}

impl Limits {
    pub(super) const fn new(an_hour: u32, a_minute: u32) -> Self {
        Self {
            an_hour,
            a_minute,
            taken: VecDeque::new(),
        }
    }

    /// Counts a request, or refuses it. Only bursts are told how long to wait.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.taken.retain(|at| now.since(*at) < HOUR);
        if self.left() == 0 {
            return Err(Refusal::too_many(None));
        }
        let burst: Vec<_> = self.taken.iter().filter(|at| now.since(**at) < MINUTE).collect();
        if burst.len() >= self.a_minute as usize {
            let wait = burst
                .first()
                .map_or(MINUTE, |at| MINUTE.saturating_sub(now.since(**at)));
            return Err(Refusal::too_many(Some(wait.as_secs().max(1))));
        }
        self.taken.push_back(now);
        Ok(())
    }

    fn left(&self) -> u32 {
        self.an_hour
            .saturating_sub(u32::try_from(self.taken.len()).unwrap_or(u32::MAX))
    }

    /// `ratelimit-limit`, `ratelimit-remaining`, `ratelimit-reset`.
    pub(super) fn headers(&self, now: Timestamp) -> [(&'static str, i64); 3] {
        let oldest = self.taken.front().copied().unwrap_or(now);
        let reset = oldest.plus(HOUR).as_millis() / 1_000;
        [
            ("ratelimit-limit", i64::from(self.an_hour)),
            ("ratelimit-remaining", i64::from(self.left())),
            ("ratelimit-reset", reset),
        ]
    }
}
