//! A gate that answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{Fault, Gate, GateContext, Op, Slot, Verdict};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Gate`].
    GateCall {
        /// [`Gate::check`].
        Check = "check",
    }
}

/// A gate that passes, unless told otherwise: by verdicts for the next checks of a slot, by a rule
/// for all checks, or (for errors of the measurement) by its script. The next verdicts come first.
#[derive(Debug, Clone)]
pub struct FakeGate {
    fake: Scripted<GateCall, State>,
}

#[derive(Default)]
struct State {
    next: BTreeMap<Slot, VecDeque<Verdict>>,
    rule: Option<Rule>,
}

type Rule = Arc<dyn Fn(&GateContext) -> Verdict + Send + Sync>;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

scripted!(FakeGate, GateCall);

impl FakeGate {
    /// A gate with its name.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        Self {
            fake: Scripted::new("gate", name, log, State::default()),
        }
    }

    /// Adds verdicts for the next checks of a slot.
    pub fn answer(&self, slot: Slot, verdicts: impl IntoIterator<Item = Verdict>) {
        self.fake
            .with(|state, _| state.next.entry(slot).or_default().extend(verdicts));
    }

    /// Judges all checks from now on.
    ///
    /// ```
    /// # use bluegreen_core::{Share, Slot, Verdict};
    /// # use bluegreen_testkit::fakes::{CallLog, FakeGate};
    /// let gate = FakeGate::new("errors", &CallLog::default());
    /// gate.judge(|context| {
    ///     if context.slot == Slot::Green && context.split.share(Slot::Green).basis_points() >= 2_500 {
    ///         Verdict::fail("2 % errors under load")
    ///     } else {
    ///         Verdict::pass("no errors")
    ///     }
    /// });
    /// ```
    pub fn judge(&self, rule: impl Fn(&GateContext) -> Verdict + Send + Sync + 'static) {
        self.fake.with(|state, _| state.rule = Some(Arc::new(rule)));
    }

    /// Answers all checks of a slot with `verdict` from now on, and passes the other.
    pub fn always(&self, slot: Slot, verdict: Verdict) {
        self.judge(move |context| {
            if context.slot == slot {
                verdict.clone()
            } else {
                Verdict::pass("as it is told")
            }
        });
    }
}

#[async_trait]
impl Gate for FakeGate {
    fn name(&self) -> &str {
        self.fake.name()
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let arguments = context.slot.to_string();
        let context = context.clone();
        self.fake
            .call(GateCall::Check, op, arguments, move |state, _| {
                let next = state.next.get_mut(&context.slot).and_then(VecDeque::pop_front);
                Ok(match (next, &state.rule) {
                    (Some(verdict), _) => verdict,
                    (None, Some(rule)) => rule(&context),
                    (None, None) => Verdict::pass("as it is told"),
                })
            })
            .await
    }
}
