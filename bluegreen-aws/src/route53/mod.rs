//! The router in two weighted DNS records. **Not instant**, whatever is done.
//!
//! A resolver that has asked keeps its answer for the record's time to live; clients with caches and pools of
//! their own, such as JVMs, follow later still. So the order is: lower the time to live and wait the old one
//! out ([`stage`](bluegreen_core::Router::stage)), change both records in one batch, wait until all name servers
//! of Route 53 have it (`INSYNC`), wait for the time to live ([`verify`](bluegreen_core::Router::verify)), and watch
//! the traffic of the old slot fall ([`Route53Router::traffic`]).
//!
//! # What it writes
//!
//! - The weights and the time to live of the two records. Everything else in them stays as it was read: values,
//!   health checks, all three fields of an alias.
//! - A TXT record beside them, `_bluegreen-a.shop.example.com`: who changed them last (the
//!   [`Token`](bluegreen_core::Token)), to which weights, and until when resolvers may answer by what was before. So a
//!   restarted process knows, and each batch is a compare-and-swap: it deletes what was read, with all values, and
//!   creates what is wanted. Route 53 refuses the whole batch when one value has changed in between. A request that
//!   lands late changes nothing, and there is no settle time.
//!
//! The clock of the machine has to be right: to a few seconds, which is what time servers give. (AWS refuses
//! requests whose clock is wrong by minutes.)

mod change;
mod group;
mod marker;
mod records;
mod router;
mod seen;
mod weights;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::types::ChangeStatus;
use bluegreen_core::{Fault, FaultKind, Metrics, Monotonic, Op};

use self::change::Wanted;
use self::group::Group;
use self::marker::Marker;
pub use self::records::{InvalidRecords, RecordKind, WeightedRecords};
use self::seen::{Seen, on_the_wall};
use self::weights::Weights;
use crate::Rate;
use crate::account::{Account, Call, Service, Urgency};

/// [Five requests a second and account](https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html).
const SERVICE: Service = Service {
    provider: "route53",
    signed_as: "route53",
    rate: Rate::a_second(5).keep(2),
};

/// "Changes generally propagate within 60 seconds", says the documentation of `GetChange`.
const SERVERS: Duration = Duration::from_mins(1);
/// What `stage` lowers the time to live to, and what an alias of a load balancer has.
const TTL: u32 = 60;
/// How often a batch is built anew because somebody else wrote in between.
const MOST_TRIES: u32 = 12;

/// Holds the split in two weighted records of Route 53.
///
/// ```
/// use bluegreen_aws::Account;
/// use bluegreen_aws::route53::{RecordKind, Route53Router, WeightedRecords};
/// # let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
///
/// let records = WeightedRecords::new("Z1D633PJN98FT9", "shop.example.com", RecordKind::A)?;
/// let router = Route53Router::new(&Account::new(&config), records).ttl(30);
/// # drop(router);
/// # Ok::<(), bluegreen_aws::route53::InvalidRecords>(())
/// ```
#[derive(Clone)]
pub struct Route53Router {
    account: Account,
    client: Client,
    name: String,
    records: WeightedRecords,
    ttl: u32,
    alias_ttl: u32,
    servers: Duration,
    takes_small_shares: bool,
    takes_failover: bool,
    traffic: Option<(Arc<dyn Metrics>, String)>,
    seen: Arc<Mutex<Seen>>,
}

