//! The port.

use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Decides, Fault, FaultKind, Fencing, Granularity, InFlight, Observation, Op, Router, RouterCapabilities,
    Slot, Split, Verification,
};

use super::group::Group;
use super::{CHANGE, Read, Route53Router, Target, Weights};
use crate::account::{Call, Urgency, bounded};

/// Half percents and multiples of 5 %.
const SMALL: u16 = 200;
const LARGE: u16 = 20;

const INSTEAD: &str = "DNS divides resolvers and not requests, so small shares are lumpy: one resolver can be a third \
    of all clients. Multiples of 5 % are taken; Route53Router::small_shares takes half percents. For an exact canary \
    use a load balancer";

impl Route53Router {
    /// What would make the weights mean something else.
    async fn refuse_traps(&self, call: &Call, group: &Group) -> Result<(), Fault> {
        const OPERATION: &str = "stage";
        let unfit = |what: &str| Err(call.unfit(OPERATION, what));
        if group.weights == (Weights { blue: 0, green: 0 }) {
            return unfit("both weights are 0, which Route 53 takes as equal shares: give one of them all");
        }
        if !group.fails_over() {
            return Ok(());
        }
        if !self.takes_failover {
            return unfit(
                "there are health checks or EvaluateTargetHealth on these records: when those with a weight are \
                 unhealthy, Route 53 gives out the one with weight 0, so the candidate could get all the traffic \
                 before anybody has looked at it. Take them off, or accept it with Route53Router::takes_failover",
            );
        }
        if !group.others.is_empty() {
            return unfit("somebody else's record of weight 0 would be given out when ours are unhealthy");
        }
        for id in group.checks() {
            let request = self.client.get_health_check_status().health_check_id(&id);
            let answer = call.read("GetHealthCheckStatus", request.send()).await?;
            let seen = answer.health_check_observations;
            let is_good = |status: Option<&str>| status.is_some_and(|status| status.starts_with("Success"));
            let healthy = seen.iter().filter(|one| {
                let report = one.status_report.as_ref();
                is_good(report.and_then(|report| report.status.as_deref()))
            });
            // Route 53 goes by [more than 18 % of its checkers](https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html);
            // before anything is begun, most of them have to agree.
            if seen.is_empty() || healthy.count() * 2 <= seen.len() {
                return unfit(&format!(
                    "health check {} is unhealthy: Route 53 does not divide by the weights now",
                    bounded(&id)
                ));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Router for Route53Router {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> RouterCapabilities {
        let steps = if self.takes_small_shares { SMALL } else { LARGE };
        let ttl = Duration::from_secs(self.ttl.max(self.alias_ttl).into());
        RouterCapabilities::exact()
            .granularity(Granularity::Steps(steps))
            .decides(Decides::PerResolver)
            .propagation(self.servers + ttl)
            .fencing(Fencing::Token)
            .cost("not instant: resolvers keep the old answer for its time to live, some clients longer")
            .instead(INSTEAD)
    }

    async fn observe(&self, op: &Op) -> Result<Observation, Fault> {
        let call = self.begin(op, Urgency::Rollback);
        let Read { group, .. } = self.read(&call).await?;
        let Weights { blue, green } = group.weights;
        let ttl = group.ttl(self.alias_ttl);
        let equal = if blue == 0 && green == 0 {
            ", which Route 53 takes as equal shares"
        } else {
            ""
        };
        let evidence = format!("weights blue {blue}, green {green}{equal}; time to live {ttl} s");
        let seen = Observation::new(group.weights.split(), evidence);
        Ok(match group.marker {
            Some(marker) => seen.token(marker.token),
            None => seen,
        })
    }

    /// Lowers the time to live, and is ready when the old one is over: until then it answers `Unavailable`, with
    /// the wait, or waits where the call has the time. How long that is stands in the zone, so that a restart
    /// neither forgets it nor waits anew.
    async fn stage(&self, op: &Op, _: Slot) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Routine);
        let read = self.read(&call).await?;
        Self::fence(&call, &read.group, op)?;
        self.refuse_traps(&call, &read.group).await?;
        let lowered = |group: &Group| Target {
            weights: group.weights,
            ttl: Some(self.ttl.min(group.ttl(0))),
        };
        let marker = self.ensure(&call, op, read, lowered).await?;
        let wait = marker.long_until.since(self.account.time().now());
        if wait.is_zero() || call.pause(wait).await {
            return Ok(());
        }
        let message = format!(
            "the time to live was lowered, and resolvers may keep answers of before for another {} s: \
             deadlines.stage has to be longer than that",
            wait.as_secs() + 1
        );
        let kind = FaultKind::Unavailable {
            retry_after: Some(wait),
        };
        Err(call.fault(kind, "stage", message))
    }

    async fn shift(&self, op: &Op, split: Split) -> Result<(), Fault> {
        let call = self.begin(op, Urgency::Rollback);
        let weights = Weights::exactly(split).filter(|_| self.capabilities().can_hold(split));
        let weights =
            weights.ok_or_else(|| call.unfit(CHANGE, format!("{split} cannot be held: {INSTEAD}")))?;
        let divided = |group: &Group| Target {
            // Weights of somebody else that come to the same stay.
            weights: if group.weights.are(split) {
                group.weights
            } else {
                weights
            },
            ttl: None,
        };
        let read = self.read(&call).await?;
        self.ensure(&call, op, read, divided).await.map(drop)
    }

    async fn verify(&self, op: &Op, split: Split) -> Result<Verification, Fault> {
        let call = self.begin(op, Urgency::Rollback);
        let Read { group, .. } = self.read(&call).await?;
        let Weights { blue, green } = group.weights;
        if !group.weights.are(split) {
            let why = format!("the weights are blue {blue}, green {green}");
            return Ok(Verification::NotYet { why });
        }
        if let Some(id) = self.pending(&call).await? {
            let why = format!("change {id} is pending: not all servers of Route 53 have it");
            return Ok(Verification::NotYet { why });
        }
        let left = self.until(&group).since(self.account.time().monotonic());
        Ok(if left.is_zero() {
            let evidence = format!(
                "weights blue {blue}, green {green} on all servers of Route 53, and the time to live of older answers \
                 is over; resolvers were not asked, and some clients follow later"
            );
            Verification::Live { evidence }
        } else {
            let why = format!(
                "resolvers may keep older answers for another {} s",
                left.as_secs() + 1
            );
            Verification::NotYet { why }
        })
    }

    async fn in_flight(&self, op: &Op, slot: Slot) -> Result<InFlight, Fault> {
        let Some((metrics, metric)) = &self.traffic else {
            return Ok(InFlight::Unknown);
        };
        Ok(match metrics.read(op, metric, slot).await? {
            None => InFlight::Unknown,
            Some(count) if count <= 0.0 => InFlight::None,
            // How many there are does not matter, only that there are some.
            Some(_) => InFlight::AtLeast(1),
        })
    }
}
