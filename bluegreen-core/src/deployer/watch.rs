//! Gates that are asked again and again, side by side, each at its own pace.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::Parts;
use super::analyst::{ANALYSIS_BYTES, Analyst};
use crate::gate::{self, GateParts, Watch};
use crate::lifecycle::{ANALYSIS, CheckResult, PhaseGate, Run, Slots};
use crate::plan::GateSpec;
use crate::text::bounded;
use crate::{Fault, Gate, GateContext, Monotonic, Op, Outcome, Phase, Slot, Verdict};

/// The evidence of one check is cut to this: the record stays small whatever a gate says.
pub(super) const EVIDENCE_BYTES: usize = 300;

/// The list of checks that stand in no plan.
const BUILT_IN: &str = "";

/// What a gate may take beyond its own timeout before it counts as hanging.
const GRACE: Duration = Duration::from_secs(1);

/// The gates that are watched now. A gate that goes on from one phase to the next keeps what it has
/// seen.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    all: Vec<Watched>,
    /// What the gates were last chosen for.
    chosen_for: Option<Part>,
}

/// What decides which gates are watched, in one operation: the phase, the step, whether the target may
/// have traffic, and whether there is a built-in check.
type Part = (Phase, usize, bool, bool);

#[derive(Debug)]
struct Watched {
    list: &'static str,
    /// Under which its results are known.
    name: String,
    slot: Slot,
    spec: Box<GateSpec>,
    gate: Arc<dyn Gate>,
    watch: Watch,
}

impl Watchers {
    /// Watches what the phase asks for, and nothing else. A gate that cannot be built counts as an
    /// error of its measurement; preflight has told it before.
    pub(super) fn sync(
        &mut self,
        run: &Run,
        parts: &GateParts,
        builtin: Option<&(dyn Fn() -> BuiltIn + Sync)>,
        analyst: Option<&Arc<Analyst>>,
        now: Monotonic,
    ) {
        if let Some(analyst) = analyst {
            analyst.attend(run);
        }
        let part = (run.phase, run.step, run.exposed, builtin.is_some());
        if self.chosen_for.replace(part) == Some(part) {
            return;
        }
        let kept = std::mem::take(&mut self.all);
        let mut kept: Vec<_> = kept.into_iter().map(Some).collect();
        let mut watch = |list: &'static str, slot: Slot, spec: &GateSpec, gate: Option<Arc<dyn Gate>>| {
            let same = |watched: &&mut Option<Watched>| {
                (watched.as_ref()).is_some_and(|watched| {
                    watched.list == list && watched.slot == slot && *watched.spec == *spec
                })
            };
            if let Some(watched) = kept.iter_mut().find(same).and_then(Option::take) {
                self.all.push(watched);
                return;
            }
            let name = match list {
                BUILT_IN => spec.name.clone(),
                _ => PhaseGate { list, slot, spec }.to_string(),
            };
            let gate = gate.map_or_else(|| gate::build(spec, parts), Ok);
            let gate = gate.unwrap_or_else(|error| {
                Arc::new(Unbuilt {
                    name: name.clone(),
                    why: error.to_string(),
                })
            });
            self.all.push(Watched {
                list,
                name,
                slot,
                gate,
                watch: Watch::new(spec, now),
                spec: Box::new(spec.clone()),
            });
        };
        for gate in run.gates() {
            watch(gate.list, gate.slot, gate.spec, None);
        }
        if let Some(builtin) = builtin.map(|build| build()) {
            watch(BUILT_IN, builtin.slot, &builtin.spec, Some(builtin.gate));
        }
        if let (Some(analyst), Some(spec)) = (analyst, &run.plan.analysis) {
            let analysis = analyst.watched(spec);
            watch(BUILT_IN, analysis.slot, &analysis.spec, Some(analysis.gate));
        }
    }

    /// Asks every gate whose time has come, until no answer is waited for, or one of them fails. A gate that
    /// takes long keeps no other one from being asked when its time comes.
    pub(super) async fn ask(&mut self, asking: Asking<'_>) {
        let clock = &asking.parts.clock;
        let mut asked = FuturesUnordered::new();
        let mut waited_for = vec![false; self.all.len()];
        loop {
            let now = clock.monotonic();
            let mut next = None;
            for ((place, watched), waited_for) in self.all.iter().enumerate().zip(&mut waited_for) {
                if *waited_for {
                    continue;
                }
                if watched.watch.due(now) {
                    *waited_for = true;
                    let (gate, slot, timeout) =
                        (Arc::clone(&watched.gate), watched.slot, watched.spec.timeout);
                    asked.push(async move { (place, asking.answer(&*gate, slot, timeout).await) });
                } else {
                    let due = watched.watch.next_due();
                    next = Some(next.map_or(due, |next: Monotonic| next.min(due)));
                }
            }
            let mut answered = tokio::select! {
                biased;
                answered = asked.next() => match answered {
                    Some(answered) => Some(answered),
                    None => return,
                },
                () = async {
                    match next {
                        Some(due) => clock.sleep(due.since(now)).await,
                        None => std::future::pending().await,
                    }
                } => None,
            };
            let mut failed = false;
            while let Some((place, answer)) = answered {
                if let (Some(watched), Some(waited_for)) =
                    (self.all.get_mut(place), waited_for.get_mut(place))
                {
                    *waited_for = false;
                    let now = clock.monotonic();
                    match answer {
                        Ok(mut verdict) => {
                            let bytes = evidence_bytes(&watched.name);
                            verdict.evidence = bounded(verdict.evidence, bytes);
                            watched.watch.record(now, Ok(verdict));
                        }
                        Err(fault) => watched.watch.record(now, Err(&fault)),
                    }
                    failed |= watched.watch.outcome() == Outcome::Fail;
                }
                // Whatever else is answered already.
                answered = asked.next().now_or_never().flatten();
            }
            if failed {
                return;
            }
        }
    }

    /// The time until the next gate is to be asked; `None` when there is none.
    pub(super) fn idle(&self, now: Monotonic) -> Option<Duration> {
        self.all
            .iter()
            .map(|watched| watched.watch.next_due().since(now))
            .min()
    }

    fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.all.iter().map(|watched| watched.watch.outcome())
    }

    /// How all of them stand.
    pub(super) fn results(&self) -> Vec<CheckResult> {
        self.all
            .iter()
            .map(|watched| {
                let standing = watched.watch.standing();
                CheckResult {
                    name: watched.name.clone(),
                    slot: watched.slot,
                    outcome: standing.outcome,
                    evidence: bounded(standing.evidence, evidence_bytes(&watched.name)),
                }
            })
            .collect()
    }

    /// Goes on asking until one of them fails.
    pub(super) async fn until_failure(&mut self, asking: Asking<'_>) -> Vec<CheckResult> {
        loop {
            if self.outcomes().any(|outcome| outcome == Outcome::Fail) {
                return self.results();
            }
            match self.idle(asking.parts.clock.monotonic()) {
                Some(idle) => asking.parts.wait(idle).await,
                None => std::future::pending().await,
            }
            self.ask(asking).await;
        }
    }

    /// Goes on asking until each has passed or one has failed, at most for `time`.
    pub(super) async fn until_decided(&mut self, asking: Asking<'_>, time: Duration) -> Vec<CheckResult> {
        let parts = asking.parts;
        let began = parts.clock.monotonic();
        loop {
            let now = parts.clock.monotonic();
            let failed = self.outcomes().any(|outcome| outcome == Outcome::Fail);
            let passed = self.outcomes().all(|outcome| outcome == Outcome::Pass);
            let left = time.saturating_sub(now.since(began));
            let Some(idle) = self
                .idle(now)
                .filter(|_| !failed && !passed && left > Duration::ZERO)
            else {
                return self.results();
            };
            parts.wait(idle.min(left)).await;
            self.ask(asking).await;
        }
    }
}