impl fmt::Debug for Route53Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route53Router")
            .field("name", &self.name)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Route53Router {
    /// A router named `route53-<type>-<name>`.
    #[must_use]
    pub fn new(account: &Account, records: WeightedRecords) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: format!("route53-{}-{}", records.kind.as_label(), records.name),
            records,
            ttl: TTL,
            alias_ttl: TTL,
            servers: SERVERS,
            takes_small_shares: false,
            takes_failover: false,
            traffic: None,
            seen: Arc::default(),
        }
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The time to live that `stage` lowers to, in seconds; 60 if nothing is said. Records with a lower one keep
    /// it. It stays low: raise it when nothing is to be released for a while.
    #[must_use]
    pub const fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds;
        self
    }

    /// How long resolvers keep what an alias leads to, in seconds: the time to live of its target. 60 if nothing
    /// is said, which is what load balancers have.
    #[must_use]
    pub const fn alias_ttl(mut self, seconds: u32) -> Self {
        self.alias_ttl = seconds;
        self
    }

    /// How long Route 53's servers may answer by the old records; a minute if nothing is said. Counted only where
    /// `GetChange` cannot tell, because another process has made the change.
    #[must_use]
    pub const fn servers_follow_within(mut self, bound: Duration) -> Self {
        self.servers = bound;
        self
    }

    /// Takes shares in steps of half a percent. Without it shares are multiples of 5 %, because DNS divides
    /// *resolvers* and not requests: one that serves an office or a whole provider gets its answer for all of them,
    /// so that 1 % can be nobody, or a third of everybody.
    #[must_use]
    pub const fn small_shares(mut self) -> Self {
        self.takes_small_shares = true;
        self
    }

    /// Takes records with health checks, or aliases with `EvaluateTargetHealth`. Without it they are refused before
    /// anything is touched, because Route 53 then answers by health first: when every record with a weight is
    /// unhealthy it gives out the one with **weight 0**, which may be a candidate that nobody has looked at; and
    /// when all are unhealthy they all count as healthy.
    ///
    /// With it, checks that are unhealthy at the moment still are refused.
    #[must_use]
    pub const fn takes_failover(mut self) -> Self {
        self.takes_failover = true;
        self
    }

    /// Counts the requests of a slot by a metric, to watch the old slot's traffic fall: clients follow DNS when
    /// they like. Its unit is requests in a short window, such as
    /// [`requests`](crate::cloudwatch::Measure::requests) of a target group.
    #[must_use]
    pub fn traffic(mut self, metrics: Arc<dyn Metrics>, metric: impl Into<String>) -> Self {
        self.traffic = Some((metrics, metric.into()));
        self
    }

    fn begin(&self, op: &Op, urgency: Urgency) -> Call {
        let WeightedRecords { name, kind, .. } = &self.records;
        let resource = format!("{} {name}", kind.as_sent().as_str());
        self.account.begin(op, urgency, SERVICE, resource)
    }

    async fn read(&self, call: &Call) -> Result<Read, Fault> {
        let group = Group::read(call, &self.client, &self.records).await?;
        let until = self.until(&group);
        Ok(Read { group, until })
    }

    /// Until when resolvers may answer by something else than these records.
    fn until(&self, group: &Group) -> Monotonic {
        let longest = self.servers + self.kept_for(group);
        let clock = &**self.account.time();
        self.with_seen(|seen| seen.look(clock, group.weights, group.marker.as_ref(), longest))
    }

    fn kept_for(&self, group: &Group) -> Duration {
        Duration::from_secs(group.ttl(self.alias_ttl).into())
    }

    fn with_seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Refuses who is older than the last one that wrote.
    fn fence(call: &Call, group: &Group, op: &Op) -> Result<(), Fault> {
        match &group.marker {
            Some(marker) if op.token < marker.token => {
                let message = format!("{} acts, and this is {}", marker.token, op.token);
                Err(call.fault(FaultKind::Fenced, CHANGE, message))
            }
            _ => Ok(()),
        }
    }

    /// Makes the records what they are to be, on top of what was read, and gives the note that is there then.
    /// Whether a batch was refused because somebody else wrote in between is found out by another look; then it is
    /// tried anew.
    async fn ensure(
        &self,
        call: &Call,
        op: &Op,
        mut read: Read,
        wanted: impl Fn(&Group) -> Target + Send,
    ) -> Result<Marker, Fault> {
        for _ in 0..MOST_TRIES {
            Self::fence(call, &read.group, op)?;
            let target = wanted(&read.group);
            let change = Changed::of(&read.group, target);
            if let Some(marker) = read.group.marker
                && marker.token == op.token
                && !change.anything()
            {
                return Ok(marker);
            }
            match self.write(call, op, &read, target, change).await {
                Err(fault) if fault.kind == FaultKind::Rejected => {
                    let now = self.read(call).await?;
                    if now.group == read.group {
                        return Err(fault);
                    }
                    read = now;
                }
                answer => return answer,
            }
        }
        let kind = FaultKind::Unavailable { retry_after: None };
        Err(call.fault(kind, CHANGE, "somebody else goes on changing these records"))
    }

    async fn write(
        &self,
        call: &Call,
        op: &Op,
        read: &Read,
        target: Target,
        change: Changed,
    ) -> Result<Marker, Fault> {
        let clock = &**self.account.time();
        let keep = self.kept_for(&read.group);
        let until = if change.anything() {
            Monotonic(clock.monotonic().0 + self.servers + keep).max(read.until)
        } else {
            read.until
        };
        let long = read
            .group
            .marker
            .map(|marker| marker.long_until)
            .unwrap_or_default();
        let marker = Marker {
            token: op.token,
            weights: target.weights,
            until: on_the_wall(clock, until),
            long_until: if change.ttl {
                on_the_wall(clock, until).max(long)
            } else {
                long
            },
        };
        let wanted = Wanted {
            marker,
            ttl: target.ttl,
            marker_name: self.records.marker_name(),
        };
        let batch = wanted
            .batch(&read.group)
            .map_err(|error| call.unfit(CHANGE, error.to_string()))?;
        let request = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&self.records.zone)
            .change_batch(batch);
        let answer = call.change(CHANGE, request.send()).await?;
        if let Some(info) = answer.change_info.filter(|_| change.anything()) {
            let id = info.id.trim_start_matches("/change/").to_owned();
            self.with_seen(|seen| seen.changed(target.weights, id, keep, until));
        }
        Ok(marker)
    }

    /// Whether all servers have our last change; `Some` says which one they do not have.
    async fn pending(&self, call: &Call) -> Result<Option<String>, Fault> {
        let Some(change) = self.with_seen(|seen| seen.pending()) else {
            return Ok(None);
        };
        let answer = call
            .read("GetChange", self.client.get_change().id(&change.id).send())
            .await?;
        let status = answer.change_info.map(|info| info.status);
        if status != Some(ChangeStatus::Insync) {
            return Ok(Some(change.id));
        }
        let now = self.account.time().monotonic();
        self.with_seen(|seen| seen.in_sync(&change, now));
        Ok(None)
    }
}

/// The records as they are, and until when resolvers may answer by something else.
struct Read {
    group: Group,
    until: Monotonic,
}

/// What the records are to be.
#[derive(Debug, Clone, Copy)]
struct Target {
    weights: Weights,
    /// `None`: as it is.
    ttl: Option<u32>,
}

/// What a target changes.
#[derive(Debug, Clone, Copy)]
struct Changed {
    weights: bool,
    ttl: bool,
}

impl Changed {
    fn of(group: &Group, target: Target) -> Self {
        Self {
            weights: target.weights != group.weights,
            ttl: target.ttl.is_some_and(|ttl| ttl < group.ttl(0)),
        }
    }

    const fn anything(self) -> bool {
        self.weights || self.ttl
    }
}

const CHANGE: &str = "ChangeResourceRecordSets";
