//! Analysis: is the candidate as good as live, while both have traffic?
//!
//! An [`Analysis`] takes in what both slots did since the last time, a [`Tick`], and says what is to be done:
//! [`Action::Continue`], [`Action::Hold`] or [`Action::Rollback`], with the evidence in a [`Report`]. It is
//! pure: no clock, no input or output; its [`State`] is a part of the record.
//!
//! # How it decides
//! Every metric is a *sequential test* that may be looked at after every tick: with probability `1 - alpha` a
//! candidate that is as good as live is never rolled back, however long the deployment and whatever its steps.
//! The evidence of a tick is an e-value, the evidence of many is their product over a mixture of regressions of
//! different sizes; it decides when it reaches `M / alpha` for `M` tests that can fail a deployment (Ville's
//! inequality). Drifting error rates, changing splits and early looks do no harm.
//!
//! Requests are not independent of each other, so three things keep incidents from deciding: what a tick says
//! counts only up to a cap (`min_evidence_ticks` must agree), what no regression of the sizes bet on explains
//! counts no more than what they do, and a regression that begins late is bet on anew. Where few ticks are to
//! agree and bad requests come in bursts at a high rate, that is not enough: with `temper`, evidence counts for less
//! the more live's own counts vary beyond chance.
//!
//! - *Errors*: the candidate's share of bad requests against `ratio * live's + slack`, and against limits.
//! - *Latency*: the same with the share of answers that are slower than live's quantiles, five of them at once;
//!   no distribution is assumed.
//! - *Events* (logins, orders): given all events, whose they are follows from the measured division of the
//!   requests.
//!
//! # What passes, and what is not known
//! A metric *passes* when enough requests were seen and it is shown to be within its margin: by evidence at any
//! time, or by a confidence limit when the bake is over. What neither failed nor passed is *undecided*, and the
//! plan says what follows; no data is never a pass. [`AnalysisSpec::foresee`] says beforehand what a bake can see.
//!
//! Where it is not to be believed: a candidate of one instance against twenty of live is one throw of the dice
//! for all of its requests; compare it with a baseline of its size. A source that gives one number a tick has no
//! counts to test: use a metric gate with a limit.
//!
//! When the candidate has all traffic there is nothing left to compare it with: what compares says nothing from
//! then on, and limits (`warning`, `critical`) are watched.
//!
//! # Defaults
//! In a plan all of it stands in `[analysis]`.
//!
//! | key | default | why |
//! |---|---|---|
//! | `alpha` | `0.01` | one good deployment in a hundred may be rolled back, at most |
//! | `beta` | `0.05` | a pass is repeated at every step, so a bad candidate has to be lucky several times |
//! | `tick` | `5s` | often enough to be quick, long enough that a moment is one tick |
//! | `min_evidence_ticks` | `6` | an outage of some seconds decides nothing; 3 is twice as quick |
//! | `warm_up` | `10s` | first requests are slow; what takes longer is for the warm-up before the traffic |
//! | `min_requests` | `300` | that many good ones show a rate below 1 % |
//! | `max_missing` | `12` | a minute without data is not a lost packet |
//! | `on_missing` | `hold` | not knowing is no reason to go either way |
//! | `on_inconclusive` | `hold` | a person decides what the numbers cannot |
//! | `extend_by` | `30m` | only with `on_inconclusive = "extend"` |
//! | `hold` | `1h` | long enough for a person to be asked and to look |
//! | `early_pass` | `false` | some faults need time, not requests |
//! | `temper` | `false` | with six ticks bursts of errors do no harm; with three they do at a high rate |
//! | `errors.bad` | `errors` | |
//! | `errors.of` | `requests` | |
//! | `errors.relative` | `true` | live is the best estimate of what is normal now |
//! | `errors.ratio` | `1` | any rise that can be shown is a regression |
//! | `errors.slack` | `0` | |
//! | `errors.normal` | `none` | with it, small shares are never a regression |
//! | `errors.warning` | `none` | |
//! | `errors.critical` | `none` | |
//! | `errors.pass` | `none` | `ratio` or 1.5 if that is more, and 0.002 more: not worse at all can never be shown |
//! | `latency.histogram` | `latency` | |
//! | `latency.relative` | `true` | |
//! | `latency.ratio` | `1.05` | one bucket of a fine histogram |
//! | `latency.slack` | `0` | |
//! | `latency.warning` | `none` | |
//! | `latency.critical` | `none` | |
//! | `latency.pass` | `none` | 1.5 times live's share, and 0.01 more |

mod block;
mod check;
mod counters;
mod dispersion;
mod engine;
mod foresight;
mod history;
mod interval;
mod kind;
mod meter;
mod metric;
mod mixture;
mod number;
mod planning;
mod report;
mod sight;
mod spec;
mod test;
mod tick;

pub use block::Counts;
pub use counters::Counters;
pub use engine::{Action, Analysis, State};
pub use foresight::{Change, Foresight};
pub use meter::Meter;
pub use planning::{Detection, Traffic, Visibility};
pub use report::{Evidence, Finding, Report, Standing, Why};
pub use sight::Gap;
pub use spec::{
    AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec, Limit, Margin, MetricSpec, OnInconclusive, OnMissing,
};
pub use test::Claim;
pub use tick::{Histogram, InvalidHistogram, Side, Tick};
