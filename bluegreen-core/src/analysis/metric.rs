//! One metric over the whole deployment: what it has seen, and what its tests say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::block::{Block, Bound, Counts, Null};
use super::dispersion::Dispersion;
use super::history::History;
use super::interval::{minimum_sample, upper_limit_beyond, wilson_of_dispersed};
use super::kind::{Kind, Levels};
use super::mixture::Mixture;
use super::number::real;
use super::sight::{self, Gap, Sight};
use super::test::{self, Arrivals, Claim, GOOD_LEN};
use super::tick::Tick;

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
    /// How much live's counts vary, by stratum; only where it is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dispersion: Vec<Dispersion>,
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
    /// Whether live has no traffic any more.
    pub(super) alone: bool,
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
        self.dispersion.truncate(kind.strata());
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
            Kind::Errors(spec) => sight::errors(spec, tick, span.alone, &mut self.past_counts),
            Kind::Latency(spec) => {
                let past = self.past_latencies.get_or_insert_default();
                sight::latency(spec, tick, span, past)
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
        // From the past only: what this tick says of live's dispersion counts from the next one on.
        let factors: Vec<f64> = (0..sight.strata.len()).map(|index| self.factor(index)).collect();
        self.learn_dispersion(kind, sight, levels);
        let largest = factors.iter().copied().fold(1.0, f64::max);
        let strata = || sight.strata.iter().copied().zip(factors.iter().copied());
        let failing = levels.failing;
        for (claim, test) in &mut self.tests {
            match (claim, kind) {
                (Claim::WorseThanLive, Kind::Errors(_)) => {
                    let bound = kind.relative().unwrap_or(Bound::absolute(1.0));
                    let bets =
                        strata().flat_map(|(stratum, factor)| tempered(test::worse(stratum, bound), factor));
                    test.update(bets, planned, failing);
                }
                (Claim::WorseThanLive, _) => {
                    let bound = kind.relative().unwrap_or(Bound::absolute(1.0));
                    let bets = strata()
                        .flat_map(|(stratum, factor)| tempered(test::worse_odds(stratum, bound), factor));
                    test.update(bets, planned, failing);
                }
                (Claim::AboveNormal, _) => {
                    let limit = normal.unwrap_or(1.0);
                    let bets = tempered(test::above(sight.critical, limit), largest);
                    test.update(bets, planned, failing);
                }
                (Claim::AboveWarning, _) => {
                    let limit = warning.unwrap_or(1.0);
                    let bets = tempered(test::above(sight.warning, limit), largest);
                    test.update(bets, planned, levels.warning);
                }
                (Claim::AboveCritical, _) => {
                    let limit = critical.unwrap_or(1.0);
                    let bets = tempered(test::above(sight.critical, limit), largest);
                    test.update(bets, planned, failing);
                }
                (Claim::LiveAboveCritical, _) => {
                    let limit = critical.unwrap_or(1.0);
                    let bets = tempered(test::above(sight.critical.of_live(), limit), largest);
                    test.update(bets, planned, levels.warning);
                }
                (Claim::TooSeldom, Kind::Events(spec)) => {
                    let limit = spec.at_least.unwrap_or(0.0);
                    test.update(tempered(arrivals.too_seldom(limit), largest), planned, failing);
                }
                (Claim::TooOften, Kind::Events(spec)) => {
                    let limit = spec.at_most.unwrap_or(f64::MAX);
                    test.update(tempered(arrivals.too_often(limit), largest), planned, failing);
                }
                (Claim::TooSeldom | Claim::TooOften | Claim::Good, _) => {}
            }
        }
        let passing = levels.passing;
        if let Kind::Events(spec) = kind {
            for (pass, (limit, null)) in self.passes.iter_mut().zip(test::event_limits(spec)) {
                pass.update(tempered(arrivals.good(limit, null), largest), planned, passing);
            }
            return;
        }
        let margin = kind.margin();
        for (pass, index) in self.passes.iter_mut().zip(kind.pass_strata()) {
            let Some((stratum, factor)) = sight.strata.get(*index).zip(factors.get(*index)) else {
                continue;
            };
            if margin.ratio == 0.0 {
                let bets = tempered(test::good_below(stratum.block, margin.slack), *factor);
                pass.update(bets, planned, passing);
            } else {
                pass.update(tempered(test::good(*stratum, margin), *factor), planned, passing);
            }
        }
    }

    /// By how much the evidence of a stratum is tempered: 1 where it is not.
    fn factor(&self, stratum: usize) -> f64 {
        self.dispersion.get(stratum).map_or(1.0, Dispersion::factor)
    }

    /// The largest of them.
    pub(super) fn dispersion(&self) -> f64 {
        self.dispersion.iter().map(Dispersion::factor).fold(1.0, f64::max)
    }

    fn learn_dispersion(&mut self, kind: Kind<'_>, sight: &Sight, levels: &Levels) {
        if !levels.temper {
            return;
        }
        self.dispersion.resize(sight.strata.len(), Dispersion::default());
        let shares = !matches!(kind, Kind::Events(_));
        for (dispersion, stratum) in self.dispersion.iter_mut().zip(&sight.strata) {
            dispersion.add(stratum.block.live, shares);
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
        real(self.requests()) >= self.requests_needed(kind, levels) && self.beyond(&self.step, kind) < 0.0
    }

    /// The upper limit of how far the candidate is beyond the margin of a pass: below 0 is within.
    fn beyond(&self, step: &[Block], kind: Kind<'_>) -> f64 {
        let first = step.first().copied().unwrap_or_default();
        if let Kind::Events(spec) = kind {
            let arrivals = Arrivals::new(first);
            let (low, high) = wilson_of_dispersed(arrivals.counts(), self.factor(0));
            let beyond = test::event_limits(spec).map(|(limit, null)| match null {
                Null::AtMost => arrivals.probability(limit) - low,
                Null::AtLeast => high - arrivals.probability(limit),
            });
            return beyond.fold(f64::NEG_INFINITY, f64::max);
        }
        let margin = kind.margin();
        let strata = kind.pass_strata().iter();
        let beyond = strata.filter_map(|index| {
            let block = step.get(*index)?;
            Some(upper_limit_beyond(*block, margin, self.factor(*index)))
        });
        beyond.reduce(f64::max).unwrap_or(1.0)
    }

    /// How many more requests of the candidate would make it pass, when all goes on as in this step. `None`
    /// when no number would.
    pub(super) fn requests_to_pass(&self, kind: Kind<'_>, levels: &Levels) -> Option<u64> {
        let now = self.requests();
        let least = self.requests_needed(kind, levels) / real(now.max(1));
        let enough = |times: f64| {
            let grown: Vec<_> = self.step.iter().map(|block| block.times(times)).collect();
            self.beyond(&grown, kind) < 0.0
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

/// Evidence that counts for less: its logarithms, divided by what is at least 1.
fn tempered(ln_e_values: impl Iterator<Item = f64>, factor: f64) -> impl Iterator<Item = f64> {
    ln_e_values.map(move |ln_e_value| ln_e_value / factor)
}

impl Sight {
    fn critical_or_first(&self) -> Block {
        self.strata.first().map_or(self.critical, |stratum| stratum.block)
    }
}
