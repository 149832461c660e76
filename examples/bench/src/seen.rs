//! What clients saw.

use std::collections::BTreeMap;

use bluegreen_testkit::load::Report;

/// How many failures are kept as examples: the first ones.
const EXAMPLES_MAX: usize = 5;

/// What the clients saw, over several loads.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Seen {
    /// Requests begun.
    pub requests: u64,
    /// Requests that failed, for whatever reason.
    pub failed: u64,
    /// By kind of client.
    pub kinds: BTreeMap<String, SeenKind>,
    /// The first ones.
    pub examples: Vec<String>,
}

/// What the clients of one kind saw.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct SeenKind {
    /// Requests begun.
    pub requests: u64,
    /// Requests that failed, for whatever reason.
    pub failed: u64,
    /// The failures by reason.
    pub reasons: BTreeMap<String, u64>,
}

impl Seen {
    /// Adds what others saw.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        for (kind, found) in &other.kinds {
            let seen = self.kinds.entry(kind.clone()).or_default();
            seen.requests += found.requests;
            seen.failed += found.failed;
            for (reason, count) in &found.reasons {
                *seen.reasons.entry(reason.clone()).or_default() += count;
            }
        }
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }

    /// Adds what one load came to.
    pub fn add(&mut self, report: &Report) {
        self.requests += report.sent;
        self.failed += report.failed();
        for (kind, found) in &report.kinds {
            let seen = self.kinds.entry(kind.to_string()).or_default();
            seen.requests += found.sent;
            seen.failed += found.failed();
            for (reason, count) in &found.failures {
                *seen.reasons.entry(reason.to_string()).or_default() += count;
            }
        }
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        let examples = report.examples.iter().take(room);
        self.examples.extend(
            examples.map(|failure| format!("{}: {}: {}", failure.kind, failure.reason, failure.detail)),
        );
    }
}
