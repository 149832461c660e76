//! The analysis: takes in ticks, says what is to be done.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::{Kind, Levels};
use super::metric::{MetricState, Span};
use super::report::{Finding, Report, Standing, Why};
use super::sight::Gap;
use super::spec::{AnalysisSpec, MetricSpec, OnInconclusive, OnMissing};
use super::tick::Tick;
use crate::plan::{PlanError, Problem};

/// The version of [`State`] that this version of the crate writes.
const VERSION: u32 = 1;

/// A tick may be so much shorter than it should be: clocks and schedulers are not exact.
const NEARLY: f64 = 0.9;

/// What is to be done with the step that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The step has passed: the next may begin.
    Continue,
    /// The split stays as it is, and is watched on.
    Hold,
    /// All traffic goes back to live.
    Rollback,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Continue => "continue",
            Self::Hold => "hold",
            Self::Rollback => "rollback",
        })
    }
}

/// What an analysis has to remember: a part of the record. At most some kilobytes for each metric, however
/// long it runs. JSON holds it exactly.
///
/// It is read tolerantly: keys that this version does not know are left out, and evidence that does not fit
/// the spec begins anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    version: u32,
    /// When the last tick ended, since the analysis began.
    last: Duration,
    /// When the last tick that was taken in ended; before it, the open part.
    closed: Duration,
    /// Parts of a tick that is not long enough yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Tick>,
    /// Until then the candidate is not judged.
    warm_until: Duration,
    /// The time for which the whole deployment is planned to be watched.
    planned: Duration,
    step: Step,
    metrics: BTreeMap<String, MetricState>,
}

/// The step that is watched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Step {
    bake: Duration,
    /// For how long it was watched, with data.
    observed: Duration,
    /// Whether the candidate has all traffic, so that live has nothing to compare it with.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
}

/// The comparison of candidate and live over a whole deployment. Pure: time is in the ticks.
///
/// ```
/// use std::time::Duration;
/// use bluegreen_core::analysis::{Action, Analysis, AnalysisSpec, ErrorsSpec, MetricSpec, Side, Tick};
///
/// let spec = AnalysisSpec::new([MetricSpec::errors("errors", ErrorsSpec::default())]);
/// let hour = Duration::from_secs(3600);
/// let mut analysis = Analysis::new(spec, hour)?;
/// analysis.begin_step(hour);
/// let side = |requests, errors| Some(Side::default().count("requests", requests).count("errors", errors));
/// let mut action = Action::Hold;
/// for tick in 1..=20 {
///     let at = Duration::from_secs(5 * tick);
///     // Live: 1 error in 1000; the candidate: 2 in 50.
///     action = analysis.observe(&Tick { at, live: side(1000.0, 1.0), candidate: side(50.0, 2.0) });
/// }
/// assert_eq!(action, Action::Rollback);
/// println!("{}", analysis.report());
/// # Ok::<(), bluegreen_core::plan::PlanError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Analysis {
    spec: AnalysisSpec,
    levels: Levels,
    state: State,
}

impl Analysis {
    /// An analysis of a deployment that is planned to be watched for so long: the bakes of all steps.
    /// Being watched longer is no harm; late regressions are then found later.
    ///
    /// # Errors
    /// With everything that is wrong with the spec.
    pub fn new(spec: AnalysisSpec, planned: Duration) -> Result<Self, PlanError> {
        let state = State {
            version: VERSION,
            warm_until: spec.warm_up,
            planned,
            ..State::default()
        };
        Self::resume(spec, state)
    }

    /// Goes on where another process has stopped.
    ///
    /// # Errors
    /// With everything that is wrong with the spec, or when a newer version has written the state.
    pub fn resume(spec: AnalysisSpec, mut state: State) -> Result<Self, PlanError> {
        spec.check("")?;
        if state.version > VERSION {
            return Err(PlanError::from(Problem {
                path: String::new(),
                message: format!(
                    "the state of the analysis has version {}, and this program knows {VERSION}",
                    state.version
                ),
                remedy: "resume it with the newer program".to_owned(),
            }));
        }
        state.metrics = kinds(&spec)
            .map(|(metric, kind)| {
                let kept = state.metrics.remove(&metric.name).unwrap_or_default();
                (metric.name.clone(), kept.fitting(kind))
            })
            .collect();
        let levels = Levels::new(&spec);
        Ok(Self { spec, levels, state })
    }

