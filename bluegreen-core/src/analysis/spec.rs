//! An analysis as plans describe it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{humane, percent};

/// How candidate and live are compared while both have traffic. Every key has a default: see the table in
/// the [module](super). Shares and multiples are numbers or percentages in quotes: `0.05` or `"5%"`.
///
/// ```
/// use bluegreen_core::analysis::AnalysisSpec;
///
/// let spec: AnalysisSpec = toml::from_str(r#"
///     warm_up = "1m"
///
///     [[metrics]]
///     name = "errors"
///     errors = { normal = "0.1%", critical = "5%" }
///
///     [[metrics]]
///     name = "latency"
///     latency = { ratio = 1.2, critical = { quantile = 0.95, below = "1s" } }
///
///     [[metrics]]
///     name = "logins"
///     blocking = false
///     events = { count = "logins", at_least = 0.8 }
/// "#)?;
/// assert!(spec.problems("analysis").is_empty());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AnalysisSpec {
    /// How probable it may be that a candidate that is as good as live is rolled back, in the whole
    /// deployment and over all blocking metrics together. Above 0, at most 0.2.
    #[serde(deserialize_with = "percent::number")]
    pub alpha: f64,
    /// How probable it may be that a candidate worse than a pass's margin passes a step. Above 0, at most
    /// 0.2.
    #[serde(deserialize_with = "percent::number")]
    pub beta: f64,
    /// How much time makes one tick. What comes more often is put together.
    #[serde(with = "humane")]
    pub tick: Duration,
    /// A tick counts for so much at most that this many must agree before anything is decided. 3 is quick,
    /// and believes in shorter incidents. 1 to 60.
    pub min_evidence_ticks: u32,
    /// For so long the candidate is not judged: caches fill. Live is watched meanwhile.
    #[serde(with = "humane")]
    pub warm_up: Duration,
    /// So many requests of the candidate are needed in a step for a pass, at least.
    pub min_requests: u64,
    /// So many ticks without data in a row are too many. 1 or more.
    pub max_missing: u32,
    /// What follows when there is no data for too long.
    pub on_missing: OnMissing,
    /// What follows when a bake is over and a blocking metric has neither passed nor failed.
    pub on_inconclusive: OnInconclusive,
    /// How much longer a bake may be with `on_inconclusive = "extend"`; after it the step is held.
    #[serde(with = "humane")]
    pub extend_by: Duration,
    /// How long a step that is held waits: for somebody who approves it, or for data that decides. Then all
    /// traffic goes back.
    #[serde(with = "humane")]
    pub hold: Duration,
    /// Whether a step may end before its bake is over, when all blocking metrics have passed.
    pub early_pass: bool,
    /// Whether evidence counts for less where live's own counts vary more than independent ones would. Wanted where
    /// one fault makes a burst of bad requests, at hundreds of requests a second, and fewer ticks than usual are to
    /// agree. Regressions among bursts are then found later, by as much as the bursts are large.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub temper: bool,
    /// What is compared.
    pub metrics: Vec<MetricSpec>,
}

/// What follows when there is no data for too long. Never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// The step is held: somebody looks, or the data comes back.
    #[default]
    Hold,
    /// All traffic goes back.
    Rollback,
}

/// What follows when a bake is over and it cannot be told whether the candidate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInconclusive {
    /// The step is held until it is told, or a person approves.
    #[default]
    Hold,
    /// The bake goes on, for `extend_by` at most; then the step is held.
    Extend,
    /// All traffic goes back.
    Rollback,
    /// The bake alone suffices: what has not failed passes, if there was any data.
    BakeSuffices,
}

/// One thing that is compared. Exactly one of `errors`, `latency` and `events` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricSpec {
    /// The name under which reports know it; unique in its list.
    pub name: String,
    /// Whether it can stop a deployment; if not, it is only reported.
    #[serde(default = "MetricSpec::default_blocking")]
    pub blocking: bool,
    /// A share of bad ones in all: errors in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<ErrorsSpec>,
    /// How long answers take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencySpec>,
    /// Something that happens as often as there are requests: logins, orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsSpec>,
}

/// A share of bad ones in all, compared with live's and with limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ErrorsSpec {
    /// The count of the bad ones.
    pub bad: String,
    /// The count of all, the bad ones among them.
    pub of: String,
    /// Whether it is compared with live's share. If not, `critical` is needed.
    pub relative: bool,
    /// A regression is a share above `ratio * live's + slack`. 0.1 to 100.
    #[serde(deserialize_with = "percent::number")]
    pub ratio: f64,
    /// See `ratio`. 0 to 0.5.
    #[serde(deserialize_with = "percent::number")]
    pub slack: f64,
    /// A share up to here is normal: being worse than live counts only above it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "percent::option")]
    pub normal: Option<f64>,
    /// Above this share the step is held.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "percent::option")]
    pub warning: Option<f64>,
    /// Above this share all traffic goes back, whatever live's is; unless live is above it too.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "percent::option")]
    pub critical: Option<f64>,
    /// What a pass has to show. Without it: `ratio` or 1.5, whichever is more, and 0.002 more than `slack`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Margin>,
}

/// A pass shows that the candidate's share is below `ratio * live's + slack`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Margin {
    /// Times live's share.
    #[serde(deserialize_with = "percent::number")]
    pub ratio: f64,
    /// And so much more.
    #[serde(deserialize_with = "percent::number")]
    pub slack: f64,
}

