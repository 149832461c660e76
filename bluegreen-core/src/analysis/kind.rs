//! What a metric compares, and the numbers that decide.

use super::block::Bound;
use super::mixture::Limits;
use super::number::{real, size};
use super::sight::EXCEEDANCES;
use super::spec::{AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec, Limit, MetricSpec};
use super::test::{self, Claim, MULTIPLES_LEN, ODDS_LEN};

/// The strata of a latency that a pass is about: live's 50th, 90th and 95th percentile.
const LATENCY_PASSES: [usize; 3] = [0, 2, 3];

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
    pub(super) warning: Limits,
    /// Of evidence that passes.
    pub(super) passing: Limits,
    pub(super) min_requests: f64,
    /// Whether evidence is tempered by live's dispersion.
    pub(super) temper: bool,
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
            temper: spec.temper,
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
    pub(super) fn limits(self) -> [Option<f64>; 3] {
        match self {
            Self::Errors(spec) => [spec.normal, spec.warning, spec.critical],
            Self::Latency(spec) => {
                let share = |limit: Limit| 1.0 - limit.quantile;
                [None, spec.warning.map(share), spec.critical.map(share)]
            }
            Self::Events(_) => [None; 3],
        }
    }

    /// Whether it has a limit that can be watched without live.
    pub(super) fn has_limit(self) -> bool {
        let [_, warning, critical] = self.limits();
        warning.is_some() || critical.is_some()
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
    pub(super) fn pass_strata(self) -> &'static [usize] {
        match self {
            Self::Latency(spec) if spec.relative => &LATENCY_PASSES,
            _ => &[0],
        }
    }

    pub(super) fn strata(self) -> usize {
        match self {
            Self::Latency(spec) if spec.relative => EXCEEDANCES.len(),
            _ => 1,
        }
    }

    pub(super) fn claims(self) -> Vec<(Claim, usize)> {
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

    pub(super) fn passes(self) -> usize {
        match self {
            Self::Events(spec) => test::event_limits(spec).count(),
            Self::Errors(_) | Self::Latency(_) => self.pass_strata().len(),
        }
    }
}
