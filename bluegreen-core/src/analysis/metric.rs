//! One metric over the whole deployment: what it has seen, and what its tests say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::block::{Block, Bound, Counts};
use super::history::History;
use super::interval::{minimum_sample, upper_limit_beyond, wilson};
use super::mixture::{Limits, Mixture};
use super::number::{real, size};
use super::sight::{self, EXCEEDANCES, Gap, Sight};
use super::spec::{AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec, MetricSpec};
use super::test::{self, Arrivals, Claim, GOOD_LEN, MULTIPLES_LEN, ODDS_LEN};
use super::tick::Tick;

/// The strata of a latency that a pass is about: live's 50th, 90th and 95th percentile.
const LATENCY_PASSES: [usize; 3] = [0, 2, 3];

/// What is remembered of a metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MetricState {
    /// Evidence for what is wrong, over the whole deployment.
    tests: BTreeMap<Claim, Mixture>,
    /// Evidence that all is well, in this step; one for each thing that has to be shown.
    passes: Vec<Mixture>,
    past_counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    past_latencies: Option<History>,
    /// What was judged since the beginning, by stratum.
    pub(super) all: Vec<Block>,
    /// What was judged in this step, by stratum.
    pub(super) step: Vec<Block>,
    pub(super) used: u64,
    pub(super) skipped: u64,
    /// Skipped ticks in a row.
    pub(super) silent: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_gap: Option<Gap>,
}

/// What a tick is in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) seconds: f64,
    /// Its part of the planned time.
    pub(super) planned: f64,
    /// Whether the candidate is judged yet.
    pub(super) judged: bool,
}

/// What the numbers of an analysis are, for every metric.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// Evidence that decides: `M / alpha`.
    pub(super) fail: f64,
    /// Evidence that warns: `1 / alpha`.
    pub(super) warn: f64,
    /// Evidence that passes: `1 / beta`.
    pub(super) pass: f64,
    pub(super) beta: f64,
    /// Of evidence that fails.
    pub(super) failing: Limits,
    /// Of evidence that warns.
    warning: Limits,
    /// Of evidence that passes.
    passing: Limits,
    min_requests: f64,
}

impl Levels {
    pub(super) fn new(spec: &AnalysisSpec) -> Self {
        let blocking = spec.metrics.iter().filter(|metric| metric.blocking);
        let tests: usize = blocking
            .map(|metric| Kind::of(metric).map_or(0, Kind::deciding))
            .sum();
        let ticks = f64::from(spec.min_evidence_ticks.max(1));
        Self {
            fail: size(tests.max(1)) / spec.alpha,
            warn: spec.alpha.recip(),
            pass: spec.beta.recip(),
            beta: spec.beta,
            failing: Limits::cap(-spec.alpha.ln() / ticks),
            warning: Limits {
                ln_cap: -spec.alpha.ln() / ticks,
                ceiling: 2.0 / spec.alpha,
            },
            passing: Limits {
                ln_cap: -spec.beta.ln() / ticks,
                ceiling: 2.0 / spec.beta,
            },
            min_requests: real(spec.min_requests.max(1)),
        }
    }
}

