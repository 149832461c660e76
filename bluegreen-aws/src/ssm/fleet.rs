//! The machines of both slots, and commands on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{
    Command, CommandFilter, CommandFilterKey, CommandStatus, InstanceInformationStringFilter, PingStatus,
};
use bluegreen_core::command::Values;
use bluegreen_core::{Fault, FaultKind, Op, ServiceName, Slot};
use serde::{Deserialize, Serialize};

use super::command::{Filled, RemoteCommand};
use super::result::Ran;
use super::sent::{Lane, Memory};
use super::{SERVICE, outcome};
use crate::account::{Account, Call, SdkFailure, Urgency};
use crate::per_slot::PerSlot;

/// How long a command may wait for its machine: the least that the service takes.
const DELIVERY: Duration = Duration::from_secs(30);
/// How long it is until nothing of a call that was given up can begin: the delivery, and what the list lags behind.
const SETTLE: Duration = Duration::from_mins(1);
/// Between two looks at a command.
const POLL: Duration = Duration::from_secs(2);
/// How far back commands are looked for, and how long one may run.
const LOOKBACK: Duration = Duration::from_hours(6);
/// The most machines of one command, by the service's limit.
const MACHINES: usize = 50;

/// A tag that the machines of a slot carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Tag {
    /// A tag.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }

    /// The tag that Auto Scaling puts on the machines of a group.
    pub fn of_auto_scaling(group: impl Into<String>) -> Self {
        Self::new("aws:autoscaling:groupName", group)
    }
}

/// The machines of a service, by a tag for each slot, which run commands for it. Clones share what was sent.
///
/// ```
/// # use aws_config::{BehaviorVersion, SdkConfig};
/// use bluegreen_aws::ssm::{Fleet, RemoteCommand, RemoteMigrator, Tag};
/// use bluegreen_aws::{Account, PerSlot};
/// use bluegreen_core::ServiceName;
/// use bluegreen_core::command::CommandSpec;
///
/// # let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// let tags = PerSlot::new(Tag::of_auto_scaling("fixit-blue"), Tag::of_auto_scaling("fixit-green"));
/// let fleet = Fleet::new(&Account::new(&config), ServiceName::new("fixit")?, tags);
/// let artisan = CommandSpec::new(["php", "artisan", "migrate", "--force"]).dir("/srv/api");
/// let migrator = RemoteMigrator::new(fleet).expand(RemoteCommand::run(artisan));
/// # drop(migrator);
/// # Ok::<(), bluegreen_core::InvalidName>(())
/// ```
#[derive(Debug, Clone)]
pub struct Fleet {
    account: Account,
    pub(super) client: Client,
    service: ServiceName,
    tags: PerSlot<Tag>,
    variables: BTreeMap<Slot, BTreeMap<String, String>>,
    settle: Duration,
    pub(super) poll: Duration,
    sent: Memory,
    /// What is found cannot change until it is acted on.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A command that was found or sent: its id, and on how many machines it runs.
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) machines: usize,
}

