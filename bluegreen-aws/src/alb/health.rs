//! Whether enough targets of a slot are healthy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use bluegreen_core::{Fault, Gate, GateContext, Op, Outcome, Share, Verdict};

use super::SERVICE;
use super::arn::{Groups, short};
use super::router::listed;
use crate::account::{Account, Call, Urgency};

/// Passes while enough targets of a slot are healthy, several reads in a row. As a gate it says when a slot may get
/// traffic, as a guard it is the floor under it.
///
/// A balancer takes a new target after one passing check, sends requests to *all* targets of a group of which
/// none is healthy, and answers 503 for an empty one without trying the other group. So counts are compared here,
/// and a group that nothing forwards to is not healthy: nobody checks its targets
/// ([health checks](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html)).
///
/// - *Pass*: as many targets as expected are healthy, in as many zones.
/// - *Inconclusive*: too few are, others are `initial`, and the slot has no traffic.
/// - *Fail*: everything else.
#[derive(Debug, Clone)]
pub struct AlbHealthGate {
    account: Account,
    client: Client,
    name: String,
    pairs: Vec<Groups>,
    expected: Option<u32>,
    zones: u32,
    each: u32,
    reads: u32,
    between: Duration,
    /// What was found out about groups already.
    slow_starts: Arc<Mutex<BTreeMap<String, String>>>,
}

/// How the targets of one group are.
#[derive(Debug, Default)]
struct Census {
    states: BTreeMap<String, u32>,
    healthy_by_zone: BTreeMap<String, u32>,
    reasons: BTreeSet<String>,
}

impl AlbHealthGate {
    /// A gate named `targets`: all targets that are registered are healthy, at least one, two reads in a row.
    #[must_use]
    pub fn new(account: &Account, groups: Groups) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: "targets".to_owned(),
            pairs: vec![groups],
            expected: None,
            zones: 0,
            each: 1,
            reads: 2,
            between: Duration::from_secs(1),
            slow_starts: Arc::default(),
        }
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Of another balancer too. Each of its groups has to be as the first.
    #[must_use]
    pub fn and(mut self, groups: Groups) -> Self {
        self.pairs.push(groups);
        self
    }

    /// At least so many healthy targets in each group, whatever else is registered; at least one.
    #[must_use]
    pub fn expect(mut self, targets: u32) -> Self {
        self.expected = Some(targets.max(1));
        self
    }

    /// In at least so many zones, with at least so many healthy targets in each of them.
    #[must_use]
    pub fn zones(mut self, zones: u32, each: u32) -> Self {
        self.zones = zones;
        self.each = each.max(1);
        self
    }

    /// So many reads in a row have to be good, with this time between them; at least one. They have to fit into the
    /// time that a check has.
    #[must_use]
    pub fn reads(mut self, reads: u32, between: Duration) -> Self {
        self.reads = reads.max(1);
        self.between = between;
        self
    }

    async fn census(&self, call: &Call, group: &str) -> Result<Census, Fault> {
        let request = self.client.describe_target_health().target_group_arn(group);
        let answer = call.read("DescribeTargetHealth", request.send()).await?;
        let mut census = Census::default();
        for target in answer.target_health_descriptions.unwrap_or_default() {
            census.add(&target);
        }
        Ok(census)
    }

    /// A target that is new gets its share little by little, so a short bake sees little of it.
    async fn slow_start(&self, call: &Call, group: &str) -> Result<String, Fault> {
        let known = || self.slow_starts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(group) {
            return Ok(known.clone());
        }
        let request = self
            .client
            .describe_target_group_attributes()
            .target_group_arn(group);
        let answer = call.read("DescribeTargetGroupAttributes", request.send()).await?;
        let attributes = answer.attributes.unwrap_or_default();
        let seconds = attributes
            .iter()
            .find(|attribute| attribute.key() == Some("slow_start.duration_seconds"))
            .and_then(|attribute| attribute.value())
            .filter(|value| *value != "0");
        let words = seconds.map_or_else(String::new, |seconds| {
            format!("; slow start: new targets have their share after {seconds} s")
        });
        known().insert(group.to_owned(), words.clone());
        Ok(words)
    }

    /// One read of all groups.
    async fn read(&self, call: &Call, context: &GateContext) -> Result<Verdict, Fault> {
        let mut found = Vec::new();
        let mut outcome = Outcome::Pass;
        for pair in &self.pairs {
            let group = pair.of(context.slot);
            let census = self.census(call, group).await?;
            let (one, what) = self.judge(&census, context);
            found.push(format!("{}: {what}", short(group)));
            outcome = match (outcome, one) {
                (Outcome::Fail, _) | (_, Outcome::Fail) => Outcome::Fail,
                (Outcome::Inconclusive, _) | (_, Outcome::Inconclusive) => Outcome::Inconclusive,
                (Outcome::Pass, Outcome::Pass) => Outcome::Pass,
            };
        }
        Ok(Verdict {
            outcome,
            evidence: listed(&found),
        })
    }

    fn judge(&self, census: &Census, context: &GateContext) -> (Outcome, String) {
        let healthy = census.of("healthy");
        let registered = census.registered();
        let expected = self.expected.unwrap_or(registered).max(1);
        let zones = census
            .healthy_by_zone
            .values()
            .filter(|count| **count >= self.each);
        let zones = u32::try_from(zones.count()).unwrap_or(u32::MAX);
        let mut what = format!("{healthy} of {expected} targets are healthy ({})", census.shown());
        if census.of("unused") > 0 {
            what += "; a group that nothing forwards to is not checked";
            return (Outcome::Fail, what);
        }
        if healthy >= expected && zones >= self.zones {
            return (Outcome::Pass, what);
        }
        if healthy >= expected {
            let _ = write!(
                what,
                "; {zones} zones have {} healthy targets or more, {} are needed",
                self.each, self.zones
            );
        }
        let has_traffic = context.split.share(context.slot) > Share::NONE;
        if healthy == 0 && has_traffic && registered > 0 {
            what += "; the balancer sends to all of them now, healthy or not";
        }
        let may_come = healthy.saturating_add(census.of("initial")) >= expected;
        if may_come && !has_traffic && census.of("initial") > 0 {
            (Outcome::Inconclusive, what)
        } else {
            (Outcome::Fail, what)
        }
    }
}

