//! Route 53: zones, and resolvers that ask them.
//!
//! What is not documented is chosen to hurt: while a change is `PENDING`, some servers answer by it and
//! others do not; a DELETE has to give all fields as they are.

mod batch;
mod record;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bluegreen_core::{Monotonic, Timestamp};
use hyper::StatusCode;

use super::FakeAws;
use super::cloud::{self, Cloud};
use super::wire::{Answer, Answered, Asked, Refusal, around, element};
use crate::lock::held;

pub use self::record::{AliasTarget, DnsRecord};
use self::record::{escaped, full};
use self::resolve::Kept;
pub use self::resolve::Resolved;

pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// How many earlier states of a zone are kept for servers that are behind.
const KEPT_STATES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct State {
    zones: Vec<Zone>,
    changes: Vec<Submitted>,
    /// Each health check, and whether it is healthy.
    checks: BTreeMap<String, bool>,
    sick_targets: BTreeSet<String>,
    kept: BTreeMap<(String, String, String), Kept>,
    asked: u64,
}

#[derive(Debug)]
struct Zone {
    id: String,
    name: String,
    records: Vec<DnsRecord>,
    /// Until when each earlier state was the newest one.
    history: Vec<(Monotonic, Vec<DnsRecord>)>,
}

#[derive(Debug)]
struct Submitted {
    zone: String,
    at: Timestamp,
    since: Monotonic,
}

impl Zone {
    fn set(&mut self, records: Vec<DnsRecord>, now: Monotonic) {
        let before = std::mem::replace(&mut self.records, records);
        self.history.push((now, before));
        let surplus = self.history.len().saturating_sub(KEPT_STATES);
        self.history.drain(..surplus);
    }
}

pub(super) fn answer(cloud: &Cloud, state: &mut cloud::State, asked: &Asked) -> Answered {
    let state = &mut state.route53;
    let path: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    let inside = match (asked.method.as_str(), path.as_slice()) {
        ("GET", ["2013-04-01", "hostedzone", id, "rrset"]) => state.list(cloud, asked, id)?,
        ("POST", ["2013-04-01", "hostedzone", id, "rrset"]) => state.change(cloud, asked, id)?,
        ("GET", ["2013-04-01", "hostedzone", id]) => {
            let zone = around("HostedZone", &state.zone(id)?.xml());
            around_of("GetHostedZoneResponse", &zone)
        }
        ("GET", ["2013-04-01", "hostedzonesbyname"]) => state.by_name(cloud, asked)?,
        ("GET", ["2013-04-01", "change", id]) => state.get_change(cloud, id)?,
        ("GET", ["2013-04-01", "healthcheck", id, "status"]) => state.status(cloud, id)?,
        _ => {
            return Err(Refusal::new(
                "UnknownOperationException",
                "no such operation here",
            ));
        }
    };
    Ok(Answer::new(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{inside}"
    )))
}

fn around_of(name: &str, inside: &str) -> String {
    format!("<{name} xmlns=\"{NAMESPACE}\">{inside}</{name}>")
}

impl Zone {
    fn xml(&self) -> String {
        element("Id", &format!("/hostedzone/{}", self.id))
            + &element("Name", &self.name)
            + &element("CallerReference", &self.id)
            + &around("Config", &element("PrivateZone", "false"))
            + &element("ResourceRecordSetCount", &self.records.len().to_string())
    }
}

impl State {
    fn at(&self, id: &str) -> Option<usize> {
        self.zones.iter().position(|zone| zone.id == id)
    }

    fn zone(&self, id: &str) -> Result<&Zone, Refusal> {
        self.zones
            .iter()
            .find(|zone| zone.id == id)
            .ok_or_else(|| no_zone(id))
    }