/// An analysis has more to tell than a gate.
fn evidence_bytes(name: &str) -> usize {
    if name == ANALYSIS {
        ANALYSIS_BYTES
    } else {
        EVIDENCE_BYTES
    }
}

/// On whose behalf gates are asked.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) parts: &'a Parts,
    /// What runs where.
    pub(super) slots: &'a Slots,
    pub(super) run: &'a Run,
    pub(super) op: &'a Op,
}

impl Asking<'_> {
    /// What a gate says of a slot. One that hangs is given up a while after its time.
    async fn answer(self, gate: &dyn Gate, slot: Slot, timeout: Duration) -> Result<Verdict, Fault> {
        let context = self.context(slot);
        let op = Op {
            budget: timeout,
            ..self.op.clone()
        };
        let asked = gate.check(&op, &context);
        let budget = timeout.saturating_add(GRACE);
        self.parts.bounded(budget, "check", asked).await
    }

    pub(super) fn context(&self, slot: Slot) -> GateContext {
        let release = self.slots.get(slot).release.clone();
        GateContext::new(self.parts.service.clone(), slot, release, self.run.split())
    }
}

/// A check that is built in and watched like a gate of the plan.
pub(super) struct BuiltIn {
    pub(super) slot: Slot,
    pub(super) spec: GateSpec,
    pub(super) gate: Arc<dyn Gate>,
}

/// A gate that could not be built.
#[derive(Debug)]
struct Unbuilt {
    name: String,
    why: String,
}

#[async_trait::async_trait]
impl Gate for Unbuilt {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, _: &Op, _: &GateContext) -> Result<Verdict, Fault> {
        Err(Fault::rejected("gate", "check", self.why.clone()))
    }
}