/// What a metric compares.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Errors(&'a ErrorsSpec),
    Latency(&'a LatencySpec),
    Events(&'a EventsSpec),
}

impl<'a> Kind<'a> {
    pub(super) fn of(spec: &'a MetricSpec) -> Option<Self> {
        let errors = spec.errors.as_ref().map(Self::Errors);
        let latency = spec.latency.as_ref().map(Self::Latency);
        errors.or(latency).or(spec.events.as_ref().map(Self::Events))
    }

    /// Over how many tests `alpha` is divided.
    fn deciding(self) -> usize {
        let (relative, critical) = match self {
            Self::Errors(spec) => (spec.relative, spec.critical.is_some()),
            Self::Latency(spec) => (spec.relative, spec.critical.is_some()),
            Self::Events(spec) => (spec.at_least.is_some(), spec.at_most.is_some()),
        };
        usize::from(relative) + usize::from(critical)
    }

    /// The shares that may not be exceeded whatever live does: `normal`, `warning`, `critical`.
    fn limits(self) -> [Option<f64>; 3] {
        match self {
            Self::Errors(spec) => [spec.normal, spec.warning, spec.critical],
            Self::Latency(spec) => {
                let share = |limit: super::spec::Limit| 1.0 - limit.quantile;
                [None, spec.warning.map(share), spec.critical.map(share)]
            }
            Self::Events(_) => [None; 3],
        }
    }

    /// The bound for the share, relative to live's; `None` when it is not compared with live's.
    pub(super) fn relative(self) -> Option<Bound> {
        let (relative, ratio, slack) = match self {
            Self::Errors(spec) => (spec.relative, spec.ratio, spec.slack),
            Self::Latency(spec) => (spec.relative, 1.0, spec.slack),
            Self::Events(_) => (false, 0.0, 0.0),
        };
        relative.then_some(Bound { ratio, slack })
    }

    /// What a pass has to be within.
    pub(super) fn margin(self) -> Bound {
        let (relative, margin, critical) = match self {
            Self::Errors(spec) => (spec.relative, spec.margin(), spec.critical),
            Self::Latency(spec) => {
                let share = spec.critical.map(|limit| 1.0 - limit.quantile);
                (spec.relative, spec.margin(), share)
            }
            Self::Events(_) => return Bound::absolute(0.0),
        };
        match critical {
            Some(limit) if !relative => Bound::absolute(limit),
            _ => Bound {
                ratio: margin.ratio,
                slack: margin.slack,
            },
        }
    }

    /// The strata that a pass is about.
    fn pass_strata(self) -> &'static [usize] {
        match self {
            Self::Latency(spec) if spec.relative => &LATENCY_PASSES,
            _ => &[0],
        }
    }

    fn strata(self) -> usize {
        match self {
            Self::Latency(spec) if spec.relative => EXCEEDANCES.len(),
            _ => 1,
        }
    }

    fn claims(self) -> Vec<(Claim, usize)> {
        let [normal, warning, critical] = self.limits();
        let bets = match self {
            Self::Latency(_) => self.strata() * ODDS_LEN,
            Self::Errors(_) | Self::Events(_) => MULTIPLES_LEN,
        };
        let (seldom, often) = match self {
            Self::Events(spec) => (spec.at_least.is_some(), spec.at_most.is_some()),
            Self::Errors(_) | Self::Latency(_) => (false, false),
        };
        let claims = [
            (Claim::WorseThanLive, self.relative().is_some(), bets),
            (Claim::AboveNormal, normal.is_some(), MULTIPLES_LEN),
            (Claim::AboveWarning, warning.is_some(), MULTIPLES_LEN),
            (Claim::AboveCritical, critical.is_some(), MULTIPLES_LEN),
            (Claim::LiveAboveCritical, critical.is_some(), MULTIPLES_LEN),
            (Claim::TooSeldom, seldom, MULTIPLES_LEN),
            (Claim::TooOften, often, MULTIPLES_LEN),
        ];
        let given = claims.into_iter().filter(|(_, given, _)| *given);
        given.map(|(claim, _, bets)| (claim, bets)).collect()
    }

    fn passes(self) -> usize {
        match self {
            Self::Events(spec) => test::event_limits(spec).count(),
            Self::Errors(_) | Self::Latency(_) => self.pass_strata().len(),
        }
    }
}

impl MetricState {
    /// The state that a metric begins with, or goes on with: what does not fit begins anew.
    pub(super) fn fitting(mut self, kind: Kind<'_>) -> Self {
        let claims = kind.claims();
        self.tests = claims
            .into_iter()
            .map(|(claim, bets)| {
                let kept = self.tests.remove(&claim).filter(|test| test.fits(bets));
                (claim, kept.unwrap_or_else(|| Mixture::new(bets)))
            })
            .collect();
        if self.passes.len() != kind.passes() || !self.passes.iter().all(|pass| pass.fits(GOOD_LEN)) {
            self.begin_step(kind);
        }
        for blocks in [&mut self.all, &mut self.step] {
            blocks.resize(kind.strata(), Block::default());
        }
        self
    }

    /// What was shown in the step before does not count for the next.
    pub(super) fn begin_step(&mut self, kind: Kind<'_>) {
        self.passes = vec![Mixture::new(GOOD_LEN); kind.passes()];
        self.step = vec![Block::default(); kind.strata()];
    }

    /// A tick that cannot be used.
    pub(super) fn skip(&mut self, gap: Gap) {
        self.skipped = self.skipped.saturating_add(1);
        self.silent = self.silent.saturating_add(1);
        self.last_gap = Some(gap);
    }

