//! What is stored for a service.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::DeployError;
use crate::lifecycle::{Entry, Lifecycle};
use crate::migration::Underway;
use crate::{Monotonic, ServiceName, Timestamp, Token};

/// The format that this version writes. A record of a newer one is refused and kept.
pub(super) const FORMAT: u32 = 1;

/// Entries go out into a segment of their own before the record would grow beyond this.
const TAIL_BYTES: usize = 12 * 1024;

/// Who may act, for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Who: a name that people recognise, and a part that is never the same twice.
    pub(super) holder: Arc<str>,
    pub(super) since: Timestamp,
    pub(super) ttl_ms: u64,
    /// Grows with each renewal, so that others see that the holder is alive.
    pub(super) renewal: u64,
}

/// The one register of a service: lock and journal in one.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) head: Head,
    /// The newest entries of the journal.
    tail: Tail,
}

/// What an analysis has learned, already written as JSON: each write of the record copies it. Read tolerantly by
/// whoever goes on with it; not a part of the journal, since only ticks change it.
pub(super) type Learned = Arc<RawValue>;

/// All of a record but its tail: what a write replaces.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) token: Token,
    pub(super) lease: Option<Lease>,
    pub(super) lifecycle: Arc<Lifecycle>,
    /// What the analysis of the open deployment has learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) learned: Option<Learned>,
    /// Changes that are made over several deployments. Like what is learned no part of the journal: it follows
    /// from the migrations of the releases.
    #[serde(skip_serializing_if = "underway_is_empty")]
    pub(super) underway: Arc<Vec<Underway>>,
    /// The number of the segment that the tail will become.
    pub(super) segment: u64,
}

fn underway_is_empty(underway: &Arc<Vec<Underway>>) -> bool {
    underway.is_empty()
}

/// Entries of the journal as JSON, with a comma between two. Each is written once; a write of the record
/// copies them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
}

impl Lines {
    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), DeployError> {
        self.begin_line();
        match entry.event.abridged() {
            None => serde_json::to_writer(&mut self.text, entry),
            Some(event) => serde_json::to_writer(
                &mut self.text,
                &Entry {
                    event,
                    ..entry.clone()
                },
            ),
        }
        .map_err(|error| unwritable(&error))?;
        self.ends.push(self.text.len());
        Ok(())
    }

    fn begin_line(&mut self) {
        if !self.text.is_empty() {
            self.text.push(b',');
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// Entries that are not put away yet: the end of the body that was written last.
#[derive(Debug, Default)]
struct Tail {
    text: Bytes,
    /// Where each entry ends.
    ends: Vec<usize>,
}

impl Tail {
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|end| end + 1));
        begins
            .zip(&self.ends)
            .filter_map(|(begin, end)| self.text.get(begin..*end))
    }
}

