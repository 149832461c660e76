//! What is found, as people read it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::block::{Block, Counts};
use super::engine::Action;
use super::interval::wilson;
use super::kind::{Kind, Levels};
use super::metric::MetricState;
use super::number::real;
use super::sight::Gap;
use super::spec::MetricSpec;
use super::test::Claim;
use crate::plan::humane;

/// What is to be done and why, with the evidence of every metric. Shown in a line for the whole and one or two
/// for each metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub why: Why,
    /// For how long the step was watched, with data.
    #[serde(with = "humane")]
    pub observed: Duration,
    /// For how long it is to be.
    #[serde(with = "humane")]
    pub bake: Duration,
    /// The metrics, in the order of the spec.
    pub findings: Vec<Finding>,
}

/// Why something is to be done, and the metric that decided where one did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// A regression is shown.
    Failed {
        /// By which metric.
        metric: String,
    },
    /// The candidate is above what is critical, but live is too: going back would not help.
    BothIll {
        /// By which metric.
        metric: String,
    },
    /// There was no data for too long.
    NoData {
        /// For which metric.
        metric: String,
    },
    /// A warning is shown.
    Warned {
        /// By which metric.
        metric: String,
    },
    /// The bake is over, and it cannot be told.
    Inconclusive {
        /// By which metric.
        metric: String,
    },
    /// The bake is over, it cannot be told, and the plan gives it more time.
    Extended {
        /// By which metric.
        metric: String,
    },
    /// The bake is not over.
    Baking {
        /// Whether all that has to be shown is shown already.
        shown: bool,
    },
    /// Every blocking metric has passed.
    Passed,
    /// No blocking metric has failed, and the plan says that the bake alone suffices.
    BakeSufficed,
    /// The candidate has all traffic, there is nothing to compare it with, and no limit is crossed.
    Alone,
    /// No metric blocks, so nothing can be told: a person decides.
    NothingBlocks,
}

/// Where a metric stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// A regression is shown.
    Failed {
        /// Which.
        claim: Claim,
    },
    /// It is above the level of a warning.
    Warned,
    /// It is shown that all is well.
    Passed,
    /// The bake is over without a failure, and the plan says that this suffices.
    BakeSufficed,
    /// The candidate has all traffic: there is nothing to compare it with, and it has crossed no limit.
    Alone,
    /// There was no data for too long.
    Silent,
    /// It cannot be told yet.
    Undecided,
}

/// What was found for one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its name.
    pub metric: String,
    /// Whether it can stop a deployment.
    pub blocking: bool,
    /// Where it stands.
    pub standing: Standing,
    /// What is counted as bad.
    pub bad: &'static str,
    /// The candidate's counts since the analysis began. For a latency: those slower than live's p95.
    pub candidate: Counts,
    /// Live's counts of the same ticks.
    pub live: Counts,
    /// The candidate's share of bad ones is within these limits, each at 95 % for one look.
    pub candidate_within: (f64, f64),
    /// The same of live.
    pub live_within: (f64, f64),
    /// How much evidence there is for what.
    pub evidence: Vec<Evidence>,
    /// So many more requests of the candidate would make it pass when all goes on as in this step. `None` when
    /// it has passed or failed, or no number would do.
    pub requests_to_pass: Option<u64>,
    /// How long that takes, at this step's traffic.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::plan::humane_option::serialize"
    )]
    pub time_to_pass: Option<Duration>,
    /// How much more live's counts vary than independent ones would, where evidence is tempered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispersion: Option<f64>,
    /// Ticks that were used.
    pub used: u64,
    /// Ticks that were skipped.
    pub skipped: u64,
    /// Why the last one that was skipped was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_gap: Option<Gap>,
}

/// How much evidence there is for a claim: 1 is none, and `needed` decides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// For what.
    pub claim: Claim,
    /// Now.
    pub now: f64,
    /// At most so far. Its reciprocal is a p-value that holds at any time.
    pub peak: f64,
    /// What decides.
    pub needed: f64,
}