    fn list(&self, cloud: &Cloud, asked: &Asked, id: &str) -> Result<String, Refusal> {
        let zone = self.zone(id)?;
        let (name, kind) = (asked.query("name"), asked.query("type"));
        if name.is_none() && kind.is_some() || kind.is_none() && asked.query("identifier").is_some() {
            return Err(Refusal::new(
                "InvalidInput",
                "a type needs a name, and an identifier a type",
            ));
        }
        let mut from = DnsRecord::new(name.unwrap_or_default(), kind.unwrap_or_default());
        from.set_identifier = asked.query("identifier").map(str::to_owned);
        let all = || {
            let is_after = |record: &&DnsRecord| name.is_none() || record.order(&from).is_ge();
            zone.records.iter().filter(is_after)
        };
        let most = cloud.config.page_most.min(300);
        let most = most_items(asked)?.map_or(most, |items| items.min(most));
        let page: String = all().take(most).map(DnsRecord::xml).collect();
        let next = all().nth(most);
        let mut inside = around("ResourceRecordSets", &page);
        inside += &element("IsTruncated", &next.is_some().to_string());
        inside += &element("MaxItems", &most.to_string());
        if let Some(next) = next {
            inside += &element("NextRecordName", &escaped(&next.name));
            inside += &element("NextRecordType", &next.kind);
            if let Some(id) = &next.set_identifier {
                inside += &element("NextRecordIdentifier", id);
            }
        }
        Ok(around_of("ListResourceRecordSetsResponse", &inside))
    }

    fn by_name(&self, cloud: &Cloud, asked: &Asked) -> Result<String, Refusal> {
        let from = asked.query("dnsname").map(full).unwrap_or_default();
        let mut zones: Vec<&Zone> = self.zones.iter().filter(|zone| zone.name >= from).collect();
        zones.sort_by(|one, other| one.name.cmp(&other.name));
        let most = most_items(asked)?.unwrap_or(100).min(cloud.config.page_most);
        let page: String = zones
            .iter()
            .take(most)
            .map(|zone| around("HostedZone", &zone.xml()))
            .collect();
        let mut inside = around("HostedZones", &page);
        inside += &element("IsTruncated", &(zones.len() > most).to_string());
        inside += &element("MaxItems", &most.to_string());
        if let Some(next) = zones.get(most) {
            inside += &element("NextDNSName", &next.name);
            inside += &element("NextHostedZoneId", &next.id);
        }
        Ok(around_of("ListHostedZonesByNameResponse", &inside))
    }

    fn change(&mut self, cloud: &Cloud, asked: &Asked, id: &str) -> Result<String, Refusal> {
        let at = self.at(id).ok_or_else(|| no_zone(id))?;
        let changes = batch::read(&asked.body)?;
        let now = cloud.clock.monotonic();
        let is_busy =
            |change: &&Submitted| change.zone == id && now.since(change.since) < cloud.config.zone_busy_for;
        if self.changes.iter().rev().find(is_busy).is_some() {
            let message = "The request was rejected because Route 53 was still processing a prior request.";
            return Err(Refusal::new("PriorRequestNotComplete", message));
        }
        let records = batch::applied(
            self.zones.get(at).ok_or_else(|| no_zone(id))?,
            &changes,
            |check| self.checks.contains_key(check),
        )?;
        if let Some(zone) = self.zones.get_mut(at) {
            zone.set(records, now);
        }
        self.changes.push(Submitted {
            zone: id.to_owned(),
            at: cloud.clock.now(),
            since: now,
        });
        let number = self.changes.len() - 1;
        let info = self.info(cloud, number).unwrap_or_default();
        Ok(around_of("ChangeResourceRecordSetsResponse", &info))
    }

    fn info(&self, cloud: &Cloud, number: usize) -> Option<String> {
        let change = self.changes.get(number)?;
        let age = cloud.clock.monotonic().since(change.since);
        let status = if age < cloud.config.insync_after {
            "PENDING"
        } else {
            "INSYNC"
        };
        let inside = element("Id", &format!("/change/C{number:012}"))
            + &element("Status", status)
            + &element("SubmittedAt", &change.at.to_string());
        Some(around("ChangeInfo", &inside))
    }

    fn get_change(&self, cloud: &Cloud, id: &str) -> Result<String, Refusal> {
        let number = id.strip_prefix('C').and_then(|number| number.parse().ok());
        let info = number
            .and_then(|number| self.info(cloud, number))
            .ok_or_else(|| {
                let message = format!("No change exists with the specified ID: {id}");
                Refusal::new("NoSuchChange", message).status(StatusCode::NOT_FOUND)
            })?;
        Ok(around_of("GetChangeResponse", &info))
    }

