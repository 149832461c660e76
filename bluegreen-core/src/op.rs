//! What comes with every call to a port: who acts, how long the call may take, and its name.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who acts, and their how-manieth act. Tokens are ordered: a router that compares them refuses an
/// older one than it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Token {
    /// Grows with each claim of the lease.
    pub epoch: u64,
    /// Grows with each stored step of one holder.
    pub seq: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// The context of one call to a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Op {
    /// The token whose record is in the store while this call runs.
    pub token: Token,
    /// The same for every repetition of one act, other for another act: fit as a client token, an
    /// idempotency key or a tag. Letters, digits, `.` and `-`, at most 128 bytes.
    pub id: String,
    /// The call must have ended so long after it began. The deployer drops its future then, and
    /// takes the outcome as unknown.
    pub budget: Duration,
}

impl Op {
    /// A context. The deployer makes them; tests do too.
    pub fn new(token: Token, id: impl Into<String>, budget: Duration) -> Self {
        Self {
            token,
            id: id.into(),
            budget,
        }
    }
}
