//! A host whose slots are groups of Auto Scaling.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_autoscaling::Client;
use bluegreen_core::{Assignment, Fault, FaultKind, Host, Op, Readiness, ReadyState, Slot};

use super::SERVICE;
use super::group::{Group, Size};
use crate::account::{Account, Call, Urgency};
use crate::per_slot::PerSlot;

/// How long a request that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);
/// Between two looks at a group.
const POLL: Duration = Duration::from_secs(5);

/// Gives each slot its machines, and lets another host run the release on them.
///
/// - [`deploy`](Host::deploy) first brings the slot's group to the wanted size of the other slot's, waits until so
///   many machines are in service, and then lets the other host deploy.
/// - [`readiness`](Host::readiness) counts the machines that are in service, which is what the check of the capacity
///   compares before the cutover.
/// - [`standby`](Host::standby) brings the group down to the standby size, [`retire`](Host::retire) to nothing.
///
/// Only the minimum and the wanted size are ever changed, never the maximum. Tools that keep those have to be told to
/// leave them alone (in Terraform `ignore_changes = [desired_capacity, min_size]`).
///
/// ```
/// # use aws_config::{BehaviorVersion, SdkConfig};
/// use bluegreen_aws::autoscaling::AutoScalingHost;
/// use bluegreen_aws::{Account, PerSlot};
/// use bluegreen_core::Host;
///
/// # let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// fn on_machines(account: &Account, host: impl Host) -> impl Host {
///     let groups = PerSlot::new("fixit-blue".to_owned(), "fixit-green".to_owned());
///     AutoScalingHost::new(account, groups, host).least(2).standby_size(1)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct AutoScalingHost<H> {
    account: Account,
    client: Client,
    groups: PerSlot<String>,
    inner: H,
    least: u32,
    standby: u32,
    settle: Duration,
    poll: Duration,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl<H: Host> AutoScalingHost<H> {
    /// A host of two groups, and the host that runs releases on their machines.
    #[must_use]
    pub fn new(account: &Account, groups: PerSlot<String>, inner: H) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            groups,
            inner,
            least: 1,
            standby: 1,
            settle: SETTLE,
            poll: POLL,
            turn: Arc::default(),
        }
    }

    /// How many machines a slot gets at least, where the other one has fewer; one if nothing is said.
    #[must_use]
    pub const fn least(mut self, machines: u32) -> Self {
        self.least = if machines == 0 { 1 } else { machines };
        self
    }

    /// How many machines a slot keeps that is kept for a rollback; one if nothing is said, and never none.
    #[must_use]
    pub const fn standby_size(mut self, machines: u32) -> Self {
        self.standby = if machines == 0 { 1 } else { machines };
        self
    }

    /// How long a change that was given up may still take effect; half a minute if nothing is said, and never less
    /// than the other host's.
    #[must_use]
    pub const fn settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The time between two looks at a group; five seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    fn begin(&self, op: &Op, slot: Slot) -> Call {
        let resource = self.groups.get(slot).clone();
        self.account.begin(op, Urgency::Routine, SERVICE, resource)
    }

    /// Both groups. One that is missing is left out by the service without a word.
    async fn both(&self, call: &Call) -> Result<PerSlot<Group>, Fault> {
        const OPERATION: &str = "DescribeAutoScalingGroups";
        let mut found = Vec::new();
        let mut pages = None;
        loop {
            let request = self
                .client
                .describe_auto_scaling_groups()
                .auto_scaling_group_names(&self.groups.blue)
                .auto_scaling_group_names(&self.groups.green)
                .set_next_token(pages);
            let page = call.read(OPERATION, request.send()).await?;
            found.extend(page.auto_scaling_groups().iter().map(Group::read));
            pages = page.next_token;
            if pages.is_none() {
                break;
            }
        }
        let take = |name: &String| {
            let group = found.iter().find(|group| group.name == *name).cloned();
            group.ok_or_else(|| call.unfit(OPERATION, format!("there is no group {name}")))
        };
        Ok(PerSlot::new(take(&self.groups.blue)?, take(&self.groups.green)?))
    }

    async fn resize(&self, call: &Call, slot: Slot, size: Size) -> Result<(), Fault> {
        let number = |size: u32| i32::try_from(size).unwrap_or(i32::MAX);
        let request = self
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name(self.groups.get(slot))
            .min_size(number(size.min))
            .desired_capacity(number(size.desired));
        call.change("UpdateAutoScalingGroup", request.send())
            .await
            .map(drop)
    }

    /// Waits until a group is as it should be.
    async fn until(
        &self,
        call: &Call,
        slot: Slot,
        wanted: impl Fn(&Group) -> bool + Send,
    ) -> Result<(), Fault> {
        loop {
            let groups = self.both(call).await?;
            let group = groups.get(slot);
            if wanted(group) {
                return Ok(());
            }
            if !call.pause(self.poll).await {
                let kind = FaultKind::Unavailable { retry_after: None };
                return Err(call.fault(kind, "DescribeAutoScalingGroups", group.evidence()));
            }
        }
    }

    /// What is left of a call for the other host.
    fn rest(op: &Op, call: &Call) -> Op {
        Op::new(op.token, op.id.clone(), call.left())
    }
}

#[async_trait]
impl<H: Host> Host for AutoScalingHost<H> {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let slot = assignment.slot;
        let call = self.begin(op, slot);
        {
            let _turn = self.turn.lock().await;
            let groups = self.both(&call).await?;
            let ours = groups.get(slot);
            let size = ours.like(groups.get(slot.other()), self.least);
            let size = size.map_err(|why| call.unfit("UpdateAutoScalingGroup", why))?;
            if let Some(size) = size {
                self.resize(&call, slot, size).await?;
            }
            let wanted = size.map_or(ours.desired, |size| size.desired);
            self.until(&call, slot, |group| group.in_service >= wanted)
                .await?;
        }
        self.inner.deploy(&Self::rest(op, &call), assignment).await
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let call = self.begin(op, slot);
        let groups = self.both(&call).await?;
        let group = groups.get(slot);
        if group.desired == 0 {
            let state = if group.machines == 0 {
                ReadyState::Stopped
            } else {
                ReadyState::Starting
            };
            let evidence = format!("{}; {} are going", group.evidence(), group.machines);
            return Ok(Readiness::new(state, evidence).instances(group.in_service));
        }
        let mut seen = self.inner.readiness(&Self::rest(op, &call), slot).await?;
        if seen.state == ReadyState::Stopped {
            return Ok(seen);
        }
        if seen.state == ReadyState::Ready && group.in_service == 0 {
            seen.state = ReadyState::Starting;
        }
        seen.evidence = format!("{}; {}", group.evidence(), seen.evidence);
        Ok(seen.instances(group.in_service))
    }

    async fn standby(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, slot);
        let _turn = self.turn.lock().await;
        self.inner.standby(&Self::rest(op, &call), slot).await?;
        let groups = self.both(&call).await?;
        match groups.get(slot).at_most(self.standby) {
            Some(size) => self.resize(&call, slot, size).await,
            None => Ok(()),
        }
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, slot);
        let _turn = self.turn.lock().await;
        let groups = self.both(&call).await?;
        let group = groups.get(slot);
        if group.machines > 0 && group.desired > 0 {
            self.inner.retire(&Self::rest(op, &call), slot).await?;
        }
        if let Some(size) = group.at_most(0) {
            self.resize(&call, slot, size).await?;
        }
        self.until(&call, slot, |group| group.machines == 0).await
    }

    fn settle(&self) -> Duration {
        self.settle.max(self.inner.settle())
    }
}
