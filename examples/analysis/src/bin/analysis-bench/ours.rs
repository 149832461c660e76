//! This project's analysis, as a rule among rules.

use std::time::Duration;

use bluegreen_core::analysis::{
    Action, Analysis, AnalysisSpec, ErrorsSpec, Histogram, LatencySpec, MetricSpec, Side, Tick,
};

use crate::Failure;
use crate::field::Rule;
use crate::world::{Second, Slot};

/// The stage that is simulated.
pub(crate) const STAGE: Duration = Duration::from_hours(1);

/// The defaults, with one metric and no warm-up: the simulated candidate is warm.
pub(crate) fn spec(metric: MetricSpec) -> AnalysisSpec {
    let mut spec = AnalysisSpec::new([metric]);
    spec.warm_up = Duration::ZERO;
    spec
}

/// Errors compared with live's.
pub(crate) fn errors() -> MetricSpec {
    MetricSpec::errors("errors", ErrorsSpec::default())
}

/// Latencies compared with live's.
pub(crate) fn latency() -> MetricSpec {
    MetricSpec::latency("latency", LatencySpec::default())
}

/// The defaults, with so many ticks that must agree.
pub(crate) fn with_ticks(min_evidence_ticks: u32) -> AnalysisSpec {
    let mut spec = spec(errors());
    spec.min_evidence_ticks = min_evidence_ticks;
    spec
}

/// The same, with evidence that counts for less where live's counts vary.
pub(crate) fn tempered(min_evidence_ticks: u32) -> AnalysisSpec {
    let mut spec = with_ticks(min_evidence_ticks);
    spec.temper = true;
    spec
}

/// A look every second, one of which may decide: for the number of requests that is needed.
pub(crate) fn strict() -> AnalysisSpec {
    let mut spec = with_ticks(1);
    spec.tick = Duration::from_secs(1);
    spec
}

/// An analysis that is fed second by second.
pub(crate) struct Ours {
    analysis: Analysis,
    tick_s: u32,
    second: u32,
    sum: Second,
}

impl Ours {
    pub(crate) fn new(spec: AnalysisSpec) -> Result<Self, Failure> {
        let tick_s = u32::try_from(spec.tick.as_secs())?;
        Ok(Self {
            analysis: analysis(spec)?,
            tick_s,
            second: 0,
            sum: Second::default(),
        })
    }
}

pub(crate) fn analysis(spec: AnalysisSpec) -> Result<Analysis, Failure> {
    let mut analysis = Analysis::new(spec, STAGE)?;
    analysis.begin_step(STAGE);
    Ok(analysis)
}

fn side(slot: Slot) -> Side {
    let side = Side::default().count("requests", slot.requests);
    side.count("errors", slot.errors)
}

/// A tick of errors.
pub(crate) fn tick(at: Duration, second: Second) -> Tick {
    Tick {
        at,
        live: Some(side(second.live)),
        candidate: Some(side(second.candidate)),
    }
}

/// A tick of latencies.
pub(crate) fn latency_tick(at: Duration, candidate: Histogram, live: Histogram) -> Tick {
    let side = |histogram| Some(Side::default().latency("latency", histogram));
    Tick {
        at,
        live: side(live),
        candidate: side(candidate),
    }
}

impl Rule for Ours {
    fn rolls_back(&mut self, second: Second) -> bool {
        self.second += 1;
        for (sum, more) in [
            (&mut self.sum.candidate, second.candidate),
            (&mut self.sum.live, second.live),
        ] {
            sum.requests += more.requests;
            sum.errors += more.errors;
        }
        if !self.second.is_multiple_of(self.tick_s) {
            return false;
        }
        let sum = std::mem::take(&mut self.sum);
        let at = Duration::from_secs(u64::from(self.second));
        self.analysis.observe(&tick(at, sum)) == Action::Rollback
    }
}
