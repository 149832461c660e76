//! The contract of [`Metrics`].
//!
//! A fresh subject knows the metric that it names ([`MetricsSubject::new`]), and has no data of it.

use std::sync::Arc;

use bluegreen_core::{FaultKind, Metrics, Slot};
use tokio::task::JoinSet;

use super::around::{Around, Hook, around, hook, through};
use super::case::{CaseResult, Unproven, broken, cases, hold, not_run};
use super::dropped::{MOST_POLLS, polled};
use super::faults::{Call, call, fault_cases, throttling_case};

/// A source of numbers to be examined, and what can be done around it.
pub struct MetricsSubject {
    metrics: Arc<dyn Metrics>,
    around: Around,
    metric: String,
    values: Option<Hook<(Slot, Option<f64>), bool>>,
}

around!(MetricsSubject, faults);

impl MetricsSubject {
    /// A fresh source, and the name of a metric that it knows.
    pub fn new(metrics: impl Metrics + 'static, metric: impl Into<String>) -> Self {
        Self {
            metrics: Arc::new(metrics),
            around: Around::new(),
            metric: metric.into(),
            values: None,
        }
    }

    /// The metric has this value for a slot from now on; `None`: no data. Also asked for
    /// NaN. Answers whether it can do that.
    #[must_use]
    pub fn values(mut self, set: impl AsyncFn(Slot, Option<f64>) -> bool + 'static) -> Self {
        self.values = Some(hook(async move |(slot, value)| set(slot, value).await));
        self
    }

    async fn set(&self, slot: Slot, value: Option<f64>) -> CaseResult {
        if through(self.values.as_ref(), "values", (slot, value)).await? {
            Ok(())
        } else {
            not_run(format!("the hook `values` cannot set {value:?}"))
        }
    }

    async fn read(&self, slot: Slot) -> Result<Option<f64>, Unproven> {
        let op = self.around.op();
        self.around
            .done(
                &format!("read of {slot}"),
                self.metrics.read(&op, &self.metric, slot),
            )
            .await
    }

    async fn is(&self, slot: Slot, expected: Option<f64>) -> CaseResult {
        let read = self.read(slot).await?;
        // A number is to come back as the same number, bit for bit.
        let same = read.map(f64::to_bits) == expected.map(f64::to_bits);
        hold!(same, "{slot} has {expected:?}, and read says {read:?}");
        Ok(())
    }
}

/// No data is not zero.
pub async fn no_data_is_none_and_not_zero(subject: &MetricsSubject) -> CaseResult {
    for slot in Slot::BOTH {
        subject.is(slot, None).await?;
    }
    subject.set(Slot::Green, Some(3.0)).await?;
    subject.set(Slot::Green, None).await?;
    subject.is(Slot::Green, None).await
}

/// A number is read as it is, zero and the smallest and largest included; reading takes nothing away.
pub async fn a_number_is_read_as_it_is(subject: &MetricsSubject) -> CaseResult {
    for value in [
        0.0,
        1.0,
        -1.0,
        0.1,
        1e-9,
        123_456_789.5,
        1e15,
        f64::MIN_POSITIVE,
        f64::MAX,
    ] {
        subject.set(Slot::Green, Some(value)).await?;
        for _ in 0..2 {
            subject.is(Slot::Green, Some(value)).await?;
        }
    }
    Ok(())
}

/// The numbers of one slot are not those of the other.
pub async fn the_slots_are_told_apart(subject: &MetricsSubject) -> CaseResult {
    subject.set(Slot::Blue, Some(1.5)).await?;
    subject.is(Slot::Green, None).await?;
    subject.set(Slot::Green, Some(2.5)).await?;
    subject.is(Slot::Blue, Some(1.5)).await?;
    subject.is(Slot::Green, Some(2.5)).await
}

/// What is no number is no value: NaN is neither within a limit nor beyond it.
pub async fn what_is_no_number_is_no_value(subject: &MetricsSubject) -> CaseResult {
    subject.set(Slot::Green, Some(f64::NAN)).await?;
    let op = subject.around.op();
    let read = subject.metrics.read(&op, &subject.metric, Slot::Green);
    match subject.around.call("read", read).await? {
        Ok(Some(number)) => broken(format!(
            "the source says NaN, and read takes {number} for a value"
        )),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// A name that the source does not know is `Rejected`: a mistake in the plan, not a lack of data. So are
/// names that could be something else in a query.
pub async fn an_unknown_name_is_rejected(subject: &MetricsSubject) -> CaseResult {
    let long = "x".repeat(20_000);
    let hostile = [
        "no_such_metric",
        "",
        " ",
        "../../etc/passwd",
        "up} or vector(0",
        "a\nb",
        "a\"b\\",
        "$(id)",
        "ü",
        &long,
    ];
    for name in hostile {
        let op = subject.around.op();
        let shown = name.get(..20).unwrap_or(name);
        let read = subject.metrics.read(&op, name, Slot::Green);
        match subject.around.call(&format!("read of {shown:?}"), read).await? {
            Err(fault) if fault.kind == FaultKind::Rejected => {}
            other => return broken(format!("there is no metric {shown:?}, and read says {other:?}")),
        }
    }
    subject.is(Slot::Green, None).await
}

/// Reads that run at once, and such as are given up, are in nobody's way.
pub async fn reads_at_once_and_dropped_change_nothing(subject: &MetricsSubject) -> CaseResult {
    subject.set(Slot::Green, Some(4.25)).await?;
    for polls in 1..=MOST_POLLS {
        let op = subject.around.op();
        if polled(polls, subject.metrics.read(&op, &subject.metric, Slot::Green))
            .await
            .is_some()
        {
            break;
        }
    }
    let mut reads = JoinSet::new();
    for _ in 0..8 {
        let (metrics, op, metric) = (
            Arc::clone(&subject.metrics),
            subject.around.op(),
            subject.metric.clone(),
        );
        reads.spawn(async move { metrics.read(&op, &metric, Slot::Green).await });
    }
    while let Some(ended) = reads.join_next().await {
        match ended {
            Ok(Ok(Some(4.25))) => {}
            other => return broken(format!("green has 4.25, and a read beside others says {other:?}")),
        }
    }
    subject.is(Slot::Green, Some(4.25)).await
}

/// A secret that the source was given is not in its Debug output. That it is in no error either is
/// looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &MetricsSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.metrics)
}

fn calls(subject: &MetricsSubject) -> Vec<Call<'_>> {
    let (metrics, around) = (&subject.metrics, &subject.around);
    vec![call("read", async {
        metrics.read(&around.op(), &subject.metric, Slot::Green).await
    })]
}

fault_cases!(MetricsSubject, calls);
throttling_case!(MetricsSubject, calls);

cases! {
    $ metrics_conformance, metrics, MetricsSubject:
    no_data_is_none_and_not_zero,
    a_number_is_read_as_it_is,
    the_slots_are_told_apart,
    what_is_no_number_is_no_value,
    an_unknown_name_is_rejected,
    reads_at_once_and_dropped_change_nothing,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
