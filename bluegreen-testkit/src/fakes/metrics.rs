//! A source of numbers that are set by the test.

use std::collections::HashMap;

use async_trait::async_trait;
use bluegreen_core::{Fault, Metrics, Op, Slot};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Metrics`].
    MetricsCall {
        /// [`Metrics::read`].
        Read = "read",
    }
}

/// How much of a name is repeated in an error, in characters.
const SHOWN: usize = 100;

/// Numbers by metric and slot. NaN is no data. A metric that was never set, for any slot, is unknown and rejected; one
/// that was set for the other slot only has no data.
#[derive(Debug, Clone)]
pub struct FakeMetrics {
    fake: Scripted<MetricsCall, HashMap<String, HashMap<Slot, f64>>>,
}

scripted!(FakeMetrics, MetricsCall);

impl FakeMetrics {
    /// A source that knows no metric.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        Self {
            fake: Scripted::new("metrics", name, log, HashMap::new()),
        }
    }

    /// Sets the value of a metric for a slot from now on; `None`: the metric is known and has no data.
    pub fn set(&self, metric: impl Into<String>, slot: Slot, value: impl Into<Option<f64>>) {
        let (metric, value) = (metric.into(), value.into());
        self.fake.with(|state, _| {
            let by_slot = state.entry(metric).or_default();
            match value {
                Some(value) => by_slot.insert(slot, value),
                None => by_slot.remove(&slot),
            }
        });
    }
}

#[async_trait]
impl Metrics for FakeMetrics {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let wanted = metric.to_owned();
        self.fake
            .call(
                MetricsCall::Read,
                op,
                format!("{metric} of {slot}"),
                move |state, _| {
                    let Some(by_slot) = state.get(&wanted) else {
                        let shown: String = wanted.chars().take(SHOWN).collect();
                        return Err(Fault::rejected("fake", "read", "there is no such metric").on(shown));
                    };
                    Ok(by_slot.get(&slot).copied().filter(|value| !value.is_nan()))
                },
            )
            .await
    }
}
