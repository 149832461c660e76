//! What came of the requests.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bluegreen_core::{Monotonic, Slot, Timestamp};

use super::histogram::{Histogram, Latency};
use super::kind::Kind;

/// How many failures are kept as examples: the first ones.
const EXAMPLES_MAX: usize = 20;

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No connection could be opened.
    Connect,
    /// The connection was closed or reset before the answer had ended.
    Reset,
    /// The answer's status was not one of success.
    Status,
    /// There was no complete answer in time.
    Timeout,
    /// The answer was not what it should have been: no HTTP, another echo, another length.
    WrongBody,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::WrongBody => "wrong body",
        })
    }
}

/// One request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The kind of its client.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// What was seen.
    pub detail: String,
    /// When it was begun, on the load's clock.
    pub begun: Monotonic,
}

/// The requests of one kind of client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindReport {
    /// Requests begun.
    pub sent: u64,
    /// Requests with the answer that they should have.
    pub answered: u64,
    /// Requests without, by reason.
    pub failures: BTreeMap<Reason, u64>,
}

impl KindReport {
    /// Requests that failed, for whatever reason.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// The requests that one slot has answered, by the header `x-slot` of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotReport {
    /// Requests that it has answered as it should.
    pub answered: u64,
    /// Requests that it has answered otherwise.
    pub failed: u64,
    /// When the last request that it has answered was begun, on the load's clock: with the moment of
    /// a decision, this tells how long the old side got new requests. Messages on a connection that
    /// had been upgraded before are not counted here: they stay where they are.
    pub last_begun: Monotonic,
    /// The same on the wall clock, to compare across processes.
    pub last_begun_at: Timestamp,
}

/// What came of the requests so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The time since the start.
    pub elapsed: Duration,
    /// Requests begun.
    pub sent: u64,
    /// Requests with the answer that they should have.
    pub answered: u64,
    /// Requests without, by reason.
    pub failures: BTreeMap<Reason, u64>,
    /// By kind of client.
    pub kinds: BTreeMap<Kind, KindReport>,
    /// By the slot that answered, where the answer says which.
    pub slots: BTreeMap<Slot, SlotReport>,
    /// How long the answers to the paced kinds took.
    pub latency: Latency,
    /// The first failures, at most 20.
    pub examples: Vec<Failure>,
}

impl Report {
    /// Requests that failed, for whatever reason.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Requests begun whose answer has not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.sent
            .saturating_sub(self.answered)
            .saturating_sub(self.failed())
    }
}

/// Several lines for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, answered, failed) = (self.sent, self.answered, self.failed());
        writeln!(
            f,
            "{sent} requests in {:.1?}: {answered} answered, {failed} failed",
            self.elapsed
        )?;
        writeln!(f, "latency: {}", self.latency)?;
        for (slot, report) in &self.slots {
            writeln!(
                f,
                "{slot}: {} answered, {} failed",
                report.answered, report.failed
            )?;
        }
        for (kind, report) in &self.kinds {
            write!(
                f,
                "{kind}: {} answered, {} failed",
                report.answered,
                report.failed()
            )?;
            for (reason, count) in &report.failures {
                write!(f, "; {reason} {count}")?;
            }
            writeln!(f)?;
        }
        for failure in &self.examples {
            writeln!(
                f,
                "for example {}: {}: {}",
                failure.kind, failure.reason, failure.detail
            )?;
        }
        Ok(())
    }
}

/// How a request ended: the slot that answered, if any, and the answer's worth.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) kind: Kind,
    pub(super) begun: Monotonic,
    /// When its bytes were sent, where the slot is chosen by it; `None` on an upgraded connection.
    pub(super) routed: Option<(Monotonic, Timestamp)>,
    pub(super) slot: Option<Slot>,
    pub(super) took: Duration,
    pub(super) result: Result<(), (Reason, String)>,
}

/// Counts.
#[derive(Debug)]
pub(super) struct Tally {
    left: u64,
    kinds: BTreeMap<Kind, KindReport>,
    slots: BTreeMap<Slot, SlotReport>,
    latency: Histogram,
    examples: Vec<Failure>,
}

impl Tally {
    pub(super) fn new(requests_max: u64) -> Self {
        Self {
            left: requests_max,
            kinds: BTreeMap::new(),
            slots: BTreeMap::new(),
            latency: Histogram::new(),
            examples: Vec::new(),
        }
    }

    /// Counts a request that begins; `false`: there were enough.
    pub(super) fn begin(&mut self, kind: Kind) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        self.kinds.entry(kind).or_default().sent += 1;
        true
    }

    pub(super) fn end(&mut self, ended: Ended) {
        let is_good = ended.result.is_ok();
        if let Some(slot) = ended.slot {
            let report = self.slots.entry(slot).or_insert(SlotReport {
                answered: 0,
                failed: 0,
                last_begun: Monotonic::default(),
                last_begun_at: Timestamp::default(),
            });
            report.answered += u64::from(is_good);
            report.failed += u64::from(!is_good);
            if let Some((sent, sent_at)) = ended.routed
                && sent >= report.last_begun
            {
                (report.last_begun, report.last_begun_at) = (sent, sent_at);
            }
        }
        let kind = self.kinds.entry(ended.kind).or_default();
        match ended.result {
            Ok(()) => {
                kind.answered += 1;
                if ended.kind.is_paced() {
                    self.latency.add(ended.took);
                }
            }
            Err((reason, detail)) => {
                *kind.failures.entry(reason).or_default() += 1;
                if self.examples.len() < EXAMPLES_MAX {
                    self.examples.push(Failure {
                        kind: ended.kind,
                        reason,
                        detail,
                        begun: ended.begun,
                    });
                }
            }
        }
    }

    pub(super) fn report(&self, elapsed: Duration) -> Report {
        let mut failures = BTreeMap::new();
        for (reason, count) in self.kinds.values().flat_map(|kind| &kind.failures) {
            *failures.entry(*reason).or_default() += count;
        }
        Report {
            elapsed,
            sent: self.kinds.values().map(|kind| kind.sent).sum(),
            answered: self.kinds.values().map(|kind| kind.answered).sum(),
            failures,
            kinds: self.kinds.clone(),
            slots: self.slots.clone(),
            latency: self.latency.latency(),
            examples: self.examples.clone(),
        }
    }
}