impl Census {
    fn add(&mut self, target: &TargetHealthDescription) {
        let health = target.target_health();
        let state = health.and_then(|health| health.state());
        let state = state.map_or("unknown", TargetHealthStateEnum::as_str);
        *self.states.entry(state.to_owned()).or_default() += 1;
        if state == "healthy" {
            let zone = target.target().and_then(|target| target.availability_zone());
            *self
                .healthy_by_zone
                .entry(zone.unwrap_or("no zone").to_owned())
                .or_default() += 1;
        } else if let Some(reason) = health.and_then(|health| health.reason()) {
            self.reasons.insert(reason.as_str().to_owned());
        }
    }

    fn of(&self, state: &str) -> u32 {
        self.states.get(state).copied().unwrap_or(0)
    }

    /// Those that are to stay.
    fn registered(&self) -> u32 {
        let staying = self.states.iter().filter(|(state, _)| *state != "draining");
        staying.map(|(_, count)| *count).sum()
    }

    fn shown(&self) -> String {
        if self.states.is_empty() {
            return "none is registered".to_owned();
        }
        let states: Vec<String> = self
            .states
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let reasons: Vec<String> = self.reasons.iter().cloned().collect();
        match reasons.as_slice() {
            [] => states.join(", "),
            reasons => format!("{}; {}", states.join(", "), listed(reasons)),
        }
    }
}

#[async_trait]
impl Gate for AlbHealthGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let call = self.account.begin(op, Urgency::Rollback, SERVICE, &self.name);
        let mut good = 0;
        loop {
            let mut verdict = self.read(&call, context).await?;
            if verdict.outcome != Outcome::Pass {
                return Ok(verdict);
            }
            good += 1;
            if good >= self.reads {
                for pair in &self.pairs {
                    verdict.evidence += &self.slow_start(&call, pair.of(context.slot)).await?;
                }
                let _ = write!(verdict.evidence, "; {good} reads in a row");
                return Ok(verdict);
            }
            if !call.pause(self.between).await {
                let evidence = format!(
                    "{}; {good} of {} reads were made, for more there was no time",
                    verdict.evidence, self.reads
                );
                return Ok(Verdict::inconclusive(evidence));
            }
        }
    }
}