impl Finding {
    pub(super) fn new(
        spec: &MetricSpec,
        kind: Kind<'_>,
        state: &MetricState,
        standing: Standing,
        levels: &Levels,
        observed: Duration,
    ) -> Self {
        let index = if matches!(kind, Kind::Latency(latency) if latency.relative) {
            3
        } else {
            0
        };
        let Block { candidate, live } = state.all.get(index).copied().unwrap_or_default();
        let evidence = state.claims().filter_map(|claim| {
            let (now, peak) = state.evidence(claim)?;
            let needed = match claim {
                Claim::Good => levels.pass,
                Claim::AboveWarning | Claim::LiveAboveCritical => levels.warn,
                _ => levels.fail,
            };
            Some(Evidence {
                claim,
                now,
                peak,
                needed,
            })
        });
        let open = matches!(standing, Standing::Undecided | Standing::Silent);
        let requests_to_pass = if open {
            state.requests_to_pass(kind, levels)
        } else {
            None
        };
        // Before anything was watched there is no rate.
        let rate = Some(real(state.requests()) / observed.as_secs_f64()).filter(|rate| rate.is_finite());
        let seconds = requests_to_pass
            .zip(rate)
            .map(|(requests, rate)| (real(requests) / rate).ceil());
        Self {
            metric: spec.name.clone(),
            blocking: spec.blocking,
            standing,
            bad: match kind {
                Kind::Errors(_) => "bad",
                Kind::Latency(spec) if spec.relative => "slower than live's p95",
                Kind::Latency(_) => "too slow",
                Kind::Events(_) => "events",
            },
            candidate,
            live,
            candidate_within: wilson(candidate),
            live_within: wilson(live),
            evidence: evidence.collect(),
            requests_to_pass,
            time_to_pass: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            dispersion: levels.temper.then(|| state.dispersion()),
            used: state.used,
            skipped: state.skipped,
            last_gap: state.last_gap,
        }
    }
}

impl Report {
    /// In one line: what is to be done and why, all that is known of the metric that decided, and how the others
    /// stand.
    #[must_use]
    pub fn summary(&self) -> String {
        let (observed, bake) = (seconds(self.observed), seconds(self.bake));
        let decided = self.why.metric();
        let told = |finding: &&Finding| decided.is_none_or(|metric| metric == finding.metric);
        let mut parts = vec![format!(
            "{}: {} (watched {observed} of {bake}).",
            self.action, self.why
        )];
        for finding in self.findings.iter().filter(told) {
            parts.push(finding.to_string());
        }
        for finding in self.findings.iter().filter(|finding| !told(finding)) {
            parts.push(format!("{}: {}.", finding.metric, finding.standing));
        }
        parts.join(" ")
    }
}

