//! What is stored for a service.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::DeployError;
use crate::lifecycle::{Entry, Lifecycle};
use crate::{Monotonic, ServiceName, Timestamp, Token};

/// The format that this version writes. A record of a newer one is refused and kept.
pub(super) const FORMAT: u32 = 1;

/// Entries go out into a segment of their own before the record would grow beyond this.
const TAIL_BYTES: usize = 12 * 1024;

/// Who may act, for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Who: a name that people recognise, and a part that is never the same twice.
    pub(super) holder: String,
    pub(super) since: Timestamp,
    pub(super) ttl_ms: u64,
    /// Grows with each renewal, so that others see that the holder is alive.
    pub(super) renewal: u64,
}

/// The one register of a service: lock and journal in one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: u32,
    pub(super) token: Token,
    pub(super) lease: Option<Lease>,
    pub(super) lifecycle: Lifecycle,
    /// The number of the segment that the tail will become.
    pub(super) segment: u64,
    /// The newest entries of the journal, already written. Shared with the records that came before,
    /// of which each write makes a copy.
    tail: Vec<Arc<RawValue>>,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            token: Token::default(),
            lease: None,
            lifecycle: Lifecycle::default(),
            segment: 0,
            tail: Vec::new(),
        }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, DeployError> {
        // Room for the tail and a plan of usual size, so that it need not grow on the way. What is kept
        // is a copy of the right size: many records are held at once.
        let mut room = Vec::with_capacity(TAIL_BYTES + 8 * 1024);
        serde_json::to_writer(&mut room, self).map_err(|error| DeployError::Record {
            message: error.to_string(),
        })?;
        Ok(room.as_slice().to_vec())
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DeployError> {
        #[derive(Deserialize)]
        struct Probe {
            format: u32,
        }
        let damaged = |error: serde_json::Error| DeployError::Record {
            message: format!(
                "it is damaged ({error}); it was left as it is: restore it from a backup, or move it away and adopt"
            ),
        };
        let read = serde_json::from_slice::<Self>(body);
        // What is newer may be readable by chance, and what cannot be read may be newer.
        let format = match &read {
            Ok(record) => record.format,
            Err(_) => serde_json::from_slice::<Probe>(body).map_err(damaged)?.format,
        };
        if format > FORMAT {
            return Err(DeployError::Record {
                message: format!(
                    "it was written by a newer version (format {format}, this version reads up to {FORMAT}); it was left as it is: use that version or a newer one"
                ),
            });
        }
        read.map_err(damaged)
    }

    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), DeployError> {
        let raw = serde_json::value::to_raw_value(entry).map_err(|error| DeployError::Record {
            message: error.to_string(),
        })?;
        self.tail.push(raw.into());
        Ok(())
    }

    /// Whether the tail should go out before more is added.
    pub(super) fn tail_is_full(&self) -> bool {
        self.tail.iter().map(|raw| raw.get().len()).sum::<usize>() > TAIL_BYTES
    }

    pub(super) const fn tail_is_empty(&self) -> bool {
        self.tail.is_empty()
    }

    /// The tail as the body of a segment: one entry a line.
    pub(super) fn segment_body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for raw in &self.tail {
            body.extend_from_slice(raw.get().as_bytes());
            body.push(b'\n');
        }
        body
    }

    pub(super) fn clear_tail(&mut self) {
        self.tail.clear();
        self.segment += 1;
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.tail
            .iter()
            .filter_map(|raw| serde_json::from_str(raw.get()).ok())
    }
}

/// The keys of a service in the store.
#[derive(Debug, Clone)]
pub(super) struct Keys(pub(super) ServiceName);

impl Keys {
    pub(super) fn record(&self) -> String {
        [self.0.as_str(), "/record"].concat()
    }

    pub(super) fn segments(&self, number: u64) -> String {
        format!("{}/events/{number:010}/", self.0)
    }

    pub(super) fn segment(&self, number: u64, segment: u64) -> String {
        format!("{}{segment:010}", self.segments(number))
    }

    pub(super) fn reports(&self) -> String {
        format!("{}/history/", self.0)
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
