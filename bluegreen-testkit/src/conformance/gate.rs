//! The contract of [`Gate`].
//!
//! A fresh subject's gate looks at two slots that are as they should be.

use std::sync::Arc;

use bluegreen_core::{Gate, GateContext, Outcome, Slot, Split, Verdict};
use tokio::task::JoinSet;

use super::around::{Around, Hook, around, hook};
use super::case::{CaseResult, Unproven, broken, cases, hold, not_run};
use super::dropped::{MOST_POLLS, polled};
use super::usual;

/// What a slot is made to be, for a gate to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotState {
    /// As it should be.
    Good,
    /// Not as it should be, and it says so.
    Bad,
    /// It refuses connections: nothing runs there.
    Refusing,
    /// It takes the question and never answers.
    Hanging,
    /// There is no data about it.
    Silent,
    /// It cannot be measured: the source of the data is broken, the slot may be good.
    Unmeasurable,
    /// Bad, and it answers with a megabyte of text.
    Endless,
}

/// A gate to be examined, and what can be done around it.
pub struct GateSubject {
    gate: Arc<dyn Gate>,
    around: Around,
    states: Option<Hook<(Slot, SlotState), bool>>,
}

around!(GateSubject);

impl GateSubject {
    /// A fresh gate.
    pub fn new(gate: impl Gate + 'static) -> Self {
        Self::of(Arc::new(gate))
    }

    /// A fresh gate that is shared already, as [`bluegreen_core::gate::build`] makes them.
    pub fn of(gate: Arc<dyn Gate>) -> Self {
        Self {
            gate,
            around: Around::new(),
            states: None,
        }
    }

    /// Makes a slot be so from now on. Answers whether it can do that.
    #[must_use]
    pub fn states(mut self, set: impl AsyncFn(Slot, SlotState) -> bool + 'static) -> Self {
        self.states = Some(hook(async move |(slot, state)| set(slot, state).await));
        self
    }

    async fn set(&self, slot: Slot, state: SlotState) -> CaseResult {
        let Some(set) = &self.states else {
            return not_run("the subject gives no hook `states`");
        };
        if set((slot, state)).await {
            Ok(())
        } else {
            not_run(format!("the hook `states` cannot do {state:?}"))
        }
    }

    fn context(slot: Slot) -> Result<GateContext, Unproven> {
        let (service, release) = (usual::service()?, usual::release("1.1.0")?);
        let split = Split::all(slot.other());
        Ok(GateContext::new(service, slot, Some(release), split))
    }

    /// Asks once. A fault of the measurement is none of these cases' business, unless they say so.
    async fn ask(&self, slot: Slot) -> Result<Result<Verdict, bluegreen_core::Fault>, Unproven> {
        let (op, context) = (self.around.op(), Self::context(slot)?);
        let answer = self
            .around
            .call(&format!("check of {slot}"), self.gate.check(&op, &context))
            .await?;
        if let Ok(verdict) = &answer {
            self.around.text("the evidence", &verdict.evidence)?;
        }
        Ok(answer)
    }

    async fn verdict(&self, slot: Slot, state: SlotState) -> Result<Verdict, Unproven> {
        match self.ask(slot).await? {
            Ok(verdict) => Ok(verdict),
            Err(fault) => broken(format!(
                "{slot} is {state:?}, which says something of the slot; the gate says that it could not measure: {fault}"
            )),
        }
    }

    async fn is(&self, slot: Slot, state: SlotState, expected: Outcome) -> CaseResult {
        let verdict = self.verdict(slot, state).await?;
        hold!(
            verdict.outcome == expected,
            "{slot} is {state:?}, and the verdict is {verdict:?}"
        );
        Ok(())
    }

    async fn never_passes(&self, slot: Slot, state: SlotState) -> CaseResult {
        let answer = self.ask(slot).await?;
        let passed = answer
            .as_ref()
            .is_ok_and(|verdict| verdict.outcome == Outcome::Pass);
        hold!(!passed, "{slot} is {state:?}, and the gate passes: {answer:?}");
        Ok(())
    }
}

/// A slot that is as it should be passes, each time that it is asked about.
pub async fn a_good_slot_passes(subject: &GateSubject) -> CaseResult {
    for slot in Slot::BOTH {
        for _ in 0..2 {
            subject.is(slot, SlotState::Good, Outcome::Pass).await?;
        }
    }
    Ok(())
}

