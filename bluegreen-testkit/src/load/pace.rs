//! When the next request is due.

use std::time::Duration;

use bluegreen_core::Monotonic;

/// How much lateness is made up for by going faster. What is later than this is not sent at all.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);

/// Hands out moments at an even rate.
#[derive(Debug)]
pub(super) struct Pace {
    next: Monotonic,
    interval: Duration,
}

impl Pace {
    pub(super) fn new(start: Monotonic, rate: u32) -> Self {
        Self {
            next: start,
            interval: Duration::from_secs(1) / rate.max(1),
        }
    }

    /// How long to wait for the next turn.
    pub(super) fn turn(&mut self, now: Monotonic) -> Duration {
        let earliest = Monotonic(now.0.saturating_sub(CATCH_UP_MAX));
        let due = self.next.max(earliest);
        self.next = Monotonic(due.0 + self.interval);
        due.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_even_and_only_a_little_lateness_is_made_up_for() {
        let at = |millis| Monotonic(Duration::from_millis(millis));
        let mut pace = Pace::new(at(0), 100);
        let waits: Vec<_> = (0..3).map(|_| pace.turn(at(0)).as_millis()).collect();
        assert_eq!(waits, [0, 10, 20]);
        let at_once = std::iter::repeat_with(|| pace.turn(at(5_000))).take_while(Duration::is_zero);
        assert_eq!(at_once.count(), 11);
    }
}
