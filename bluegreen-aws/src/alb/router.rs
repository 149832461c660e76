//! The router in weighted target groups.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::Action;
use bluegreen_core::{
    Decides, Fault, FaultKind, Fencing, Granularity, InFlight, Monotonic, Observation, Op, Router,
    RouterCapabilities, Slot, Split, Timestamp, Verification,
};
use futures_util::future::join_all;

use super::SERVICE;
use super::arn::{Groups, short};
use super::build::AlbRouterBuilder;
use super::finished::Finished;
use super::forward::{self, Held, changed, held};
use super::places::{self, Kind, Place, Where};
use crate::account::{Call, Urgency};

/// Weights from 0 to 999 hold every tenth of a percent exactly: 0.1 % is 999 to 1.
const STEPS: u16 = 1_000;

/// Holds the split in the weights of forward actions: of any number of listeners and rules, on any number of
/// balancers.
///
/// A shift reads each place, changes the weights and nothing else, and sends all actions back, because the service
/// replaces lists whole. All places are changed side by side. A shift that is dropped after it has begun to write
/// finishes its writing within its time: all places, not some. There is no conditional write: what somebody
/// else changes between the read and the write is overwritten; the answer and the next look are compared
/// with what was sent.
///
/// Groups are never deleted, and targets never deregistered.
#[derive(Clone)]
pub struct AlbRouter {
    pub(super) parts: Arc<AlbRouterBuilder>,
    pub(super) client: Client,
    memory: Arc<Mutex<Memory>>,
    /// How many changes of places have begun and ended, so that nobody takes one in the middle for a disagreement.
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

/// What this instance has done. All of it may be lost with the process.
#[derive(Debug, Default)]
struct Memory {
    staged: Option<Slot>,
    accepted: Option<Accepted>,
    balancers: Option<BTreeSet<String>>,
    /// The deregistration delays of groups.
    delays: BTreeMap<String, Duration>,
}

/// The last split that the service took.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) split: Split,
    pub(super) at: Monotonic,
    pub(super) wall: Timestamp,
    /// What was sent, until it was seen to be live.
    sent: BTreeMap<String, Vec<Action>>,
}

/// A client has no short form; what it is made of is in the parts.
impl fmt::Debug for AlbRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbRouter")
            .field("parts", &self.parts)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// A place with what it holds.
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) held: Held,
}

impl AlbRouter {
    /// Between the groups of the two slots, over everything that forwards to either on the balancer that uses
    /// them, unless listeners and rules are named or balancers are found by a tag.
    #[must_use]
    pub fn between(account: &crate::Account, groups: Groups) -> AlbRouterBuilder {
        AlbRouterBuilder::new(account, groups)
    }

    pub(super) fn new(parts: AlbRouterBuilder) -> Self {
        Self {
            client: Client::new(parts.account.config()),
            parts: Arc::new(parts),
            memory: Arc::default(),
            begun: Arc::default(),
            ended: Arc::default(),
        }
    }