pub(super) fn unwritable(error: &serde_json::Error) -> DeployError {
    DeployError::Record {
        message: error.to_string(),
    }
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            head: Head {
                format: FORMAT,
                token: Token::default(),
                lease: None,
                lifecycle: Arc::default(),
                learned: None,
                underway: Arc::default(),
                segment: 0,
            },
            tail: Tail::default(),
        }
    }

    pub(super) fn lifecycle(&self) -> &Lifecycle {
        &self.head.lifecycle
    }

    /// The record with another head and more entries, and the body that has to be stored for it.
    pub(super) fn next(&self, head: Head, more: &Lines) -> Result<(Self, Bytes), DeployError> {
        // What a head needs beside the plan, generously.
        const HEAD_BYTES: usize = 1536;
        let plan = head.lifecycle.run().map_or(0, |run| run.plan.json().len());
        let learned = head.learned.as_ref().map_or(0, |learned| learned.get().len());
        let lines = self.tail.text.len() + more.text.len();
        let mut body = Vec::with_capacity(HEAD_BYTES + plan + learned + lines);
        serde_json::to_writer(&mut body, &head).map_err(|error| unwritable(&error))?;
        body.pop(); // the brace, to go on behind it
        body.extend_from_slice(b",\"tail\":[");
        let begin = body.len();
        body.extend_from_slice(&self.tail.text);
        if !self.tail_is_empty() && !more.is_empty() {
            body.push(b',');
        }
        let before = body.len() - begin;
        body.extend_from_slice(&more.text);
        let end = body.len();
        body.extend_from_slice(b"]}");
        let body = Bytes::from(body);
        let ends = self.tail.ends.iter().copied();
        let tail = Tail {
            text: body.slice(begin..end),
            ends: ends.chain(more.ends.iter().map(|end| before + end)).collect(),
        };
        Ok((Self { head, tail }, body))
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DeployError> {
        #[derive(Deserialize)]
        struct Probe {
            format: u32,
        }
        #[derive(Deserialize)]
        struct Body {
            format: u32,
            token: Token,
            lease: Option<Lease>,
            lifecycle: Arc<Lifecycle>,
            #[serde(default)]
            learned: Option<Learned>,
            #[serde(default)]
            underway: Arc<Vec<Underway>>,
            segment: u64,
            tail: Vec<Box<RawValue>>,
        }
        let damaged = |error: serde_json::Error| DeployError::Record {
            message: format!(
                "it is damaged ({error}); it was left as it is: restore it from a backup, or move it away and adopt"
            ),
        };
        let read = serde_json::from_slice::<Body>(body);
        // What is newer may be readable by chance, and what cannot be read may be newer.
        let format = match &read {
            Ok(body) => body.format,
            Err(_) => serde_json::from_slice::<Probe>(body).map_err(damaged)?.format,
        };
        if format > FORMAT {
            return Err(DeployError::Record {
                message: format!(
                    "it was written by a newer version (format {format}, this version reads up to {FORMAT}); it was left as it is: use that version or a newer one"
                ),
            });
        }
        let read = read.map_err(damaged)?;
        let mut lines = Lines::default();
        for line in &read.tail {
            lines.begin_line();
            lines.text.extend_from_slice(line.get().as_bytes());
            lines.ends.push(lines.text.len());
        }
        let head = Head {
            format: read.format,
            token: read.token,
            lease: read.lease,
            lifecycle: read.lifecycle,
            learned: read.learned,
            underway: read.underway,
            segment: read.segment,
        };
        let tail = Tail {
            text: lines.text.into(),
            ends: lines.ends,
        };
        Ok(Self { head, tail })
    }

    /// Whether the tail should go out before more is added.
    pub(super) fn tail_is_full(&self) -> bool {
        self.tail.text.len() > TAIL_BYTES
    }

    pub(super) fn tail_is_empty(&self) -> bool {
        self.tail.text.is_empty()
    }

    /// The tail as the body of a segment: one entry a line.
    pub(super) fn segment_body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.tail.text.len() + 1);
        for line in self.tail.lines() {
            body.extend_from_slice(line);
            body.push(b'\n');
        }
        body
    }

    pub(super) fn clear_tail(&mut self) {
        self.tail = Tail::default();
        self.head.segment += 1;
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let lines = self.tail.lines();
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }
}

/// The keys of a service in the store.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    service: ServiceName,
    record: String,
}

impl Keys {
    pub(super) fn new(service: ServiceName) -> Self {
        let record = [service.as_str(), "/record"].concat();
        Self { service, record }
    }

    pub(super) fn record(&self) -> &str {
        &self.record
    }

    pub(super) fn segments(&self, number: u64) -> String {
        format!("{}/events/{number:010}/", self.service)
    }

    pub(super) fn segment(&self, number: u64, segment: u64) -> String {
        format!("{}{segment:010}", self.segments(number))
    }

    pub(super) fn reports(&self) -> String {
        format!("{}/history/", self.service)
    }

    pub(super) fn report(&self, number: u64) -> String {
        format!("{}{number:010}", self.reports())
    }
}

/// When a lease was last renewed, by both clocks: the one that measures stops while the machine
/// sleeps, the other may jump.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renewed {
    pub(super) monotonic: Monotonic,
    pub(super) wall: Timestamp,
}
