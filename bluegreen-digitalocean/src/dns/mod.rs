//! The router in a DNS record.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Decides, Fault, Fencing, Granularity, Monotonic, Observation, Op, Router, RouterCapabilities, Slot,
    Split, Verification,
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::PerSlot;
use crate::client::{ApiError, Call, Client, Urgency};

/// How long a change that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);
/// How long DigitalOcean's name servers take to answer by a changed record: documented nowhere, so generous.
const SERVERS: Duration = Duration::from_mins(1);
/// The lowest time to live that DigitalOcean takes, in seconds.
const LOWEST_TTL: u32 = 30;

/// The values of the record for each slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// An A record.
    A(PerSlot<Ipv4Addr>),
    /// An AAAA record.
    Aaaa(PerSlot<Ipv6Addr>),
    /// A CNAME record, with a host for each slot.
    Cname(PerSlot<String>),
}

/// Records that cannot be switched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the DNS record: {0}")]
pub struct InvalidRecord(String);

impl Record {
    const fn kind(&self) -> &'static str {
        match self {
            Self::A(_) => "A",
            Self::Aaaa(_) => "AAAA",
            Self::Cname(_) => "CNAME",
        }
    }

    /// As it is sent: a host ends with a dot.
    fn sent(&self, slot: Slot) -> String {
        match self {
            Self::A(addresses) => addresses.get(slot).to_string(),
            Self::Aaaa(addresses) => addresses.get(slot).to_string(),
            Self::Cname(hosts) => format!("{}.", hosts.get(slot).trim_end_matches('.')),
        }
    }

    /// The slot that a value stands for, however it is written.
    fn slot(&self, shown: &str) -> Option<Slot> {
        let is_it = |slot: &Slot| match self {
            Self::A(addresses) => shown.parse() == Ok(*addresses.get(*slot)),
            Self::Aaaa(addresses) => shown.parse() == Ok(*addresses.get(*slot)),
            Self::Cname(hosts) => {
                let bare = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
                bare(hosts.get(*slot)) == bare(shown)
            }
        };
        Slot::BOTH.into_iter().find(is_it)
    }
}

/// Holds the split in an A, AAAA or CNAME record of a domain at DigitalOcean. **Not instant**, and all or
/// nothing: a resolver that has asked keeps the answer for its time to live, and DigitalOcean's records have
/// no weights (`weight` belongs to SRV).
///
/// [`stage`](Router::stage) lowers the time to live. A split counts as live when the old answer's time to live
/// is over, the one from before the lowering included. That is counted from the first look of this process, so
/// a restart waits anew.
///
/// **One hole:** a process that is started between the lowering and the switch sees the lowered time to live only, and
/// nothing in the zone tells it of the one before. Clients with caches of their own, such as JVMs, follow later still.
/// For both: keep the old slot running for as long as the longest time to live that the record has had, by the plan's
/// `retention`, or keep the time to live low all the time.
#[derive(Debug, Clone)]
pub struct DnsRouter {
    client: Client,
    name: String,
    domain: String,
    id: u64,
    record: Record,
    ttl: u32,
    settle: Duration,
    servers: Duration,
    seen: Arc<Mutex<Seen>>,
}

/// What this process has seen of the record.
#[derive(Debug, Default)]
struct Seen {
    /// Answers with a longer time to live may be in caches until then.
    long_until: Option<Monotonic>,
    /// The slot that the record names, and until when resolvers may still answer otherwise.
    named: Option<(Slot, Monotonic)>,
}

/// A record as a GET shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    ttl: Option<u32>,
}

impl DnsRouter {
    /// A router named `dns-<id>` over the record with this id of a domain, with a time to live of 30 seconds.
    ///
    /// # Errors
    /// When both slots have the same value, or there is none.
    pub fn new(
        client: Client,
        domain: impl Into<String>,
        id: u64,
        record: Record,
    ) -> Result<Self, InvalidRecord> {
        if record.slot(&record.sent(Slot::Green)) != Some(Slot::Green) {
            return Err(InvalidRecord("both slots have the same value".to_owned()));
        }
        if let Record::Cname(hosts) = &record {
            let is_good = |host: &String| {
                let host = host.trim_end_matches('.');
                (1..=253).contains(&host.len())
                    && host
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            };
            if !is_good(&hosts.blue) || !is_good(&hosts.green) {
                return Err(InvalidRecord("a CNAME needs the name of a host".to_owned()));
            }
        }
        Ok(Self {
            client,
            name: format!("dns-{id}"),
            domain: domain.into(),
            id,
            record,
            ttl: LOWEST_TTL,
            settle: SETTLE,
            servers: SERVERS,
            seen: Arc::default(),
        })
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The time to live that `stage` lowers to, in seconds; at least 30, which it is if nothing is said. A
    /// record with a lower one keeps it.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds.max(LOWEST_TTL);
        self
    }