impl Fleet {
    /// The machines of a service.
    #[must_use]
    pub fn new(account: &Account, service: ServiceName, tags: PerSlot<Tag>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            service,
            tags,
            variables: BTreeMap::new(),
            settle: SETTLE,
            poll: POLL,
            sent: Memory::default(),
            turn: Arc::default(),
        }
    }

    /// With the plan's variables for each slot, as placeholders.
    #[must_use]
    pub fn variables(mut self, slots: BTreeMap<Slot, BTreeMap<String, String>>) -> Self {
        self.variables = slots;
        self
    }

    /// How long it is until a command that was sent can be found, and until one whose sending was given up can no
    /// longer begin; a minute if nothing is said.
    #[must_use]
    pub const fn settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The time between two looks at a command; two seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    pub(super) const fn settle(&self) -> Duration {
        self.settle
    }

    pub(super) fn lane(&self, what: &str) -> Lane {
        Lane::new(&self.service, what)
    }

    pub(super) fn values(&self, slot: Slot) -> Values {
        Values::new(&self.service).slot(slot, self.variables.get(&slot))
    }

    pub(super) fn begin(&self, op: &Op, slot: Slot) -> Call {
        let Tag { key, value } = self.tags.get(slot);
        let resource = format!("the machines with {key}={value}");
        self.account.begin(op, Urgency::Rollback, SERVICE, resource)
    }

    /// Runs a command for an act, once: the command of this act is found again, one that is still at work in the lane
    /// is waited for.
    pub(super) async fn ensure(
        &self,
        call: &Call,
        slot: Slot,
        (lane, act): (&Lane, &str),
        (command, values): (&RemoteCommand, &Values),
    ) -> Result<Ran, Fault> {
        let clock = self.account.time().clone();
        let comment = lane.comment(act);
        let _turn = self.turn.lock().await;
        let filled = Self::filled(call, command, values)?;
        let before = loop {
            let known = self.known(call, lane).await?;
            let shown: Vec<_> = known.iter().filter_map(Command::comment).collect();
            if let Some(ours) = known.iter().rfind(|known| known.comment() == Some(&comment)) {
                match self.result(call, &Sent::of(ours)).await {
                    Ok(ran) => return Ok(ran),
                    // It had ended without being done before this call: it is sent again.
                    Err(fault) if !is_running(ours) && outcome::may_be_sent_again(fault.kind) => {}
                    Err(fault) => return Err(fault),
                }
            }
            let running = known.iter().find(|known| is_running(known));
            let what = match running.and_then(Command::command_id) {
                Some(id) => format!("command {id} of an earlier act is still at work"),
                None if self.sent.is_unseen(lane, &shown, self.settle, &*clock) => {
                    "a command that was sent cannot be seen yet".to_owned()
                }
                None => break shown.iter().filter(|shown| **shown == comment).count(),
            };
            if !call.pause(self.poll).await {
                let kind = FaultKind::Unavailable { retry_after: None };
                return Err(call.fault(kind, "ListCommands", what));
            }
        };
        let machines = self.machines(call, slot, command.is_on_all()).await?;
        self.sent.note(lane, &comment, before, &*clock);
        let ran = async {
            let sent = self.send(call, filled, machines, &comment).await?;
            self.result(call, &sent).await
        };
        let ran = ran.await;
        if !matches!(&ran, Err(fault) if fault.kind == FaultKind::Unknown) {
            self.sent.forget(lane);
        }
        ran
    }

    /// Runs a command that only reads, without looking for an earlier one.
    pub(super) async fn ask(
        &self,
        call: &Call,
        slot: Slot,
        (command, values): (&RemoteCommand, &Values),
    ) -> Result<Ran, Fault> {
        let filled = Self::filled(call, command, values)?;
        let machines = self.machines(call, slot, false).await?;
        let comment = Lane::new(&self.service, "asks").comment(slot.as_str());
        let sent = self.send(call, filled, machines, &comment).await?;
        self.result(call, &sent).await
    }

    fn filled(call: &Call, command: &RemoteCommand, values: &Values) -> Result<Filled, Fault> {
        let longest = call.left().min(LOOKBACK);
        let filled = command.fill(values, longest);
        filled.map_err(|why| call.unfit("SendCommand", why))
    }

    /// The commands of a lane, the oldest first.
    async fn known(&self, call: &Call, lane: &Lane) -> Result<Vec<Command>, Fault> {
        let now = self.account.time().now().as_millis();
        let lookback = i64::try_from(LOOKBACK.as_millis()).unwrap_or(0);
        let after = bluegreen_core::Timestamp::from_millis(now.saturating_sub(lookback)).to_string();
        let after = format!("{}Z", after.split('.').next().unwrap_or_default());
        let mut found = Vec::new();
        let mut pages = None;
        loop {
            let filter = CommandFilter::builder()
                .key(CommandFilterKey::InvokedAfter)
                .value(&after)
                .build();
            let filter = filter.map_err(|error| call.unfit("ListCommands", error.to_string()))?;
            let request = self.client.list_commands().filters(filter).set_next_token(pages);
            let page = call.read("ListCommands", request.send()).await?;
            let of_lane = |command: &&Command| command.comment().is_some_and(|comment| lane.has(comment));
            found.extend(page.commands().iter().filter(of_lane).cloned());
            pages = page.next_token;
            if pages.is_none() {
                break;
            }
        }
        found.sort_by_key(|command| {
            command
                .requested_date_time()
                .map(|at| (at.secs(), at.subsec_nanos()))
        });
        Ok(found)
    }

    /// The machines of a slot whose agents answer: all, of which none may be lost, or one.
    async fn machines(&self, call: &Call, slot: Slot, all: bool) -> Result<Vec<String>, Fault> {
        const OPERATION: &str = "DescribeInstanceInformation";
        let Tag { key, value } = self.tags.get(slot);
        let (mut online, mut lost) = (Vec::new(), Vec::new());
        let mut pages = None;
        loop {
            let filter = InstanceInformationStringFilter::builder()
                .key(format!("tag:{key}"))
                .values(value)
                .build();
            let filter = filter.map_err(|error| call.unfit(OPERATION, error.to_string()))?;
            let request = self
                .client
                .describe_instance_information()
                .filters(filter)
                .max_results(50)
                .set_next_token(pages);
            let page = call.read(OPERATION, request.send()).await?;
            for machine in page.instance_information_list() {
                let id = machine.instance_id().unwrap_or_default().to_owned();
                if machine.ping_status() == Some(&PingStatus::Online) {
                    online.push(id);
                } else {
                    lost.push(id);
                }
            }
            pages = page.next_token;
            if pages.is_none() {
                break;
            }
        }
        online.sort_unstable();
        let none = FaultKind::Unavailable { retry_after: None };
        if online.is_empty() {
            return Err(call.fault(none, OPERATION, "no machine answers"));
        }
        if !all {
            online.truncate(1);
            return Ok(online);
        }
        if !lost.is_empty() {
            let message = format!(
                "{} of {} machines do not answer: {}",
                lost.len(),
                lost.len() + online.len(),
                lost.join(", ")
            );
            return Err(call.fault(none, OPERATION, message));
        }
        if online.len() > MACHINES {
            let message = format!(
                "there are {} machines, and a command goes to {MACHINES} at most",
                online.len()
            );
            return Err(call.unfit(OPERATION, message));
        }
        Ok(online)
    }

    async fn send(
        &self,
        call: &Call,
        filled: Filled,
        machines: Vec<String>,
        comment: &str,
    ) -> Result<Sent, Fault> {
        const OPERATION: &str = "SendCommand";
        let count = machines.len();
        let request = self
            .client
            .send_command()
            .document_name(filled.document)
            .set_parameters(Some(filled.parameters))
            .set_instance_ids(Some(machines))
            .comment(comment)
            .timeout_seconds(i32::try_from(DELIVERY.as_secs()).unwrap_or(i32::MAX));
        let send = async {
            match request.send().await {
                // One of them has gone since it was looked up.
                Err(error) if error.code() == Some("InvalidInstanceId") => Ok(None),
                answer => answer.map(Some),
            }
        };
        let Some(answer) = call.change(OPERATION, send).await? else {
            let kind = FaultKind::Unavailable { retry_after: None };
            return Err(call.fault(kind, OPERATION, "a machine has gone since it was looked up"));
        };
        let id = answer.command().and_then(Command::command_id).map(str::to_owned);
        let id = id.ok_or_else(|| call.fault(FaultKind::Unknown, OPERATION, "the answer has no id"))?;
        Ok(Sent { id, machines: count })
    }
}

impl Sent {
    fn of(command: &Command) -> Self {
        Self {
            id: command.command_id().unwrap_or_default().to_owned(),
            machines: usize::try_from(command.target_count()).unwrap_or(0),
        }
    }
}

const fn is_running(command: &Command) -> bool {
    !matches!(
        command.status,
        Some(
            CommandStatus::Success
                | CommandStatus::Failed
                | CommandStatus::TimedOut
                | CommandStatus::Cancelled
        )
    )
}
