//! Counting what really arrives at a group.

use std::fmt;

use async_trait::async_trait;
use bluegreen_core::{Fault, Op, Timestamp};

/// Counts the requests that balancers send to a target group: CloudWatch does.
#[async_trait]
pub trait TrafficCounts: fmt::Debug + Send + Sync {
    /// How many requests a group, given by its ARN, was sent in the whole periods that begin at `from` or later
    /// and have ended. `None` while there is no such period, or nothing is known of it yet: that is not zero.
    ///
    /// # Errors
    /// When the source cannot be asked.
    async fn since(&self, op: &Op, group: &str, from: Timestamp) -> Result<Option<Counted>, Fault>;
}

/// Requests in whole periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted {
    /// How many there were.
    pub requests: u64,
    /// The end of the last period that is counted.
    pub until: Timestamp,
}

impl Counted {
    /// So many requests up to a moment.
    #[must_use]
    pub const fn new(requests: u64, until: Timestamp) -> Self {
        Self { requests, until }
    }
}
