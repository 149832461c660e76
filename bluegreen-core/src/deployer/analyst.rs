//! The analysis of a deployment: asked like a guard wherever the candidate has traffic.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::record::Learned;
use super::watch::BuiltIn;
use crate::analysis::{Action, Analysis, AnalysisSpec, Meter, State, Tick};
use crate::lifecycle::{ANALYSIS, Run};
use crate::metrics::Sources;
use crate::plan::{GateSpec, Step};
use crate::text::bounded;
use crate::{
    Clock, DeploymentId, Fault, Gate, GateContext, Op, Operation, Phase, Sample, Share, Slot, Timestamp,
    Verdict,
};

/// The evidence is cut to this. A metric takes two or three hundred bytes.
pub(super) const ANALYSIS_BYTES: usize = 1200;

/// What is learned is not stored when it is larger: the record has to stay small. The rules for plans keep it
/// well below.
const MOST_LEARNED_BYTES: usize = 20 * 1024;

/// Takes in what both slots do, tick by tick, and says what follows.
pub(super) struct Analyst {
    sources: Sources,
    clock: Arc<dyn Clock>,
    live: Slot,
    candidate: Slot,
    inner: Mutex<Inner>,
}

struct Inner {
    deployment: DeploymentId,
    /// When the candidate first got traffic: ticks are counted from there.
    began: Timestamp,
    /// The step that was begun last.
    step: Option<usize>,
    analysis: Analysis,
    of_live: Meter,
    of_candidate: Meter,
    learned: Option<Learned>,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Kept<S> {
    deployment: DeploymentId,
    began: Timestamp,
    #[serde(default)]
    step: Option<usize>,
    state: S,
}

impl fmt::Debug for Analyst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyst")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl Analyst {
    /// Whether an operation is analysed now.
    pub(super) fn is_needed(run: &Run) -> bool {
        run.plan.analysis.is_some()
            && run.operation == Operation::Deploy
            && run.exposed
            && run.phase.is_forward()
    }

    /// Goes on with what was learned in this deployment, or begins. `None` where the plan has no analysis, or
    /// one that cannot be used; preflight has told it before.
    pub(super) fn new(
        run: &Run,
        sources: Sources,
        clock: Arc<dyn Clock>,
        learned: Option<&Learned>,
    ) -> Option<Self> {
        let spec = run.plan.analysis.as_ref()?;
        let kept = learned
            .and_then(|learned| serde_json::from_str::<Kept<State>>(learned.get()).ok())
            .filter(|kept| kept.deployment == run.id);
        let resumed = kept.and_then(|kept| {
            let analysis = Analysis::resume(spec.clone(), kept.state).ok()?;
            Some((kept.began, kept.step, analysis))
        });
        let (began, step, analysis) = match resumed {
            Some(resumed) => resumed,
            None => (
                clock.now(),
                None,
                Analysis::new(spec.clone(), planned(run, spec)).ok()?,
            ),
        };
        Some(Self {
            sources,
            clock,
            live: run.origin,
            candidate: run.target,
            inner: Mutex::new(Inner {
                deployment: run.id,
                began,
                step,
                analysis,
                of_live: Meter::default(),
                of_candidate: Meter::default(),
                learned: learned.cloned(),
            }),
        })
    }

    /// Follows the operation into its steps.
    pub(super) fn attend(&self, run: &Run) {
        let mut inner = self.inner();
        if run.phase != Phase::Bake || inner.step == Some(run.step) {
            return;
        }
        let (first, spec) = (inner.step.is_none(), inner.analysis.spec());
        let (warm_up, tick) = (spec.warm_up, spec.tick);
        if run.weight(run.step) == Share::ALL {
            inner
                .analysis
                .begin_cutover(run.watch_time().saturating_sub(tick));
        } else {
            // The first tick only says where counting begins, and the last one may come a little early.
            let lost = tick
                .saturating_mul(2)
                .saturating_add(if first { warm_up } else { Duration::ZERO });
            inner.analysis.begin_step(run.watch_time().saturating_sub(lost));
        }
        if first {
            let now = self.clock.now().since(inner.began);
            inner.analysis.warm_up(now);
        }
        inner.step = Some(run.step);
        inner.keep();
    }

    /// What the record keeps of it.
    pub(super) fn learned(&self) -> Option<Learned> {
        self.inner().learned.clone()
    }

    /// As it is watched: at its own pace, and every answer counts.
    pub(super) fn watched(self: &Arc<Self>, spec: &AnalysisSpec) -> BuiltIn {
        BuiltIn {
            slot: self.candidate,
            spec: GateSpec::code(ANALYSIS)
                .period(spec.tick)
                .timeout(spec.tick.max(Duration::from_secs(1)))
                .thresholds(1, 1, 1),
            gate: Arc::clone(self) as Arc<dyn Gate>,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self) {
        let kept = Kept {
            deployment: self.deployment,
            began: self.began,
            step: self.step,
            state: self.analysis.state(),
        };
        match serde_json::value::to_raw_value(&kept) {
            Ok(json) if json.get().len() <= MOST_LEARNED_BYTES => self.learned = Some(json.into()),
            Ok(json) => tracing::warn!(
                bytes = json.get().len(),
                "what the analysis has learned is too large to be kept"
            ),
            Err(error) => tracing::warn!(%error, "what the analysis has learned cannot be kept"),
        }
    }
}

/// For how long the candidate is watched in all, with one hold. Over this time what is kept for late regressions
/// is spread: after it, one would have to win back all that the good time before it has lost.
fn planned(run: &Run, spec: &AnalysisSpec) -> Duration {
    let of_step = |step: &Step| {
        let approval = step
            .approval
            .as_ref()
            .map_or(Duration::ZERO, |approval| approval.expires);
        step.bake.saturating_add(approval)
    };
    let steps = run.plan.steps.iter().map(of_step);
    steps.fold(
        run.plan.soak.time.saturating_add(spec.hold),
        Duration::saturating_add,
    )
}

fn heard(samples: Vec<(String, Result<Sample, Fault>)>, faults: &mut Vec<String>) -> Vec<Option<Sample>> {
    let each = samples.into_iter().map(|(name, sample)| {
        sample
            .map_err(|fault| faults.push(format!("{name}: {fault}")))
            .ok()
    });
    each.collect()
}

#[async_trait]
impl Gate for Analyst {
    fn name(&self) -> &str {
        ANALYSIS
    }

    /// One tick.
    async fn check(&self, op: &Op, _: &GateContext) -> Result<Verdict, Fault> {
        let (live, candidate) = futures_util::join!(
            self.sources.sample_each(op, self.live, &*self.clock),
            self.sources.sample_each(op, self.candidate, &*self.clock),
        );
        let mut faults = Vec::new();
        let (live, candidate) = (heard(live, &mut faults), heard(candidate, &mut faults));
        let mut inner = self.inner();
        let tick = Tick {
            at: self.clock.now().since(inner.began),
            live: inner.of_live.read(live),
            candidate: inner.of_candidate.read(candidate),
        };
        let action = inner.analysis.observe(&tick);
        inner.keep();
        let mut evidence = inner.analysis.report().summary();
        if let Some(fault) = faults.first() {
            evidence = format!("{evidence} Could not be read now: {}.", bounded(fault, 200));
        }
        Ok(match action {
            Action::Continue => Verdict::pass(evidence),
            Action::Hold => Verdict::inconclusive(evidence),
            Action::Rollback => Verdict::fail(evidence),
        })
    }
}
