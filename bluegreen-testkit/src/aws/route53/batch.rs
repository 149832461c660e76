//! What a batch of changes has to be, and what it does: all of it or nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::StatusCode;
use roxmltree::{Document, Node};

use super::super::wire::Refusal;
use super::Zone;
use super::record::{DnsRecord, Named, child, escaped, text_of};

/// The most weighted records of one name and type.
const MOST_WEIGHTED: usize = 100;
/// The most values of a batch, and the most characters of them; an UPSERT counts twice.
const MOST_VALUES: usize = 1_000;
const MOST_CHARACTERS: usize = 32_000;

/// One change.
pub(super) struct Change {
    action: Action,
    record: DnsRecord,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Create,
    Delete,
    Upsert,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInput", message)
}

fn unfit(message: impl AsRef<str>) -> Refusal {
    Refusal::new("InvalidChangeBatch", format!("[{}]", message.as_ref()))
}

/// Reads a `ChangeResourceRecordSetsRequest`.
pub(super) fn read(body: &[u8]) -> Result<Vec<Change>, Refusal> {
    let malformed = || Refusal::new("MalformedInput", "Could not parse XML");
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let document = Document::parse(text).map_err(|_| malformed())?;
    let batch = child(document.root_element(), "ChangeBatch").ok_or_else(malformed)?;
    let changes = child(batch, "Changes").ok_or_else(malformed)?;
    let changes: Vec<Node<'_, '_>> = changes
        .children()
        .filter(|node| node.has_tag_name_of("Change"))
        .collect();
    if changes.is_empty() {
        return Err(invalid("Invalid request: Missing field 'Change'"));
    }
    changes.into_iter().map(change).collect()
}

fn change(node: Node<'_, '_>) -> Result<Change, Refusal> {
    let action = match child(node, "Action").map(text_of).as_deref() {
        Some("CREATE") => Action::Create,
        Some("DELETE") => Action::Delete,
        Some("UPSERT") => Action::Upsert,
        other => return Err(invalid(format!("Invalid request: unknown action {other:?}"))),
    };
    let record = child(node, "ResourceRecordSet").ok_or_else(|| invalid("Invalid request: no record set"))?;
    let record = DnsRecord::read(record).map_err(|what| invalid(format!("Invalid request: {what}")))?;
    fields(&record).map_err(|what| invalid(format!("Invalid request: {what} in Change with {record}")))?;
    Ok(Change { action, record })
}

/// Which fields belong together, and their ranges.
fn fields(record: &DnsRecord) -> Result<(), String> {
    let is_plain = record.ttl.is_some() && !record.values.is_empty();
    if is_plain == record.alias.is_some() || record.alias.is_some() && record.ttl.is_some() {
        return Err(
            "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
            TrafficPolicyInstanceId], but found none or more"
                .to_owned(),
        );
    }
    match (&record.set_identifier, record.weight) {
        (None, Some(_)) => return Err("Missing field 'SetIdentifier'".to_owned()),
        (Some(_), None) => {
            return Err(
                "Expected exactly one of [Weight, Region, Failover, GeoLocation, or \
                MultiValueAnswer], but found none"
                    .to_owned(),
            );
        }
        (Some(id), _) if !(1..=128).contains(&id.len()) => {
            return Err("SetIdentifier must have length from 1 to 128".to_owned());
        }
        (_, Some(weight)) if !(0..=255).contains(&weight) => {
            return Err(format!(
                "Value '{weight}' at 'weight': Member must have value from 0 to 255"
            ));
        }
        _ => {}
    }
    match record.ttl {
        Some(ttl) if !(0..=2_147_483_647).contains(&ttl) => {
            Err(format!("Value '{ttl}' at 'ttl' is out of range"))
        }
        _ => Ok(()),
    }
}

