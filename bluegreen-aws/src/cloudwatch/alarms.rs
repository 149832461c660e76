//! Alarms as guards.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use bluegreen_core::{Fault, Gate, GateContext, Op, Slot, Verdict};

use super::SERVICE;
use crate::account::{Account, Call, Urgency, bounded};

const OPERATION: &str = "DescribeAlarms";
/// The most names of one request.
const MOST_NAMES: usize = 100;

/// Fails while one of its alarms is in `ALARM`, and passes while all of them are `OK`. `INSUFFICIENT_DATA` is
/// inconclusive, and an alarm that is not there is an error of the measurement: no data is not a pass.
///
/// An alarm is as slow as its periods and its metric are: minutes. It says something of the time before the release
/// too, so one that still stands from yesterday stops the deployment, as it should.
///
/// ```
/// use bluegreen_aws::Account;
/// use bluegreen_aws::cloudwatch::AlarmGate;
/// use bluegreen_core::Slot;
/// # let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
///
/// let gate = AlarmGate::new(&Account::new(&config), "alarms", "shop-5xx")
///     .alarm("shop-orders-too-few")
///     .alarm_of(Slot::Green, "shop-green-cpu");
/// # drop(gate);
/// ```
#[derive(Clone)]
pub struct AlarmGate {
    account: Account,
    client: Client,
    name: String,
    /// Those without a slot are asked for both.
    alarms: Vec<(Option<Slot>, String)>,
}

impl fmt::Debug for AlarmGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlarmGate")
            .field("name", &self.name)
            .field("alarms", &self.alarms)
            .finish_non_exhaustive()
    }
}

impl AlarmGate {
    /// A gate under the name that plans use, with an alarm that concerns both slots.
    #[must_use]
    pub fn new(account: &Account, name: impl Into<String>, alarm: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: name.into(),
            alarms: vec![(None, alarm.into())],
        }
    }

    /// With another alarm that concerns both slots: on metrics, or composite.
    #[must_use]
    pub fn alarm(mut self, alarm: impl Into<String>) -> Self {
        self.alarms.push((None, alarm.into()));
        self
    }

    /// With an alarm that concerns one slot.
    #[must_use]
    pub fn alarm_of(mut self, slot: Slot, alarm: impl Into<String>) -> Self {
        self.alarms.push((Some(slot), alarm.into()));
        self
    }

    /// The states of alarms, with the reasons that CloudWatch gives.
    async fn states(
        &self,
        call: &Call,
        names: &[&str],
    ) -> Result<Vec<(String, Option<StateValue>, String)>, Fault> {
        let mut states = Vec::new();
        for names in names.chunks(MOST_NAMES) {
            let mut next = None;
            loop {
                // Without types only alarms on metrics are shown.
                let request = self
                    .client
                    .describe_alarms()
                    .set_alarm_names(Some(names.iter().map(|name| (*name).to_owned()).collect()))
                    .alarm_types(AlarmType::MetricAlarm)
                    .alarm_types(AlarmType::CompositeAlarm)
                    .set_next_token(next);
                let page = call.read(OPERATION, request.send()).await?;
                for alarm in page.metric_alarms.unwrap_or_default() {
                    let reason = alarm.state_reason.unwrap_or_default();
                    states.push((alarm.alarm_name.unwrap_or_default(), alarm.state_value, reason));
                }
                for alarm in page.composite_alarms.unwrap_or_default() {
                    let reason = alarm.state_reason.unwrap_or_default();
                    states.push((alarm.alarm_name.unwrap_or_default(), alarm.state_value, reason));
                }
                next = page.next_token;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(states)
    }
}

#[async_trait]
impl Gate for AlarmGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let concerns = |slot: &Option<Slot>| slot.is_none_or(|slot| slot == context.slot);
        let names: Vec<&str> = self
            .alarms
            .iter()
            .filter(|(slot, _)| concerns(slot))
            .map(|(_, name)| name.as_str())
            .collect();
        let resource = format!("alarms of gate {}", self.name);
        let call = self.account.begin(op, Urgency::Routine, SERVICE, resource);
        let states = self.states(&call, &names).await?;
        if let Some(missing) = names
            .iter()
            .find(|name| !states.iter().any(|(known, ..)| known == *name))
        {
            return Err(call.unfit(
                OPERATION,
                format!("there is no alarm «{}» in this region", bounded(missing)),
            ));
        }
        let mut unknown = None;
        for (name, state, reason) in &states {
            let line = || bounded(&format!("alarm {name}: {reason}"));
            match state {
                Some(StateValue::Alarm) => return Ok(Verdict::fail(line())),
                Some(StateValue::Ok) => {}
                _ => unknown = Some(line()),
            }
        }
        Ok(match unknown {
            Some(line) => Verdict::inconclusive(format!("not enough data: {line}")),
            None => Verdict::pass(format!("{} alarms are OK", states.len())),
        })
    }
}
