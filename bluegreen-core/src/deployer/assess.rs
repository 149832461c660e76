//! How both slots are, before the traffic is given back.

use std::time::Duration;

use futures_util::future::join_all;

use super::act::Act;
use super::watch::EVIDENCE_BYTES;
use crate::gate;
use crate::lifecycle::Event;
use crate::text::bounded;
use crate::{Health, Op, Operation, Outcome, ReadyState, Slot, Verdict};

/// How long a rollback that an operator asks for waits for what the database says.
const GRACE: Duration = Duration::from_secs(1);

impl Act<'_> {
    /// Both slots are asked how they are, at most for the time of the phase; and beside it whether the
    /// release that gets the traffic back finds what it needs in the database. That is told, and nobody is
    /// kept waiting for it: what is not known when the slots have answered is left out, but for a moment
    /// where an operator asked for the way back of something that has ended.
    pub(super) async fn assess(&self) -> Event {
        let slots = async { futures_util::join!(self.health(self.run.origin), self.health(self.run.target)) };
        let release = self.lifecycle.slots().get(self.run.origin).release.as_ref();
        let fits = async {
            match release {
                Some(release) => {
                    self.parts
                        .fits(self.op, &release.version, self.lifecycle.slots())
                        .await
                }
                None => None,
            }
        };
        tokio::pin!(slots, fits);
        let mut told = None;
        let ((origin, of_origin), (target, of_target)) = loop {
            tokio::select! {
                biased;
                fits = &mut fits, if told.is_none() => told = Some(fits),
                slots = &mut slots => break slots,
            }
        };
        if told.is_none() && self.run.operation == Operation::Rollback {
            tokio::select! {
                biased;
                fits = &mut fits => told = Some(fits),
                () = self.parts.clock.sleep(GRACE.min(self.left / 5)) => {}
            }
        }
        let mut evidence = format!(
            "{}: {of_origin}; {}: {of_target}",
            self.run.origin, self.run.target
        );
        if let Some(Some(verdict)) = told {
            evidence = format!("{evidence}; {}", verdict.evidence);
        }
        Event::Assessed {
            origin,
            target,
            evidence: bounded(evidence, 2 * EVIDENCE_BYTES),
        }
    }

    /// Healthy when the host has it and every health gate passes; unhealthy when something fails again
    /// and again; unknown otherwise.
    async fn health(&self, slot: Slot) -> (Health, String) {
        const TRIES: u32 = 3;
        let parts = self.parts;
        let context = self.asking().context(slot);
        let began = parts.clock.monotonic();
        // Some room is left for the answer to be stored before the phase's time is over.
        let time = self.left.saturating_mul(4) / 5;
        let mut seen = (Health::Unknown, "not asked".to_owned());
        for _ in 0..TRIES {
            let left = time.saturating_sub(parts.clock.monotonic().since(began));
            if left.is_zero() {
                return (Health::Unknown, seen.1);
            }
            let op = Op {
                budget: left,
                ..self.op.clone()
            };
            let host = async {
                match parts
                    .bounded(left, "readiness", parts.host.readiness(&op, slot))
                    .await
                {
                    Ok(seen) => match seen.state {
                        ReadyState::Failed | ReadyState::Stopped => Verdict::fail(seen.evidence),
                        ReadyState::Starting => Verdict::inconclusive(seen.evidence),
                        ReadyState::Ready => Verdict::pass(seen.evidence),
                    },
                    Err(fault) => Verdict::inconclusive(fault.to_string()),
                }
            };
            let asked = self.run.plan.health.iter().map(|spec| {
                let (op, context) = (&op, &context);
                async move {
                    let gate = match gate::build(spec, self.gates) {
                        Ok(gate) => gate,
                        Err(error) => return Verdict::inconclusive(error.to_string()),
                    };
                    let answer = parts
                        .bounded(left.min(spec.timeout), "check", gate.check(op, context))
                        .await;
                    answer.unwrap_or_else(|fault| Verdict::inconclusive(fault.to_string()))
                }
            });
            let (host, gates) = futures_util::join!(host, join_all(asked));
            let verdicts = || gates.iter().chain([&host]);
            let of = |outcome| {
                verdicts()
                    .find(|verdict| verdict.outcome == outcome)
                    .map(|verdict| verdict.evidence.clone())
            };
            seen = match (of(Outcome::Fail), of(Outcome::Inconclusive)) {
                (Some(evidence), _) => (Health::Unhealthy, evidence),
                (None, Some(evidence)) => (Health::Unknown, evidence),
                (None, None) => return (Health::Healthy, "healthy".to_owned()),
            };
            parts
                .clock
                .sleep((time / 10).min(Duration::from_millis(200)))
                .await;
        }
        seen
    }
}