    /// How long a change that was given up may still take effect; 30 seconds if nothing is said.
    #[must_use]
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// How long DigitalOcean's own servers may answer by the old record; a minute if nothing is said.
    #[must_use]
    pub const fn servers_follow_within(mut self, bound: Duration) -> Self {
        self.servers = bound;
        self
    }

    fn begin(&self, op: &Op, urgency: Urgency, operation: &'static str) -> Call<'_> {
        let resource = format!("record {} of {}", self.id, self.domain);
        self.client.begin(op, urgency, operation, resource)
    }

    async fn read(&self, call: &Call<'_>) -> Result<Shown, Fault> {
        #[derive(Deserialize)]
        struct Answer {
            domain_record: Shown,
        }
        let id = self.id.to_string();
        let answer: Answer = call.get(&["domains", &self.domain, "records", &id], &[]).await?;
        let shown = answer.domain_record;
        if shown.kind != self.record.kind() {
            return Err(call.unfit(format!(
                "it is a record of type {}, not {}",
                shown.kind,
                self.record.kind()
            )));
        }
        Ok(shown)
    }

    fn held(&self, call: &Call<'_>, shown: &Shown) -> Result<Slot, Fault> {
        let slot = self.record.slot(&shown.data);
        slot.ok_or_else(|| {
            let data = crate::client::bounded(&shown.data);
            call.unfit(format!(
                "somebody else's configuration is there: {} leads to {data}",
                shown.name
            ))
        })
    }

    /// Changes a field. The service wants the type with each change.
    async fn patch(&self, call: &Call<'_>, field: &str, value: Value) -> Result<(), Fault> {
        let id = self.id.to_string();
        let path = ["domains", &self.domain, "records", &id];
        let body = json!({"type": self.record.kind(), field: value});
        let answer: Result<Value, ApiError> = call.change(Method::PATCH, &path, &body).await;
        answer.map(drop).map_err(|error| call.fault_after_change(error))
    }

    /// Notes what a look at the record shows, and tells until when other answers may be in caches.
    fn note(&self, shown: &Shown, slot: Slot) -> Monotonic {
        let now = self.client.time().monotonic();
        let after = |seconds: u32| Monotonic(now.0 + self.servers + Duration::from_secs(seconds.into()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ttl = shown.ttl.unwrap_or(1_800);
        if ttl > self.ttl {
            seen.long_until = Some(after(ttl));
        }
        let of_old = match seen.named {
            Some((named, until)) if named == slot => until,
            // It has changed since the last look, or this is the first one.
            _ => after(ttl).max(seen.long_until.unwrap_or_default()),
        };
        seen.named = Some((slot, of_old));
        of_old
    }
}

const INSTEAD: &str = "Records of DigitalOcean have no weights, DNS is all or nothing here. For a canary put nginx in \
    front of both slots";

#[async_trait]
impl Router for DnsRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::exact()
            .granularity(Granularity::AllOrNothing)
            .decides(Decides::PerResolver)
            .propagation(self.servers + Duration::from_secs(self.ttl.into()))
            .fencing(Fencing::Settle(self.settle))
            .cost("not instant: resolvers keep the old answer for its time to live, some clients longer")
            .instead(INSTEAD)
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let call = self.begin(op, Urgency::Rollback, "observe");
        let shown = self.read(&call).await?;
        let slot = self.held(&call, &shown)?;
        self.note(&shown, slot);
        let ttl = shown.ttl.unwrap_or_default();
        let evidence = format!(
            "record {} of {} leads to {slot}, time to live {ttl} s",
            shown.name, self.domain
        );
        Ok(Observation::new(Split::all(slot), evidence))
    }

    async fn stage(&self, op: &Op, _: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine, "stage");
        let shown = self.read(&call).await?;
        let slot = self.held(&call, &shown)?;
        self.note(&shown, slot);
        if shown.ttl.is_none_or(|ttl| ttl > self.ttl) {
            self.patch(&call, "ttl", json!(self.ttl)).await?;
        }
        Ok(())
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback, "shift");
        let slot = split.only();
        let slot = slot.ok_or_else(|| call.unfit(format!("{split} cannot be held: {INSTEAD}")))?;
        let shown = self.read(&call).await?;
        let now = self.held(&call, &shown)?;
        self.note(&shown, now);
        if now == slot {
            return Ok(());
        }
        self.patch(&call, "data", json!(self.record.sent(slot))).await
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback, "verify");
        let shown = self.read(&call).await?;
        let held = self.held(&call, &shown)?;
        let until = self.note(&shown, held);
        if split != Split::all(held) {
            let why = format!("the record leads to {held}");
            return Ok(Verification::NotYet { why });
        }
        let left = until.since(self.client.time().monotonic());
        Ok(if left.is_zero() {
            let evidence = format!(
                "the record leads to {held}, and the time to live of the old answer is over; resolvers were not asked"
            );
            Verification::Live { evidence }
        } else {
            let why = format!(
                "resolvers may keep the old answer for another {} s",
                left.as_secs() + 1
            );
            Verification::NotYet { why }
        })
    }
}