    fn status(&self, cloud: &Cloud, id: &str) -> Result<String, Refusal> {
        let healthy = self.checks.get(id).ok_or_else(|| {
            let message = format!("No health check exists with the specified ID: {id}");
            Refusal::new("NoSuchHealthCheck", message).status(StatusCode::NOT_FOUND)
        })?;
        let status = if *healthy {
            "Success: HTTP Status Code 200, OK"
        } else {
            "Failure: The health checker could not establish a connection within the timeout limit."
        };
        let observation = |region: &str| {
            let report = element("Status", status) + &element("CheckedTime", &cloud.clock.now().to_string());
            let inside = element("Region", region) + &around("StatusReport", &report);
            around("HealthCheckObservation", &inside)
        };
        let all: String = ["us-east-1", "eu-west-1", "ap-southeast-1"]
            .map(observation)
            .concat();
        let inside = around("HealthCheckObservations", &all);
        Ok(around_of("GetHealthCheckStatusResponse", &inside))
    }
}

fn most_items(asked: &Asked) -> Result<Option<usize>, Refusal> {
    let items = asked.query("maxitems").map(str::parse).transpose();
    items.map_err(|_| Refusal::new("InvalidInput", "maxitems is not a number"))
}

fn no_zone(id: &str) -> Refusal {
    let message = format!("No hosted zone found with ID: {id}");
    Refusal::new("NoSuchHostedZone", message).status(StatusCode::NOT_FOUND)
}

/// Zones, and what people do with them past the API.
impl FakeAws {
    /// Adds an empty public zone; its id.
    #[must_use]
    pub fn add_zone(&self, name: &str) -> String {
        let state = &mut held(&self.cloud.state).route53;
        let id = format!("Z{:013}EXAMPLE", state.zones.len());
        state.zones.push(Zone {
            id: id.clone(),
            name: full(name),
            records: Vec::new(),
            history: Vec::new(),
        });
        id
    }

    /// Puts a record there, or in the place of the one of the same name, type and identifier, without any
    /// check: as if it had been so for ever.
    pub fn set_dns_record(&self, zone: &str, record: DnsRecord) {
        let state = &mut held(&self.cloud.state).route53;
        if let Some(zone) = state.zones.iter_mut().find(|known| known.id == zone) {
            zone.records.retain(|known| !known.is_same(&record));
            zone.records.push(record);
            zone.records.sort_by(DnsRecord::order);
            zone.history.clear();
        }
    }

    /// All records of a zone, in the order of lists.
    #[must_use]
    pub fn dns_records(&self, zone: &str) -> Vec<DnsRecord> {
        let state = &held(&self.cloud.state).route53;
        state
            .zone(zone)
            .map_or_else(|_| Vec::new(), |zone| zone.records.clone())
    }

    /// What a resolver answers: what it keeps, else what a server near it says. `None`: no such record.
    #[must_use]
    pub fn resolve(&self, name: &str, kind: &str, resolver: &str) -> Option<Resolved> {
        let state = &mut held(&self.cloud.state).route53;
        state.resolve(&self.cloud, name, kind, resolver)
    }

    /// Adds a health check that is healthy; its id.
    #[must_use]
    pub fn add_health_check(&self) -> String {
        let state = &mut held(&self.cloud.state).route53;
        let id = format!("abcdef11-2222-3333-4444-{:012}", state.checks.len());
        state.checks.insert(id.clone(), true);
        id
    }

    /// Makes a health check healthy or unhealthy.
    pub fn set_health_check(&self, id: &str, healthy: bool) {
        held(&self.cloud.state)
            .route53
            .checks
            .insert(id.to_owned(), healthy);
    }

    /// Makes what an alias leads to healthy or unhealthy.
    pub fn set_alias_target_health(&self, dns_name: &str, healthy: bool) {
        let sick = &mut held(&self.cloud.state).route53.sick_targets;
        if healthy {
            sick.remove(&full(dns_name));
        } else {
            sick.insert(full(dns_name));
        }
    }

    /// How long it takes until all servers follow a change of a zone.
    #[must_use]
    pub fn insync_after(&self) -> Duration {
        self.cloud.config.insync_after
    }
}