    /// What is to be stored.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What it was made from.
    #[must_use]
    pub const fn spec(&self) -> &AnalysisSpec {
        &self.spec
    }

    /// Another step begins, with a bake of so long. Evidence against the candidate is kept: it is one test over
    /// the whole deployment, whatever the split. What a pass needs is collected anew.
    pub fn begin_step(&mut self, bake: Duration) {
        self.begin(bake, false);
    }

    /// The candidate gets all traffic, for a bake of so long. There is nothing to compare it with any more, so
    /// what compares says nothing; limits are watched on, and need data.
    pub fn begin_cutover(&mut self, bake: Duration) {
        self.begin(bake, true);
    }

    fn begin(&mut self, bake: Duration, alone: bool) {
        self.state.step = Step {
            bake,
            observed: Duration::ZERO,
            alone,
        };
        for (metric, kind) in kinds(&self.spec) {
            if let Some(state) = self.state.metrics.get_mut(&metric.name) {
                state.begin_step(kind);
            }
        }
    }

    /// New instances of the candidate have come: for the time of a warm-up it is not judged.
    pub fn warm_up(&mut self, at: Duration) {
        self.state.warm_until = at.saturating_add(self.spec.warm_up);
    }

    /// Takes in a tick. The answer is also that of [`Analysis::action`].
    pub fn observe(&mut self, tick: &Tick) -> Action {
        if tick.at < self.state.last {
            self.skip(Gap::OutOfTime, 1);
            return self.action();
        }
        self.state.last = tick.at;
        let elapsed = tick.at.saturating_sub(self.state.closed);
        let whole = elapsed >= self.spec.tick.mul_f64(NEARLY);
        match (self.state.open.take(), whole) {
            (None, true) => self.take(tick, elapsed),
            (Some(mut open), true) => {
                open.add(tick);
                self.take(&open, elapsed);
            }
            (None, false) => self.state.open = Some(tick.clone().storable()),
            (Some(mut open), false) => {
                open.add(tick);
                self.state.open = Some(open);
            }
        }
        self.action()
    }

    fn take(&mut self, tick: &Tick, elapsed: Duration) {
        self.state.closed = tick.at;
        let longest = self.spec.tick.saturating_mul(self.spec.max_missing);
        let gap = elapsed > longest;
        // Nothing came for so long that it is as if the ticks in between had been missing.
        if gap && self.state.step.observed > Duration::ZERO {
            self.skip(Gap::OutOfTime, self.spec.max_missing);
        }
        let covered = elapsed.min(longest);
        let seconds = covered.as_secs_f64();
        let planned = self.state.planned.as_secs_f64();
        let span = Span {
            seconds,
            planned: if planned > 0.0 { seconds / planned } else { 0.0 },
            judged: tick.at > self.state.warm_until,
            alone: self.state.step.alone,
        };
        let mut observed = true;
        for (metric, kind) in kinds(&self.spec).filter(|(_, kind)| !span.alone || kind.has_limit()) {
            if let Some(state) = self.state.metrics.get_mut(&metric.name) {
                let used = state.update(kind, tick, span, &self.levels);
                observed &= used || !metric.blocking;
            }
        }
        if observed && span.judged {
            let step = &mut self.state.step;
            step.observed = step.observed.saturating_add(covered);
        }
    }

    fn skip(&mut self, gap: Gap, times: u32) {
        for state in self.state.metrics.values_mut() {
            for _ in 0..times {
                state.skip(gap);
            }
        }
    }

    /// The time of the last tick, since the analysis began.
    #[must_use]
    pub const fn last(&self) -> Duration {
        self.state.last
    }

    /// Whether the step was watched for as long as its bake is, with data.
    #[must_use]
    pub fn bake_is_over(&self) -> bool {
        self.state.step.observed >= self.state.step.bake
    }

    /// What is to be done, as far as is known now.
    #[must_use]
    pub fn action(&self) -> Action {
        self.decide().0
    }

    /// What is to be done and why, with the evidence of every metric.
    #[must_use]
    pub fn report(&self) -> Report {
        let (action, why) = self.decide();
        let findings = kinds(&self.spec).filter_map(|(metric, kind)| {
            let state = self.state.metrics.get(&metric.name)?;
            let standing = self.standing(kind, state);
            Some(Finding::new(
                metric,
                kind,
                state,
                standing,
                &self.levels,
                self.state.step.observed,
            ))
        });
        Report {
            action,
            why,
            observed: self.state.step.observed,
            bake: self.state.step.bake,
            findings: findings.collect(),
        }
    }

