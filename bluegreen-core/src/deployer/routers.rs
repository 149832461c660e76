//! All routers of the service as one: asked side by side, changed together.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::parts::{event_of, event_of_read, millis};
use super::watch::BuiltIn;
use super::{DeployError, Parts};
use crate::lifecycle::{CheckResult, Event};
use crate::plan::GateSpec;
use crate::{
    Fault, FaultKind, Gate, GateContext, InFlight, Observation, Op, Outcome, Router, Slot, Split, Verdict,
    Verification,
};

/// What all routers together say about requests in flight; the later one weighs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    None,
    /// There is a router that cannot count them.
    Never,
    /// There is one that did not answer.
    NotNow,
    Some,
}

impl Parts {
    /// What each router says.
    pub(super) async fn observe_all(&self, op: &Op) -> Vec<(String, Result<Observation, Fault>)> {
        join_all(self.routers.iter().map(|router| async move {
            (
                router.name().to_owned(),
                self.bounded(op.budget, "observe", router.observe(op)).await,
            )
        }))
        .await
    }

    pub(super) async fn reconcile(&self, op: &Op) -> Result<Event, DeployError> {
        let mut routers = Vec::new();
        for (name, seen) in self.observe_all(op).await {
            match seen {
                Ok(seen) => routers.push((name, seen.split)),
                Err(fault) => return event_of_read(&fault),
            }
        }
        Ok(Event::Reconciled { routers })
    }

    /// Makes all routers ready for a slot.
    pub(super) async fn stage_all(&self, op: &Op, slot: Slot) -> Result<Option<Event>, DeployError> {
        let calls = self
            .routers
            .iter()
            .map(|router| self.bounded(op.budget, "stage", router.stage(op, slot)));
        self.together(join_all(calls).await)
    }

    /// Sets one split on all routers.
    pub(super) async fn shift_all(&self, op: &Op, split: Split) -> Result<Event, DeployError> {
        let calls = self
            .routers
            .iter()
            .map(|router| self.bounded(op.budget, "shift", router.shift(op, split)));
        let failed = self.together(join_all(calls).await)?;
        Ok(failed.unwrap_or_else(|| Event::Done {
            evidence: format!("{split} accepted by all routers"),
        }))
    }

    /// What a change of all routers came to; `None` when all of them took it. An unknown outcome weighs
    /// more than any other: it has to settle first.
    fn together(&self, answers: Vec<Result<(), Fault>>) -> Result<Option<Event>, DeployError> {
        let rank = |fault: &Fault| match fault.kind {
            FaultKind::Fenced => 0,
            FaultKind::Unknown => 1,
            FaultKind::Rejected => 2,
            FaultKind::Unavailable { .. } => 3,
        };
        let worst = answers.into_iter().filter_map(Result::err).min_by_key(rank);
        worst
            .map(|fault| event_of(&fault, self.router_settle()))
            .transpose()
    }

    /// Asks all routers whether a split is live, until it is on all of them or the time is over.
    pub(super) async fn confirm_all(&self, op: &Op, split: Split, time: Duration, poll: Duration) -> Event {
        let began = self.clock.monotonic();
        let mut pause = Duration::from_millis(10);
        loop {
            let routers = join_all(self.routers.iter().map(|router| async move {
                let answer = self.bounded(op.budget, "verify", router.verify(op, split)).await;
                let answer = answer.unwrap_or_else(|fault| Verification::Unknown {
                    why: fault.to_string(),
                });
                (router.name().to_owned(), answer)
            }))
            .await;
            let live = routers
                .iter()
                .all(|(_, answer)| matches!(answer, Verification::Live { .. }));
            let left = time.saturating_sub(self.clock.monotonic().since(began));
            if live || left.is_zero() {
                return Event::Verified {
                    routers,
                    settle_ms: millis(self.router_settle()),
                };
            }
            self.clock.sleep(pause.min(left)).await;
            pause = pause.saturating_mul(2).min(poll);
        }
    }

    /// Whether requests are in flight on a slot, over all routers.
    pub(super) async fn in_flight(&self, op: &Op, slot: Slot) -> (Counted, String) {
        let answers = join_all(self.routers.iter().map(|router| async move {
            (
                router.name(),
                self.bounded(op.budget, "in_flight", router.in_flight(op, slot))
                    .await,
            )
        }))
        .await;
        let mut all = Counted::None;
        let mut evidence = Vec::new();
        for (name, answer) in answers {
            let counted = match answer {
                Ok(InFlight::None) => Counted::None,
                Ok(InFlight::Unknown) => Counted::Never,
                Ok(InFlight::AtLeast(count)) => {
                    evidence.push(format!("{name}: {count} or more in flight"));
                    Counted::Some
                }
                Err(fault) => {
                    evidence.push(fault.to_string());
                    Counted::NotNow
                }
            };
            all = all.max(counted);
        }
        (all, evidence.join("; "))
    }

    /// Whether all routers hold a split.
    pub(super) async fn split_held(&self, op: &Op, split: Split, slot: Slot) -> CheckResult {
        let asked = self.bounded(op.budget, "observe", holding(&self.routers, op, split));
        let verdict = asked
            .await
            .unwrap_or_else(|fault| Verdict::inconclusive(fault.to_string()));
        CheckResult {
            name: "routers".to_owned(),
            slot,
            outcome: verdict.outcome,
            evidence: verdict.evidence,
        }
    }

    /// The same as a check that is watched while traffic flows.
    pub(super) fn split_watch(&self, split: Split, slot: Slot, period: Duration) -> BuiltIn {
        let mut spec = GateSpec::code(format!("routers hold {split}"));
        spec.period = period;
        spec.failure_threshold = 2;
        BuiltIn {
            slot,
            gate: Arc::new(SplitHeld {
                routers: self.routers.clone(),
                split,
            }),
            spec,
        }
    }
}

async fn holding(routers: &[Arc<dyn Router>], op: &Op, split: Split) -> Result<Verdict, Fault> {
    let answers = join_all(routers.iter().map(|router| router.observe(op))).await;
    let mut evidence = String::with_capacity(64);
    let mut outcome = Outcome::Pass;
    for (router, answer) in routers.iter().zip(answers) {
        let (name, seen) = (router.name(), answer?.split);
        let separator = if evidence.is_empty() { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ = if seen == split {
            write!(evidence, "{separator}{name}: {split}")
        } else {
            outcome = Outcome::Fail;
            write!(
                evidence,
                "{separator}{name}: somebody changed it to {seen} (it was told {split})"
            )
        };
    }
    Ok(Verdict { outcome, evidence })
}

/// Whether the routers still hold the split that they were told: somebody may change them by hand.
#[derive(Debug)]
struct SplitHeld {
    routers: Vec<Arc<dyn Router>>,
    split: Split,
}

#[async_trait]
impl Gate for SplitHeld {
    fn name(&self) -> &'static str {
        "routers"
    }

    async fn check(&self, op: &Op, _: &GateContext) -> Result<Verdict, Fault> {
        holding(&self.routers, op, self.split).await
    }
}