/// A slot that is not as it should be fails, and passes again when it is.
pub async fn a_bad_slot_fails(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Bad).await?;
    subject.is(Slot::Green, SlotState::Bad, Outcome::Fail).await?;
    subject.set(Slot::Green, SlotState::Good).await?;
    subject.is(Slot::Green, SlotState::Good, Outcome::Pass).await
}

/// The slot that is asked about is judged, not the other.
pub async fn it_judges_the_slot_that_it_is_asked_about(subject: &GateSubject) -> CaseResult {
    for bad in Slot::BOTH {
        subject.set(bad, SlotState::Bad).await?;
        subject.is(bad, SlotState::Bad, Outcome::Fail).await?;
        subject.is(bad.other(), SlotState::Good, Outcome::Pass).await?;
        subject.set(bad, SlotState::Good).await?;
    }
    Ok(())
}

/// A slot that refuses connections is a failed verdict, not an error of the measurement.
pub async fn a_slot_that_refuses_connections_fails(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Refusing).await?;
    subject.is(Slot::Green, SlotState::Refusing, Outcome::Fail).await
}

/// A slot that never answers ends the check within its budget: never a pass.
pub async fn a_slot_that_hangs_ends_within_the_budget(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Hanging).await?;
    subject.never_passes(Slot::Green, SlotState::Hanging).await
}

/// No data is never a pass, and nothing that the slot has done wrong.
pub async fn no_data_is_never_a_pass(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Silent).await?;
    subject.never_passes(Slot::Green, SlotState::Silent).await
}

/// What could not be measured is a fault or inconclusive: neither a pass nor a failure of the slot.
pub async fn what_cannot_be_measured_says_nothing_of_the_slot(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Unmeasurable).await?;
    let answer = subject.ask(Slot::Green).await?;
    let says_nothing = answer
        .as_ref()
        .map_or(true, |verdict| verdict.outcome == Outcome::Inconclusive);
    hold!(
        says_nothing,
        "nothing could be measured, and the gate says {answer:?}"
    );
    Ok(())
}

/// However much a slot answers, the evidence can be shown.
pub async fn evidence_has_a_bound(subject: &GateSubject) -> CaseResult {
    subject.set(Slot::Green, SlotState::Endless).await?;
    subject.never_passes(Slot::Green, SlotState::Endless).await
}

/// A check only reads: asked many times, at once, and given up on the way, it goes on answering the same.
pub async fn checks_at_once_and_dropped_change_nothing(subject: &GateSubject) -> CaseResult {
    for polls in 1..=MOST_POLLS {
        let (op, context) = (subject.around.op(), GateSubject::context(Slot::Green)?);
        if polled(polls, subject.gate.check(&op, &context)).await.is_some() {
            break;
        }
    }
    let mut checks = JoinSet::new();
    for _ in 0..8 {
        let (gate, op, context) = (
            Arc::clone(&subject.gate),
            subject.around.op(),
            GateSubject::context(Slot::Green)?,
        );
        checks.spawn(async move { gate.check(&op, &context).await });
    }
    while let Some(ended) = checks.join_next().await {
        match ended {
            Ok(Ok(verdict)) if verdict.outcome == Outcome::Pass => {}
            other => return broken(format!("a check of a good slot beside others: {other:?}")),
        }
    }
    subject.is(Slot::Green, SlotState::Good, Outcome::Pass).await
}

/// The name is the same with each call, and fits into a line.
pub async fn the_name_is_constant_and_sane(subject: &GateSubject) -> CaseResult {
    let name = subject.gate.name().to_owned();
    let fits = !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
    hold!(fits, "the name {name:?} does not fit into a line of 200 bytes");
    subject.is(Slot::Green, SlotState::Good, Outcome::Pass).await?;
    let now = subject.gate.name();
    hold!(now == name, "the name was {name:?} and is {now:?}");
    Ok(())
}

/// A secret that the gate was given is not in its Debug output. That it is in no error and in no
/// evidence either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &GateSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.gate)
}

cases! {
    $ gate_conformance, gate, GateSubject:
    a_good_slot_passes,
    a_bad_slot_fails,
    it_judges_the_slot_that_it_is_asked_about,
    a_slot_that_refuses_connections_fails,
    a_slot_that_hangs_ends_within_the_budget,
    no_data_is_never_a_pass,
    what_cannot_be_measured_says_nothing_of_the_slot,
    evidence_has_a_bound,
    checks_at_once_and_dropped_change_nothing,
    the_name_is_constant_and_sane,
    secrets_are_not_in_debug,
}