    fn begin(&self, op: &Op, urgency: Urgency) -> Call {
        self.parts.account.begin(op, urgency, SERVICE, &self.parts.name)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which balancers there are to look at is found out when a router is staged, and kept.
    async fn places(&self, call: &Call) -> Result<Vec<Place>, Fault> {
        let (client, parts) = (&self.client, &self.parts);
        let known = self.memory().balancers.clone();
        let balancers = match known {
            Some(known) => known,
            None => places::balancers(client, call, &parts.looked, &parts.pairs).await?,
        };
        let places = places::read(client, call, &parts.looked, &balancers, &parts.pairs).await?;
        if places.is_empty() {
            return Err(call.unfit(
                "DescribeRules",
                "no listener and no rule forwards to either group",
            ));
        }
        self.memory().balancers = Some(balancers);
        Ok(places)
    }

    /// All places with what they hold; a place that holds no split is refused.
    async fn seen(&self, call: &Call, operation: &'static str) -> Result<Vec<Seen>, Fault> {
        let mut seen = Vec::new();
        let mut strange = Vec::new();
        for place in self.places(call).await? {
            match held(&place.actions, &self.parts.pairs) {
                Ok(held) => seen.push(Seen { place, held }),
                Err(what) => strange.push(format!("{}: {what}", place.name())),
            }
        }
        if strange.is_empty() {
            return Ok(seen);
        }
        let what = listed(&strange);
        Err(call.unfit(
            operation,
            format!("somebody else's configuration is there: {what}"),
        ))
    }

    /// Sends what differs, all places side by side. Dropped, it goes on until all of it was sent.
    async fn write(&self, call: Call, changes: Vec<(Place, Vec<Action>)>) -> Result<(), Fault> {
        let count = changes.len();
        let (client, begun, ended) = (self.client.clone(), self.begun.clone(), self.ended.clone());
        let whole = Finished::new(async move {
            begun.fetch_add(1, Ordering::SeqCst);
            let _end = Ended(ended);
            let write = async |(place, actions)| places::write(&client, &call, &place, actions).await;
            join_all(changes.into_iter().map(write)).await
        });
        let faults = whole.await.into_iter().filter_map(Result::err).collect();
        worst(faults, count)
    }

    fn remember(&self, split: Split, sent: BTreeMap<String, Vec<Action>>) {
        let clock = self.parts.account.time();
        let now = (clock.monotonic(), clock.now());
        let mut memory = self.memory();
        // A repetition of what was accepted does not begin the wait anew.
        let old = memory.accepted.as_ref().filter(|old| old.split == split);
        let (at, wall) = old.map_or(now, |old| (old.at, old.wall));
        memory.accepted = Some(Accepted {
            split,
            at,
            wall,
            sent,
        });
    }

    /// When a split was accepted: now at the latest, where another process has set it.
    fn accepted(&self, split: Split) -> Accepted {
        let clock = self.parts.account.time();
        let mut memory = self.memory();
        let known = memory.accepted.clone().filter(|accepted| accepted.split == split);
        let accepted = known.unwrap_or_else(|| Accepted {
            split,
            at: clock.monotonic(),
            wall: clock.now(),
            sent: BTreeMap::new(),
        });
        memory.accepted = Some(accepted.clone());
        accepted
    }

    /// What keeps the configuration from being that of a split.
    fn differs(&self, places: &[Place], split: Split, accepted: &Accepted) -> Option<Verification> {
        let mut other = Vec::new();
        let mut stays = Duration::ZERO;
        for place in places {
            match held(&place.actions, &self.parts.pairs) {
                Err(what) => other.push(format!("{}: {what}", place.name())),
                Ok(held) if held.split != split => {
                    other.push(format!("{} holds {}", place.name(), held.split));
                }
                Ok(held) => stays = stays.max(held.stickiness.unwrap_or_default()),
            }
        }
        if !other.is_empty() {
            let why = listed(&other);
            return Some(Verification::NotYet { why });
        }
        let changed: Vec<String> = places
            .iter()
            .filter(|place| {
                accepted
                    .sent
                    .get(&place.arn)
                    .is_some_and(|sent| *sent != place.actions)
            })
            .map(|place| place.name().to_owned())
            .collect();
        if !changed.is_empty() {
            let why = format!("somebody else has changed {} since the shift", listed(&changed));
            return Some(Verification::Unknown { why });
        }
        let left = stays.saturating_sub(self.parts.account.time().monotonic().since(accepted.at));
        if split.only().is_some() && !left.is_zero() {
            let why = format!(
                "group stickiness keeps clients with the other slot, for another {} s at most",
                left.as_secs() + 1
            );
            return Some(Verification::NotYet { why });
        }
        None
    }

    /// How long requests may go on after the last one was sent: the group's deregistration delay.
    async fn delay(&self, call: &Call, group: &str) -> Result<Duration, Fault> {
        if let Some(known) = self.memory().delays.get(group) {
            return Ok(*known);
        }
        let request = self
            .client
            .describe_target_group_attributes()
            .target_group_arn(group);
        let answer = call.read("DescribeTargetGroupAttributes", request.send()).await?;
        let attributes = answer.attributes.unwrap_or_default();
        let delay = attributes
            .iter()
            .find(|attribute| attribute.key() == Some("deregistration_delay.timeout_seconds"))
            .and_then(|attribute| attribute.value()?.parse().ok())
            // What the service takes where nothing is said.
            .map_or(Duration::from_mins(5), Duration::from_secs);
        self.memory().delays.insert(group.to_owned(), delay);
        Ok(delay)
    }
}

/// Counts the end of a change, however it ends.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the faults of some writes mean for all of them together: what is unknown weighs most.
fn worst(faults: Vec<Fault>, count: usize) -> Result<(), Fault> {
    let failed = faults.len();
    let rank = |fault: &Fault| match fault.kind {
        FaultKind::Unknown => 0,
        FaultKind::Fenced | FaultKind::Rejected => 1,
        FaultKind::Unavailable { .. } => 2,
    };
    let Some(mut fault) = faults.into_iter().min_by_key(rank) else {
        return Ok(());
    };
    if count > 1 {
        let done = count - failed;
        fault.message = format!("{} ({done} of {count} places were changed)", fault.message);
    }
    Err(fault)
}

/// A few of them, for people.
pub(super) fn listed(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let text = items
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    match items.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{text}; and {more} more"),
        _ => text,
    }
}

