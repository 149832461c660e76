//! Broken gates and sources of numbers.

use async_trait::async_trait;
use bluegreen_core::{Fault, FaultKind, Gate, GateContext, Metrics, Op, Outcome, Slot, Verdict};
use bluegreen_testkit::conformance::gate::{self, GateSubject, SlotState};
use bluegreen_testkit::conformance::metrics::{self, MetricsSubject};
use bluegreen_testkit::fakes::{Behaviour, CallLog, FakeGate, FakeMetrics, GateCall};

use super::{caught, sound};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GateDefect {
    None,
    PassesWithoutData,
    PassesWhatCannotBeMeasured,
    JudgesTheOtherSlot,
    CallsARefusalAFaultOfTheMeasurement,
    WaitsForEver,
    QuotesEverything,
}

#[derive(Debug)]
struct BentGate(FakeGate, GateDefect);

#[async_trait]
impl Gate for BentGate {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let mut context = context.clone();
        if self.1 == GateDefect::JudgesTheOtherSlot {
            context.slot = context.slot.other();
        }
        // A real gate keeps to its budget; this one stands for the fake, which hangs as it is told.
        let checked = self.0.check(op, &context);
        let answer = match self.1 {
            GateDefect::WaitsForEver => checked.await,
            _ => match tokio::time::timeout(op.budget, checked).await {
                Ok(answer) => answer,
                Err(_) => Ok(Verdict::fail("no answer in time")),
            },
        };
        match (self.1, answer) {
            (GateDefect::PassesWithoutData, Ok(verdict)) if verdict.outcome == Outcome::Inconclusive => {
                Ok(Verdict::pass("nothing bad was heard"))
            }
            (GateDefect::PassesWhatCannotBeMeasured, Err(_)) => Ok(Verdict::pass("nothing bad was heard")),
            (GateDefect::CallsARefusalAFaultOfTheMeasurement, Ok(verdict))
                if verdict.evidence.contains("refused") =>
            {
                Err(Fault::unavailable("bent", "check", verdict.evidence))
            }
            (GateDefect::QuotesEverything, Ok(mut verdict)) => {
                verdict.evidence = verdict.evidence.repeat(100);
                Ok(verdict)
            }
            (_, answer) => answer,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_gate_is_caught() {
    let subject = |defect| {
        let fake = FakeGate::new("health", &CallLog::default());
        let states = fake.clone();
        GateSubject::new(BentGate(fake, defect)).states(async move |slot, state| {
            match state {
                SlotState::Good => states.always(slot, Verdict::pass("200")),
                SlotState::Bad => states.always(slot, Verdict::fail("503")),
                SlotState::Refusing => states.always(slot, Verdict::fail("connection refused")),
                SlotState::Silent => states.always(slot, Verdict::inconclusive("no data")),
                SlotState::Hanging => states.script(GateCall::Check, [Behaviour::Hang]),
                SlotState::Endless => states.always(slot, Verdict::fail("x".repeat(100))),
                SlotState::Unmeasurable => {
                    states.script(
                        GateCall::Check,
                        [Behaviour::Fault(FaultKind::Unavailable { retry_after: None })],
                    );
                }
                _ => return false,
            }
            true
        })
    };
    sound(&gate::prove_all(async || subject(GateDefect::None)).await);
    for (defect, by) in [
        (GateDefect::PassesWithoutData, "no_data_is_never_a_pass"),
        (
            GateDefect::PassesWhatCannotBeMeasured,
            "what_cannot_be_measured_says_nothing_of_the_slot",
        ),
        (
            GateDefect::JudgesTheOtherSlot,
            "it_judges_the_slot_that_it_is_asked_about",
        ),
        (
            GateDefect::CallsARefusalAFaultOfTheMeasurement,
            "a_slot_that_refuses_connections_fails",
        ),
        (
            GateDefect::WaitsForEver,
            "a_slot_that_hangs_ends_within_the_budget",
        ),
        (GateDefect::QuotesEverything, "evidence_has_a_bound"),
    ] {
        caught(&gate::prove_all(async || subject(defect)).await, defect, &[by]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MetricsDefect {
    None,
    MissingIsZero,
    UnknownIsMissing,
    NoNumberIsANumber,
    MixesTheSlots,
}

#[derive(Debug)]
struct BentMetrics(FakeMetrics, MetricsDefect);

#[async_trait]
impl Metrics for BentMetrics {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let read = self.0.read(op, metric, slot).await;
        match (self.1, read) {
            (MetricsDefect::MissingIsZero, Ok(None)) => Ok(Some(0.0)),
            (MetricsDefect::UnknownIsMissing, Err(_)) => Ok(None),
            (MetricsDefect::NoNumberIsANumber, Ok(None)) => Ok(Some(f64::NAN)),
            (MetricsDefect::MixesTheSlots, Ok(None)) => self.0.read(op, metric, slot.other()).await,
            (_, read) => read,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_source_of_numbers_is_caught() {
    let subject = |defect| {
        let fake = FakeMetrics::new("scrape", &CallLog::default());
        fake.set("errors", Slot::Green, None);
        let values = fake.clone();
        MetricsSubject::new(BentMetrics(fake, defect), "errors").values(async move |slot, value| {
            values.set("errors", slot, value);
            true
        })
    };
    sound(&metrics::prove_all(async || subject(MetricsDefect::None)).await);
    for (defect, by) in [
        (MetricsDefect::MissingIsZero, "no_data_is_none_and_not_zero"),
        (MetricsDefect::UnknownIsMissing, "an_unknown_name_is_rejected"),
        (MetricsDefect::NoNumberIsANumber, "what_is_no_number_is_no_value"),
        (MetricsDefect::MixesTheSlots, "the_slots_are_told_apart"),
    ] {
        caught(&metrics::prove_all(async || subject(defect)).await, defect, &[by]);
    }
}