    fn standing(&self, kind: Kind<'_>, state: &MetricState) -> Standing {
        let levels = &self.levels;
        if let Some(claim) = state.failure(kind, levels) {
            return Standing::Failed { claim };
        }
        let alone = self.state.step.alone;
        if alone && !kind.has_limit() {
            return Standing::Alone;
        }
        if state.silent >= self.spec.max_missing {
            return Standing::Silent;
        }
        if state.warned(levels) {
            return Standing::Warned;
        }
        if alone {
            let seen = state.requests() > 0;
            return if seen {
                Standing::Alone
            } else {
                Standing::Undecided
            };
        }
        if state.passed_early(kind, levels) {
            return Standing::Passed;
        }
        let over = self.bake_is_over() && state.used > 0;
        if over && state.passed_at_end(kind, levels) {
            return Standing::Passed;
        }
        let suffices = self.spec.on_inconclusive == OnInconclusive::BakeSuffices;
        if over && suffices && state.requests() > 0 {
            return Standing::BakeSufficed;
        }
        Standing::Undecided
    }

    /// The rules over all metrics. Whatever comes first wins.
    fn decide(&self) -> (Action, Why) {
        let blocking = kinds(&self.spec).filter(|(metric, _)| metric.blocking);
        let mut standings = Vec::new();
        for (metric, kind) in blocking {
            if let Some(state) = self.state.metrics.get(&metric.name) {
                standings.push((metric, state, self.standing(kind, state)));
            }
        }
        if standings.is_empty() {
            return (Action::Hold, Why::NothingBlocks);
        }
        let mut ill = None;
        for (metric, state, standing) in &standings {
            match standing {
                // Both are too bad, and the candidate is not shown to be the worse one.
                Standing::Failed {
                    claim: super::Claim::AboveCritical,
                } if state.live_is_ill(&self.levels) => ill = Some(metric.name.clone()),
                Standing::Failed { .. } => {
                    let metric = metric.name.clone();
                    return (Action::Rollback, Why::Failed { metric });
                }
                _ => {}
            }
        }
        if let Some(metric) = ill {
            return (Action::Hold, Why::BothIll { metric });
        }
        let named = |wanted: &[Standing]| {
            let found = standings
                .iter()
                .find(|(_, _, standing)| wanted.contains(standing));
            found.map(|(metric, ..)| metric.name.clone())
        };
        if let Some(metric) = named(&[Standing::Silent]) {
            let action = match self.spec.on_missing {
                OnMissing::Hold => Action::Hold,
                OnMissing::Rollback => Action::Rollback,
            };
            return (action, Why::NoData { metric });
        }
        if let Some(metric) = named(&[Standing::Warned]) {
            return (Action::Hold, Why::Warned { metric });
        }
        let undecided = named(&[Standing::Undecided]);
        let passed = if named(&[Standing::BakeSufficed]).is_some() {
            Why::BakeSufficed
        } else {
            Why::Passed
        };
        match (undecided, self.bake_is_over()) {
            (None, true) if self.state.step.alone => (Action::Continue, Why::Alone),
            (None, true) => (Action::Continue, passed),
            (None, false) if self.spec.early_pass => (Action::Continue, Why::Passed),
            (None, false) => (Action::Hold, Why::Baking { shown: true }),
            (Some(_), false) => (Action::Hold, Why::Baking { shown: false }),
            (Some(metric), true) => self.inconclusive(metric),
        }
    }

    fn inconclusive(&self, metric: String) -> (Action, Why) {
        let Step { bake, observed, .. } = self.state.step;
        match self.spec.on_inconclusive {
            OnInconclusive::Rollback => (Action::Rollback, Why::Inconclusive { metric }),
            OnInconclusive::Extend if observed < bake.saturating_add(self.spec.extend_by) => {
                (Action::Hold, Why::Extended { metric })
            }
            OnInconclusive::Extend | OnInconclusive::Hold | OnInconclusive::BakeSuffices => {
                (Action::Hold, Why::Inconclusive { metric })
            }
        }
    }
}

/// The metrics with what they compare. A spec that was checked has one thing for each.
fn kinds(spec: &AnalysisSpec) -> impl Iterator<Item = (&MetricSpec, Kind<'_>)> {
    spec.metrics
        .iter()
        .filter_map(|metric| Some((metric, Kind::of(metric)?)))
}