    /// Takes in a tick. `false` when it said nothing.
    pub(super) fn update(&mut self, kind: Kind<'_>, tick: &Tick, span: Span, levels: &Levels) -> bool {
        let seen = match kind {
            Kind::Errors(spec) => sight::errors(spec, tick, &mut self.past_counts),
            Kind::Latency(spec) => {
                let past = self.past_latencies.get_or_insert_default();
                sight::latency(spec, tick, span.seconds, past)
            }
            Kind::Events(spec) => sight::events(spec, tick),
        };
        match seen {
            _ if !span.judged => {
                // Nothing is wrong with a source while the candidate warms up.
                self.silent = 0;
                false
            }
            Ok(sight) => {
                self.used = self.used.saturating_add(1);
                self.silent = 0;
                self.judge(kind, &sight, span.planned, levels);
                true
            }
            Err(gap) => {
                self.skip(gap);
                false
            }
        }
    }

    fn judge(&mut self, kind: Kind<'_>, sight: &Sight, planned: f64, levels: &Levels) {
        for totals in [&mut self.all, &mut self.step] {
            for (sum, stratum) in totals.iter_mut().zip(&sight.strata) {
                sum.add(stratum.block);
            }
        }
        let [normal, warning, critical] = kind.limits();
        let arrivals = Arrivals::new(sight.critical_or_first());
        let strata = || sight.strata.iter().copied();
        let failing = levels.failing;
        for (claim, test) in &mut self.tests {
            match (claim, kind) {
                (Claim::WorseThanLive, Kind::Errors(_)) => {
                    let bound = kind.relative().unwrap_or(Bound::absolute(1.0));
                    let bets = strata().flat_map(|stratum| test::worse(stratum, bound));
                    test.update(bets, planned, failing);
                }
                (Claim::WorseThanLive, _) => {
                    let bound = kind.relative().unwrap_or(Bound::absolute(1.0));
                    let bets = strata().flat_map(|stratum| test::worse_odds(stratum, bound));
                    test.update(bets, planned, failing);
                }
                (Claim::AboveNormal, _) => {
                    let limit = normal.unwrap_or(1.0);
                    test.update(test::above(sight.critical, limit), planned, failing);
                }
                (Claim::AboveWarning, _) => {
                    let limit = warning.unwrap_or(1.0);
                    test.update(test::above(sight.warning, limit), planned, levels.warning);
                }
                (Claim::AboveCritical, _) => {
                    let limit = critical.unwrap_or(1.0);
                    test.update(test::above(sight.critical, limit), planned, failing);
                }
                (Claim::LiveAboveCritical, _) => {
                    let limit = critical.unwrap_or(1.0);
                    test.update(
                        test::above(sight.critical.of_live(), limit),
                        planned,
                        levels.warning,
                    );
                }
                (Claim::TooSeldom, Kind::Events(spec)) => {
                    let limit = spec.at_least.unwrap_or(0.0);
                    test.update(arrivals.too_seldom(limit), planned, failing);
                }
                (Claim::TooOften, Kind::Events(spec)) => {
                    let limit = spec.at_most.unwrap_or(f64::MAX);
                    test.update(arrivals.too_often(limit), planned, failing);
                }
                (Claim::TooSeldom | Claim::TooOften | Claim::Good, _) => {}
            }
        }
        let passing = levels.passing;
        if let Kind::Events(spec) = kind {
            for (pass, (limit, null)) in self.passes.iter_mut().zip(test::event_limits(spec)) {
                pass.update(arrivals.good(limit, null), planned, passing);
            }
            return;
        }
        let margin = kind.margin();
        for (pass, index) in self.passes.iter_mut().zip(kind.pass_strata()) {
            let Some(stratum) = sight.strata.get(*index) else {
                continue;
            };
            if margin.ratio == 0.0 {
                pass.update(test::good_below(stratum.block, margin.slack), planned, passing);
            } else {
                pass.update(test::good(*stratum, margin), planned, passing);
            }
        }
    }

    /// How much evidence there is for a claim: now, and at most.
    pub(super) fn evidence(&self, claim: Claim) -> Option<(f64, f64)> {
        if claim == Claim::Good {
            // All of it has to be shown, so the least counts.
            let now = self.passes.iter().map(Mixture::value).reduce(f64::min)?;
            let peak = self.passes.iter().map(Mixture::peak).reduce(f64::min)?;
            return Some((now, peak));
        }
        let test = self.tests.get(&claim)?;
        Some((test.value(), test.peak()))
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.tests.keys().copied().chain([Claim::Good])
    }

    fn shown(&self, claim: Claim, level: f64) -> bool {
        self.evidence(claim).is_some_and(|(_, peak)| peak >= level)
    }