impl Why {
    fn metric(&self) -> Option<&str> {
        match self {
            Self::Failed { metric }
            | Self::BothIll { metric }
            | Self::NoData { metric }
            | Self::Warned { metric }
            | Self::Inconclusive { metric }
            | Self::Extended { metric } => Some(metric),
            Self::Baking { .. } | Self::Passed | Self::BakeSufficed | Self::Alone | Self::NothingBlocks => {
                None
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (observed, bake) = (seconds(self.observed), seconds(self.bake));
        write!(f, "{}: {} (watched {observed} of {bake})", self.action, self.why)?;
        self.findings
            .iter()
            .try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { metric } => write!(f, "{metric} has failed"),
            Self::BothIll { metric } => {
                write!(
                    f,
                    "{metric} is critical on live too, so going back would not help"
                )
            }
            Self::NoData { metric } => write!(f, "{metric} has had no data for too long"),
            Self::Warned { metric } => write!(f, "{metric} is above its warning level"),
            Self::Inconclusive { metric } => {
                write!(f, "the bake is over and {metric} has neither passed nor failed")
            }
            Self::Extended { metric } => {
                write!(
                    f,
                    "{metric} has neither passed nor failed, and the bake is extended"
                )
            }
            Self::Baking { shown: true } => f.write_str("all is well so far, and the bake goes on"),
            Self::Baking { shown: false } => f.write_str("the bake goes on"),
            Self::Passed => f.write_str("every blocking metric has passed"),
            Self::BakeSufficed => {
                f.write_str("no blocking metric has failed, and by the plan the bake alone suffices")
            }
            Self::Alone => f.write_str(
                "the candidate has all traffic, nothing is left to compare it with; limits are watched",
            ),
            Self::NothingBlocks => f.write_str("no metric blocks, so a person decides"),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WorseThanLive => "worse than live",
            Self::AboveNormal => "above normal",
            Self::AboveWarning => "above warning",
            Self::AboveCritical => "above critical",
            Self::LiveAboveCritical => "live above critical",
            Self::TooSeldom => "too seldom",
            Self::TooOften => "too often",
            Self::Good => "good",
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { claim } => write!(f, "failed, {claim}"),
            Self::Warned => f.write_str("above its warning level"),
            Self::Passed => f.write_str("passed"),
            Self::BakeSufficed => f.write_str("neither passed nor failed"),
            Self::Alone => f.write_str("not compared any more"),
            Self::Silent => f.write_str("no data"),
            Self::Undecided => f.write_str("undecided"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            metric,
            standing,
            bad,
            candidate,
            live,
            ..
        } = self;
        let note = if self.blocking { "" } else { ", advisory" };
        write!(f, "{metric}: {standing}{note}. ")?;
        let what = if candidate.requests == 0 && live.requests == 0 {
            String::new()
        } else {
            format!(" {bad}")
        };
        write!(
            f,
            "Candidate {}, live {}{what}. ",
            side(*candidate, self.candidate_within),
            side(*live, self.live_within)
        )?;
        f.write_str("Evidence")?;
        for (index, evidence) in self.evidence.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let Evidence {
                claim,
                now,
                peak,
                needed,
            } = evidence;
            // A failure once shown stands, a pass has to stand now.
            let value = if *claim == Claim::Good { now } else { peak };
            write!(f, "{comma} {claim} {} of {needed:.0}", short(*value))?;
        }
        f.write_str(".")?;
        if let Some(factor) = self.dispersion.filter(|factor| *factor >= 1.05) {
            write!(
                f,
                " Live's own counts vary {factor:.1} times as much as independent ones, so that much less is made of them."
            )?;
        }
        match (self.requests_to_pass, self.time_to_pass) {
            (Some(0), _) => {
                f.write_str(" Enough is seen: if it stays so, it passes when the bake is over.")?;
            }
            (Some(requests), time) => {
                write!(
                    f,
                    " To pass, about {requests} more requests of the candidate like these"
                )?;
                match time {
                    Some(time) => write!(f, " ({}).", seconds(time))?,
                    None => f.write_str(".")?,
                }
            }
            (None, _) if matches!(standing, Standing::Undecided) && self.used > 0 => {
                f.write_str(" At these rates it will not pass.")?;
            }
            (None, _) => {}
        }
        write!(f, " {} ticks used, {} skipped", self.used, self.skipped)?;
        if let Some(gap) = self.last_gap {
            write!(f, " (the last: {gap})")?;
        }
        f.write_str(".")
    }
}

fn side(counts: Counts, within: (f64, f64)) -> String {
    let Counts { requests, bad } = counts;
    match counts.rate() {
        None => "no requests".to_owned(),
        Some(rate) if rate > 1.0 => format!("{bad} for {requests} requests"),
        Some(rate) => format!(
            "{bad} of {requests} = {} ({} to {})",
            percent(rate),
            percent(within.0),
            percent(within.1)
        ),
    }
}

/// A share in percent with two digits that say something.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent {
        ..0.0005 | 10.0.. => 0,
        p if p >= 1.0 => 1,
        p if p >= 0.1 => 2,
        _ => 3,
    };
    format!("{percent:.digits$} %")
}

/// Three digits are enough for people.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{v:.0e}"),
        v if v >= 10.0 => format!("{v:.0}"),
        v => format!("{v:.2}"),
    }
}

/// Whole seconds; below ten of them tenths.
pub(super) fn seconds(span: Duration) -> String {
    let tenths = span.as_millis() / 100;
    let shown = match u64::try_from(tenths) {
        Ok(tenths @ ..100) => Duration::from_millis(100 * tenths),
        _ => Duration::from_secs(span.as_secs()),
    };
    humane::format(shown)
}
