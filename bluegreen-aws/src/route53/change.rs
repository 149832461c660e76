//! One batch for both records and the note: all of it, or nothing, and only on top of what was read.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use bluegreen_core::Slot;

use super::group::Group;
use super::marker::Marker;

/// The time to live of the note, which only this router reads, from the API.
const NOTE_TTL: i64 = 60;

/// What the records are to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) marker: Marker,
    /// The time to live of both; an alias has none.
    pub(super) ttl: Option<u32>,
    pub(super) marker_name: String,
}

impl Wanted {
    fn record(&self, slot: Slot, now: &ResourceRecordSet) -> ResourceRecordSet {
        let mut record = now.clone();
        record.weight = Some(self.marker.weights.of(slot).into());
        if let (Some(_), Some(ttl)) = (record.ttl, self.ttl) {
            record.ttl = Some(ttl.into());
        }
        record
    }

    fn note(&self) -> Result<ResourceRecordSet, BuildError> {
        let text = ResourceRecord::builder()
            .value(format!("\"{}\"", self.marker))
            .build()?;
        ResourceRecordSet::builder()
            .name(&self.marker_name)
            .r#type(RrType::Txt)
            .ttl(NOTE_TTL)
            .resource_records(text)
            .build()
    }

    /// Every record that changes is deleted as it was read and created as it is to be. A deletion has to name
    /// all values as they are, so that the batch is a compare-and-swap: it is refused when somebody else has
    /// written in between, and when an older request lands after a newer one.
    ///
    /// Deletions come first: creating a record rewrites the time to live of all others of the group.
    pub(super) fn batch(&self, now: &Group) -> Result<ChangeBatch, BuildError> {
        let mut swaps = Vec::new();
        for slot in Slot::BOTH {
            let old = now.of(slot);
            let new = self.record(slot, old);
            if new != *old {
                swaps.push((Some(old.clone()), new));
            }
        }
        swaps.push((now.note.clone(), self.note()?));
        let (old, new): (Vec<_>, Vec<_>) = swaps.into_iter().unzip();
        let mut batch = ChangeBatch::builder().comment(self.marker.to_string());
        for record in old.into_iter().flatten() {
            batch = batch.changes(change(ChangeAction::Delete, record)?);
        }
        for record in new {
            batch = batch.changes(change(ChangeAction::Create, record)?);
        }
        batch.build()
    }
}

fn change(action: ChangeAction, record: ResourceRecordSet) -> Result<Change, BuildError> {
    Change::builder()
        .action(action)
        .resource_record_set(record)
        .build()
}