/// Does all of it to a copy, and gives that back; or refuses all of it.
pub(super) fn applied(
    zone: &Zone,
    changes: &[Change],
    is_check: impl Fn(&str) -> bool,
) -> Result<Vec<DnsRecord>, Refusal> {
    sizes(changes)?;
    let mut records = zone.records.clone();
    for Change { action, record } in changes {
        let at = records.iter().position(|known| known.is_same(record));
        match (action, at) {
            (Action::Create, Some(_)) => {
                return Err(unfit(format!(
                    "Tried to create resource record set {record} but it already exists"
                )));
            }
            (Action::Delete, None) => {
                return Err(unfit(format!(
                    "Tried to delete resource record set {record} but it was not found"
                )));
            }
            (Action::Delete, Some(at)) => {
                if records.get(at) != Some(record) {
                    return Err(unfit(format!(
                        "Tried to delete resource record set {record} but the values provided do not match the \
                         current values"
                    )));
                }
                records.remove(at);
                continue;
            }
            (Action::Upsert, Some(at)) => {
                records.remove(at);
            }
            (Action::Create | Action::Upsert, None) => {}
        }
        fits(zone, &records, record)?;
        if let Some(id) = &record.health_check
            && !is_check(id)
        {
            let message = format!("No health check exists with the specified ID: {id}");
            return Err(Refusal::new("NoSuchHealthCheck", message).status(StatusCode::NOT_FOUND));
        }
        // The last time to live of a group is that of all of it.
        for known in &mut records {
            if known.is_beside(record) && known.ttl.is_some() && record.ttl.is_some() {
                known.ttl = record.ttl;
            }
        }
        records.push(record.clone());
        records.sort_by(DnsRecord::order);
    }
    Ok(records)
}

fn sizes(changes: &[Change]) -> Result<(), Refusal> {
    let times = |change: &Change| if change.action == Action::Upsert { 2 } else { 1 };
    let values: usize = changes
        .iter()
        .map(|change| times(change) * change.record.values.len().max(1))
        .sum();
    let characters: usize = changes
        .iter()
        .map(|change| times(change) * change.record.values.iter().map(String::len).sum::<usize>())
        .sum();
    if values > MOST_VALUES {
        return Err(unfit(format!(
            "Number of records limit of {MOST_VALUES} exceeded."
        )));
    }
    if characters > MOST_CHARACTERS {
        return Err(unfit(format!(
            "Number of characters limit of {MOST_CHARACTERS} exceeded."
        )));
    }
    Ok(())
}

/// Whether a record can stand beside the others.
fn fits(zone: &Zone, records: &[DnsRecord], record: &DnsRecord) -> Result<(), Refusal> {
    let name = escaped(&record.name);
    if record.name != zone.name && !record.name.ends_with(&format!(".{}", zone.name)) {
        let zone = &zone.name;
        return Err(unfit(format!(
            "RRSet with DNS name {name} is not permitted in zone {zone}"
        )));
    }
    let beside: Vec<&DnsRecord> = records.iter().filter(|known| known.is_beside(record)).collect();
    if beside
        .iter()
        .any(|known| known.weight.is_some() != record.weight.is_some())
    {
        return Err(unfit(format!(
            "RRSet with DNS name {name}, type {} cannot be created as a simple and a weighted one",
            record.kind
        )));
    }
    if record.weight.is_some() && beside.len() >= MOST_WEIGHTED {
        return Err(unfit(format!(
            "The maximum number of {MOST_WEIGHTED} weighted record sets of {name} is exceeded"
        )));
    }
    let is_other_kind = |known: &&DnsRecord| {
        let is_one_cname = known.kind == "CNAME" || record.kind == "CNAME";
        known.name == record.name && known.kind != record.kind && is_one_cname
    };
    if let Some(other) = records.iter().find(is_other_kind) {
        return Err(unfit(format!(
            "RRSet of type {} with DNS name {name} is not permitted because a conflicting RRSet of type {} with \
             the same DNS name already exists in zone {}",
            record.kind, other.kind, zone.name
        )));
    }
    if (record.weight.is_some() || record.kind == "CNAME") && record.values.len() > 1 {
        return Err(unfit(format!("{record} can have one value only")));
    }
    match record.values.iter().find(|value| !is_value(&record.kind, value)) {
        Some(value) => Err(unfit(format!(
            "Invalid Resource Record: 'FATAL problem: {} is no value of type {}'",
            value, record.kind
        ))),
        None => Ok(()),
    }
}

fn is_value(kind: &str, value: &str) -> bool {
    match kind {
        "A" => value.parse::<Ipv4Addr>().is_ok(),
        "AAAA" => value.parse::<Ipv6Addr>().is_ok(),
        "TXT" => {
            let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            inside.is_some_and(|inside| inside.len() <= 255 && !inside.contains('"'))
        }
        _ => !value.is_empty(),
    }
}