/// How long answers take, at every quantile of live's at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LatencySpec {
    /// The histogram.
    pub histogram: String,
    /// Whether it is compared with live's. If not, `critical` is needed.
    pub relative: bool,
    /// A regression is when more of the candidate's answers take longer than `ratio * t` than of live's take
    /// longer than `t`. `ratio * t` is rounded to the nearest bound of the histogram: where bounds are far apart,
    /// a small ratio is 1. 1 to 100.
    #[serde(deserialize_with = "percent::number")]
    pub ratio: f64,
    /// So much larger the candidate's share may be. 0 to 0.5.
    #[serde(deserialize_with = "percent::number")]
    pub slack: f64,
    /// Slower than this, the step is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Limit>,
    /// Slower than this, all traffic goes back, whatever live does; unless live is slower too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<Limit>,
    /// What a pass has to show at live's 50th, 90th and 95th percentile, about the shares that take longer than
    /// `ratio` (of the latency) times it. Without it: 1.5 times live's share, and 0.01 more than `slack`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Margin>,
}

/// A quantile of the latency and what it is to be below: "p95 below 1 s".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// 0.5 to 0.999: 0.95 for p95.
    #[serde(deserialize_with = "percent::number")]
    pub quantile: f64,
    /// The latency. It is rounded up to the next bound of the histogram.
    #[serde(with = "humane")]
    pub below: Duration,
}

/// Something that happens as often as there are requests, and how often it happens on the candidate: per
/// request, as a multiple of live's. The share of the requests that the candidate has is the measured one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsSpec {
    /// The count of what happens.
    pub count: String,
    /// The count of requests, which says how the traffic is divided.
    #[serde(default = "EventsSpec::default_of")]
    pub of: String,
    /// A regression is when it is less often than this multiple of live's: 0.8 is "drops by more than 20 %".
    /// Above 0, below 1.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "percent::option"
    )]
    pub at_least: Option<f64>,
    /// A regression is when it is more often than this multiple of live's. Above 1.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "percent::option"
    )]
    pub at_most: Option<f64>,
}

impl Default for AnalysisSpec {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            beta: 0.05,
            tick: Duration::from_secs(5),
            min_evidence_ticks: 6,
            warm_up: Duration::from_secs(10),
            min_requests: 300,
            max_missing: 12,
            on_missing: OnMissing::default(),
            on_inconclusive: OnInconclusive::default(),
            extend_by: Duration::from_mins(30),
            hold: Duration::from_hours(1),
            early_pass: false,
            temper: false,
            metrics: Vec::new(),
        }
    }
}

impl AnalysisSpec {
    /// The defaults, with metrics.
    #[must_use]
    pub fn new(metrics: impl IntoIterator<Item = MetricSpec>) -> Self {
        Self {
            metrics: metrics.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl MetricSpec {
    fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            blocking: true,
            errors: None,
            latency: None,
            events: None,
        }
    }

    /// A share of errors, that blocks.
    #[must_use]
    pub fn errors(name: impl Into<String>, errors: ErrorsSpec) -> Self {
        Self {
            errors: Some(errors),
            ..Self::named(name)
        }
    }

    /// A latency, that blocks.
    #[must_use]
    pub fn latency(name: impl Into<String>, latency: LatencySpec) -> Self {
        Self {
            latency: Some(latency),
            ..Self::named(name)
        }
    }

    /// Something that happens, that blocks.
    #[must_use]
    pub fn events(name: impl Into<String>, events: EventsSpec) -> Self {
        Self {
            events: Some(events),
            ..Self::named(name)
        }
    }

    /// Only reported.
    #[must_use]
    pub fn advisory(mut self) -> Self {
        self.blocking = false;
        self
    }

    const fn default_blocking() -> bool {
        true
    }
}

impl Default for ErrorsSpec {
    fn default() -> Self {
        Self {
            bad: "errors".to_owned(),
            of: "requests".to_owned(),
            relative: true,
            ratio: 1.0,
            slack: 0.0,
            normal: None,
            warning: None,
            critical: None,
            pass: None,
        }
    }
}

impl ErrorsSpec {
    /// What a pass has to show.
    #[must_use]
    pub fn margin(&self) -> Margin {
        let Margin { ratio, slack } = Margin::default();
        self.pass.unwrap_or(Margin {
            ratio: ratio.max(self.ratio),
            slack: slack + self.slack,
        })
    }
}

impl LatencySpec {
    /// What a pass has to show, of shares.
    #[must_use]
    pub fn margin(&self) -> Margin {
        self.pass.unwrap_or(Margin {
            ratio: Margin::default().ratio,
            slack: 0.01 + self.slack,
        })
    }
}

impl Default for Margin {
    fn default() -> Self {
        Self {
            ratio: 1.5,
            slack: 0.002,
        }
    }
}

impl Default for LatencySpec {
    fn default() -> Self {
        Self {
            histogram: "latency".to_owned(),
            relative: true,
            ratio: 1.05,
            slack: 0.0,
            warning: None,
            critical: None,
            pass: None,
        }
    }
}

impl EventsSpec {
    /// Drops below a multiple of live's are regressions.
    #[must_use]
    pub fn at_least(count: impl Into<String>, multiple: f64) -> Self {
        Self {
            count: count.into(),
            of: Self::default_of(),
            at_least: Some(multiple),
            at_most: None,
        }
    }

    /// Rises above a multiple of live's are regressions.
    #[must_use]
    pub fn at_most(count: impl Into<String>, multiple: f64) -> Self {
        Self {
            count: count.into(),
            of: Self::default_of(),
            at_least: None,
            at_most: Some(multiple),
        }
    }

    fn default_of() -> String {
        "requests".to_owned()
    }
}