#[async_trait]
impl Router for AlbRouter {
    fn name(&self) -> &str {
        &self.parts.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        let stickiness = self.parts.stickiness;
        RouterCapabilities::exact()
            .granularity(Granularity::Steps(STEPS))
            .decides(Decides::PerRequest)
            .propagation(self.parts.propagation.saturating_add(stickiness.longest_wait()))
            .fencing(Fencing::Settle(self.parts.settle))
            .affinity(stickiness.keeps_clients())
            .instead(
                "Weights of target groups are whole numbers up to 999: write shares in tenths of a percent",
            )
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        const POLL: Duration = Duration::from_millis(20);
        let call = self.begin(op, Urgency::Rollback);
        let (seen, splits) = loop {
            let ended = self.ended.load(Ordering::SeqCst);
            let seen = self.seen(&call, "observe").await?;
            let mut splits: Vec<Split> = seen.iter().map(|seen| seen.held.split).collect();
            splits.dedup();
            // While this instance changes them, one after the other may be seen.
            let is_changing = self.begun.load(Ordering::SeqCst) != ended;
            if splits.len() == 1 || !is_changing || !call.pause(POLL).await {
                break (seen, splits);
            }
        };
        let [split] = splits.as_slice() else {
            let each: Vec<String> = seen
                .iter()
                .map(|seen| format!("{} holds {}", seen.place.name(), seen.held.split))
                .collect();
            let what = format!("listeners and rules disagree: {}", listed(&each));
            return Err(call.unfit("observe", what));
        };
        let listeners = seen
            .iter()
            .filter(|seen| seen.place.kind == Kind::Listener)
            .count();
        let mut evidence = format!(
            "{split} in {listeners} default actions and {} rules",
            seen.len() - listeners
        );
        let sticky = seen.iter().filter_map(|seen| seen.held.stickiness).max();
        if let Some(time) = sticky {
            let _ = write!(
                evidence,
                "; group stickiness is on: a client stays with its group for {time:?}"
            );
        }
        Ok(Observation::new(*split, evidence))
    }

    async fn stage(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine);
        if let Some(problem) = self.parts.stickiness.problem() {
            return Err(call.unfit("stage", problem));
        }
        self.memory().balancers = None;
        let seen = self.seen(&call, "stage").await?;
        if self.parts.looked != Where::Used {
            let all = places::everywhere(&self.client, &call, &self.parts.pairs).await?;
            let forgotten: Vec<String> = all
                .iter()
                .filter(|place| seen.iter().all(|seen| seen.place.arn != place.arn))
                .map(|place| place.name().to_owned())
                .collect();
            if !forgotten.is_empty() {
                let what = format!(
                    "{} forwards to the same groups and would not follow",
                    listed(&forgotten)
                );
                return Err(call.unfit("stage", what));
            }
        }
        let mut changes = Vec::new();
        for Seen { place, held } in seen {
            if let Some(objection) = self.parts.stickiness.objection(held.stickiness) {
                return Err(call.unfit("stage", format!("{}: {objection}", place.name())));
            }
            let attached = changed(&place.actions, &held, None, held.stickiness);
            let attached = attached.map_err(|what| call.unfit("stage", what))?;
            if !held.is_complete {
                changes.push((place, attached));
            }
        }
        self.memory().staged = Some(slot);
        self.write(call, changes).await
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback);
        if !self.capabilities().can_hold(split) {
            return Err(call.unfit("shift", forward::too_fine(split)));
        }
        let is_forward = split.only().is_some() && split.only() == self.memory().staged;
        let mut changes = Vec::new();
        let mut sent = BTreeMap::new();
        for Seen { place, held } in self.seen(&call, "shift").await? {
            let sticky = self.parts.stickiness.under(split, held.stickiness, is_forward);
            let wanted = changed(&place.actions, &held, Some(split), sticky);
            let wanted = wanted.map_err(|what| call.unfit("shift", what))?;
            let normal = forward::normal(&wanted);
            let is_there = normal == place.actions;
            sent.insert(place.arn.clone(), normal);
            if !is_there {
                changes.push((place, wanted));
            }
        }
        self.write(call, changes).await?;
        self.remember(split, sent);
        Ok(())
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback);
        let places = self.places(&call).await?;
        let known = self.memory().accepted.clone();
        let known = known.filter(|accepted| accepted.split == split);
        let unknown = Accepted {
            split,
            at: self.parts.account.time().monotonic(),
            wall: self.parts.account.time().now(),
            sent: BTreeMap::new(),
        };
        if let Some(answer) = self.differs(&places, split, known.as_ref().unwrap_or(&unknown)) {
            return Ok(answer);
        }
        let accepted = self.accepted(split);
        let answer = self.data_plane(&call, op, split, &accepted, places.len()).await;
        if matches!(answer, Verification::Live { .. })
            && let Some(accepted) = self.memory().accepted.as_mut()
        {
            // From here on it is an operator's good right to change other actions.
            accepted.sent.clear();
        }
        Ok(answer)
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let Some(counts) = &self.parts.counts else {
            return Ok(InFlight::Unknown);
        };
        let call = self.begin(op, Urgency::Routine);
        let now = self.parts.account.time().now();
        let mut requests = 0;
        for pair in &self.parts.pairs {
            let group = pair.of(slot);
            let delay = self.delay(&call, group).await?;
            let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            let from = Timestamp::from_millis(now.as_millis().saturating_sub(millis));
            let Some(counted) = counts.since(op, group, from).await? else {
                let message = format!("nothing is known yet of requests of {}", short(group));
                let kind = FaultKind::Unavailable { retry_after: None };
                return Err(call.fault(kind, "in_flight", message));
            };
            requests += counted.requests;
        }
        Ok(match requests {
            0 => InFlight::None,
            some => InFlight::AtLeast(some),
        })
    }
}
