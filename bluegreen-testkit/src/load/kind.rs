//! The kinds of clients.

use std::fmt;

/// How a client behaves. What a switch loses differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Keeps its connection, and looks before each request whether it was closed meanwhile; if so it
    /// opens another, and nothing is lost. Most HTTP libraries do this.
    KeepAlive,
    /// Keeps its connection and does not look: a request on a connection that was closed fails.
    KeepAliveUnchecked,
    /// Opens a connection for each request.
    Fresh,
    /// Keeps its connection, looks, and posts a body of 1 KiB. The answer's header `x-body-length`,
    /// where there is one, must agree.
    Post,
    /// Uploads 64 KiB in pieces over about 300 ms, then waits for the answer.
    SlowUpload,
    /// Has a request in flight for 3 seconds, through `/slow?ms=3000`.
    Long,
    /// Opens a connection, upgrades it, and holds it open until the load ends: each 100 ms it sends
    /// a message and waits for its echo. Each message counts as a request.
    Upgrade,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::KeepAlive,
        Self::KeepAliveUnchecked,
        Self::Fresh,
        Self::Post,
        Self::SlowUpload,
        Self::Long,
        Self::Upgrade,
    ];

    /// Whether its requests follow the rate of the load.
    #[must_use]
    pub const fn is_paced(self) -> bool {
        matches!(
            self,
            Self::KeepAlive | Self::KeepAliveUnchecked | Self::Fresh | Self::Post
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KeepAlive => "keep-alive",
            Self::KeepAliveUnchecked => "keep-alive, unchecked",
            Self::Fresh => "fresh connections",
            Self::Post => "post",
            Self::SlowUpload => "slow upload",
            Self::Long => "long request",
            Self::Upgrade => "upgrade",
        })
    }
}