    fn shown_now(&self, claim: Claim, level: f64) -> bool {
        self.evidence(claim).is_some_and(|(now, _)| now >= level)
    }

    /// What has been shown to be wrong, and cannot be unsaid.
    pub(super) fn failure(&self, kind: Kind<'_>, levels: &Levels) -> Option<Claim> {
        let above_normal = match kind.limits() {
            [Some(_), ..] => self.shown(Claim::AboveNormal, levels.fail),
            [None, ..] => true,
        };
        if above_normal && self.shown(Claim::WorseThanLive, levels.fail) {
            return Some(Claim::WorseThanLive);
        }
        [Claim::AboveCritical, Claim::TooSeldom, Claim::TooOften]
            .into_iter()
            .find(|claim| self.shown(*claim, levels.fail))
    }

    /// Whether live is so ill that going back to it would not help.
    pub(super) fn live_is_ill(&self, levels: &Levels) -> bool {
        self.shown_now(Claim::LiveAboveCritical, levels.warn)
    }

    pub(super) fn warned(&self, levels: &Levels) -> bool {
        self.shown_now(Claim::AboveWarning, levels.warn)
    }

    /// How many requests of the candidate a pass needs in this step at least.
    pub(super) fn requests_needed(&self, kind: Kind<'_>, levels: &Levels) -> f64 {
        let needed = match kind {
            Kind::Errors(_) => {
                let live = self
                    .step
                    .first()
                    .and_then(|block| block.live.rate())
                    .unwrap_or(0.0);
                let limit = kind.margin().at(live).clamp(1e-6, 0.999_999);
                minimum_sample(limit, levels.beta)
            }
            Kind::Latency(_) | Kind::Events(_) => 1.0,
        };
        needed.max(levels.min_requests)
    }

    pub(super) fn requests(&self) -> u64 {
        self.step.first().map_or(0, |block| block.candidate.requests)
    }

    /// Whether it has been shown in this step that all is well.
    pub(super) fn passed_early(&self, kind: Kind<'_>, levels: &Levels) -> bool {
        real(self.requests()) >= self.requests_needed(kind, levels)
            && self.shown_now(Claim::Good, levels.pass)
    }

    /// Whether, with all of the step's counts, it lies within the margin at 95 %. For one look, at the end.
    pub(super) fn passed_at_end(&self, kind: Kind<'_>, levels: &Levels) -> bool {
        real(self.requests()) >= self.requests_needed(kind, levels) && beyond(&self.step, kind) < 0.0
    }

    /// How many more requests of the candidate would make it pass, when all goes on as in this step. `None`
    /// when no number would.
    pub(super) fn requests_to_pass(&self, kind: Kind<'_>, levels: &Levels) -> Option<u64> {
        let now = self.requests();
        let least = self.requests_needed(kind, levels) / real(now.max(1));
        let enough = |times: f64| {
            let grown: Vec<_> = self.step.iter().map(|block| block.times(times)).collect();
            beyond(&grown, kind) < 0.0
        };
        let mut high = least.max(1.0);
        while !enough(high) {
            high *= 2.0;
            if high > 1e6 || now == 0 {
                return None;
            }
        }
        let mut low = high / 2.0;
        for _ in 0..20 {
            let between = f64::midpoint(low, high);
            if between >= least && enough(between) {
                high = between;
            } else {
                low = between;
            }
        }
        super::number::count((high - 1.0).max(0.0) * real(now))
    }
}

/// The upper limit of how far the candidate is beyond the margin of a pass: below 0 is within.
fn beyond(step: &[Block], kind: Kind<'_>) -> f64 {
    let first = step.first().copied().unwrap_or_default();
    if let Kind::Events(spec) = kind {
        let arrivals = Arrivals::new(first);
        let (low, high) = wilson(arrivals.counts());
        let beyond = test::event_limits(spec).map(|(limit, null)| match null {
            super::block::Null::AtMost => arrivals.probability(limit) - low,
            super::block::Null::AtLeast => high - arrivals.probability(limit),
        });
        return beyond.fold(f64::NEG_INFINITY, f64::max);
    }
    let margin = kind.margin();
    let strata = kind.pass_strata().iter().filter_map(|index| step.get(*index));
    let beyond = strata.map(|block| upper_limit_beyond(*block, margin));
    beyond.reduce(f64::max).unwrap_or(1.0)
}

impl Sight {
    fn critical_or_first(&self) -> Block {
        self.strata.first().map_or(self.critical, |stratum| stratum.block)
    }
}
