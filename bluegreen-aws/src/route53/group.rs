//! The records of a name and type as they stand in the zone, and what is wrong with them.

use aws_sdk_route53::Client;
use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use bluegreen_core::{Fault, Slot};

use super::marker::Marker;
use super::{WeightedRecords, Weights};
use crate::account::{Call, bounded};

const LIST: &str = "ListResourceRecordSets";

/// The most items of a page that Route 53 gives.
const PAGE: i32 = 300;

/// All weighted records of the name and type, and the router's note beside them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) blue: ResourceRecordSet,
    pub(super) green: ResourceRecordSet,
    pub(super) others: Vec<ResourceRecordSet>,
    pub(super) note: Option<ResourceRecordSet>,
    pub(super) weights: Weights,
    pub(super) marker: Option<Marker>,
}

impl Group {
    pub(super) async fn read(call: &Call, client: &Client, records: &WeightedRecords) -> Result<Self, Fault> {
        let (beside, note) = listed(call, client, records).await?;
        let unfit = |what: String| call.unfit(LIST, what);
        if beside.iter().any(|record| record.weight.is_none()) {
            let what = "the record is not weighted: replace it by two weighted ones, in one batch";
            return Err(unfit(what.to_owned()));
        }
        let mut others = beside;
        let mut take = |slot: Slot| {
            let id = records.identifier(slot);
            let at = others
                .iter()
                .position(|record| record.set_identifier.as_deref() == Some(id));
            at.map(|at| others.swap_remove(at)).ok_or_else(|| {
                unfit(format!(
                    "there is no weighted record «{id}» for {slot}: create both, the one without traffic at weight 0"
                ))
            })
        };
        let (blue, green) = (take(Slot::Blue)?, take(Slot::Green)?);
        if let Some(other) = others.iter().find(|other| other.weight.unwrap_or(0) > 0) {
            let id = bounded(other.set_identifier.as_deref().unwrap_or_default());
            return Err(unfit(format!(
                "somebody else's record «{id}» takes a part of the traffic"
            )));
        }
        let weight = |record: &ResourceRecordSet| {
            let weight = record.weight.and_then(|weight| u8::try_from(weight).ok());
            weight.ok_or_else(|| unfit("a weight is not from 0 to 255".to_owned()))
        };
        let weights = Weights {
            blue: weight(&blue)?,
            green: weight(&green)?,
        };
        let marker = match note.as_ref().map(text_of) {
            None => None,
            Some(text) => Some(Marker::read(&text).ok_or_else(|| {
                let (name, text) = (records.marker_name(), bounded(&text));
                unfit(format!("the TXT record {name} is somebody else's: {text}"))
            })?),
        };
        Ok(Self {
            blue,
            green,
            others,
            note,
            weights,
            marker,
        })
    }

    pub(super) const fn of(&self, slot: Slot) -> &ResourceRecordSet {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    /// How long resolvers keep an answer, in seconds.
    pub(super) fn ttl(&self, of_alias: u32) -> u32 {
        let ttl = |slot| match self.of(slot).ttl {
            Some(ttl) => u32::try_from(ttl).unwrap_or(u32::MAX),
            None => of_alias,
        };
        ttl(Slot::Blue).max(ttl(Slot::Green))
    }

    /// The ids of the health checks of both.
    pub(super) fn checks(&self) -> Vec<String> {
        let ids = Slot::BOTH
            .into_iter()
            .filter_map(|slot| self.of(slot).health_check_id.clone());
        ids.collect()
    }

    /// Whether Route 53 may answer by something else than the weights.
    pub(super) fn fails_over(&self) -> bool {
        let is_checked = |record: &ResourceRecordSet| {
            let by_target = record.alias_target.as_ref();
            record.health_check_id.is_some() || by_target.is_some_and(|target| target.evaluate_target_health)
        };
        is_checked(&self.blue) || is_checked(&self.green) || self.others.iter().any(is_checked)
    }
}

/// The records of the name and type, and the note. The note stands behind them in the order of the zone,
/// so that one request mostly gives both.
async fn listed(
    call: &Call,
    client: &Client,
    records: &WeightedRecords,
) -> Result<(Vec<ResourceRecordSet>, Option<ResourceRecordSet>), Fault> {
    let (kind, marker_name) = (records.kind.as_sent(), records.marker_name());
    let mut from = (records.name.clone(), kind.clone(), None);
    let mut beside = Vec::new();
    loop {
        let page = page(call, client, &records.zone, from).await?;
        let (group, rest): (Vec<_>, Vec<_>) = page
            .resource_record_sets
            .into_iter()
            .partition(|record| is_one(record, &records.name, &kind));
        beside.extend(group);
        let is_past = !rest.is_empty();
        let note = rest
            .into_iter()
            .find(|record| is_one(record, &marker_name, &RrType::Txt));
        if note.is_some() || !page.is_truncated {
            return Ok((beside, note));
        }
        from = match (page.next_record_name, page.next_record_type) {
            (Some(name), Some(kind)) if !is_past => (name, kind, page.next_record_identifier),
            _ => break,
        };
    }
    // Other names lie between.
    let page = page(
        call,
        client,
        &records.zone,
        (marker_name.clone(), RrType::Txt, None),
    )
    .await?;
    let mut first = page.resource_record_sets.into_iter().take(1);
    Ok((
        beside,
        first.find(|record| is_one(record, &marker_name, &RrType::Txt)),
    ))
}

async fn page(
    call: &Call,
    client: &Client,
    zone: &str,
    (name, kind, identifier): (String, RrType, Option<String>),
) -> Result<ListResourceRecordSetsOutput, Fault> {
    let request = client
        .list_resource_record_sets()
        .hosted_zone_id(zone)
        .start_record_name(name)
        .start_record_type(kind)
        .set_start_record_identifier(identifier)
        .max_items(PAGE);
    call.read(LIST, request.send()).await
}

/// Names are shown with a dot at the end, in small letters, and with a wildcard as an octal number.
fn is_one(record: &ResourceRecordSet, name: &str, kind: &RrType) -> bool {
    record.r#type == *kind && whole(&record.name) == whole(name)
}

pub(super) fn whole(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace("\\052", "*");
    name.trim_end_matches('.').to_owned()
}

/// The text of a TXT record, without its quotes.
fn text_of(record: &ResourceRecordSet) -> String {
    let first = record.resource_records.as_deref().unwrap_or_default().first();
    first
        .map(|record| record.value.trim_matches('"').to_owned())
        .unwrap_or_default()
}
