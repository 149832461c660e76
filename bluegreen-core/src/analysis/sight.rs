//! What one tick says for one metric: its counts, as blocks that the tests understand.

use serde::{Deserialize, Serialize};

use super::block::{Block, Counts};
use super::history::{History, Tails, first_bound_from, nearest_bound};
use super::metric::Span;
use super::number::{count, real};
use super::spec::{ErrorsSpec, EventsSpec, LatencySpec, Limit};
use super::tick::{Histogram, Side, Tick};

/// The shares of live's answers that take longer than the thresholds of a latency: its quantiles.
pub(super) const EXCEEDANCES: [f64; 5] = [0.5, 0.25, 0.1, 0.05, 0.01];

/// Why a metric had to skip a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Gap {
    /// Nothing was read of live.
    NoLive,
    /// Nothing was read of the candidate.
    NoCandidate,
    /// The source did not give what the metric needs, or gave what is no count: negative, NaN, infinite, or
    /// unknown because its counter fell.
    NoCount,
    /// More bad ones than there were in all.
    MoreBadThanAll,
    /// Live had no requests.
    LiveIdle,
    /// The candidate had no requests.
    CandidateIdle,
    /// Histograms with other bounds.
    OtherBounds,
    /// Too little of live is known to compare with: this ends by itself.
    Learning,
    /// The tick is older than the one before, or so late that it says nothing of its time.
    OutOfTime,
    /// It was written by a version that knows more.
    #[serde(other)]
    Other,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NoLive => "nothing was read of live",
            Self::NoCandidate => "nothing was read of the candidate",
            Self::NoCount => "a count was missing, or was no count",
            Self::MoreBadThanAll => "there were more bad ones than there were in all",
            Self::LiveIdle => "live had no requests",
            Self::CandidateIdle => "the candidate had no requests",
            Self::OtherBounds => "the histograms have different bounds",
            Self::Learning => "too little of live is known yet",
            Self::OutOfTime => "the data came out of order or too late",
            Self::Other => "the data could not be used",
        })
    }
}

/// A block of one comparison, with what was known of live before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stratum {
    pub(super) block: Block,
    /// Live's share of bad ones, from the past only.
    pub(super) live_rate: f64,
}

/// What one tick says for one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sight {
    /// Compared with live.
    pub(super) strata: Vec<Stratum>,
    /// For the limit `critical`, and for `normal` of errors.
    pub(super) critical: Block,
    /// For the limit `warning`.
    pub(super) warning: Block,
}

fn side_count(side: &Side, name: &str) -> Result<u64, Gap> {
    side.counts.get(name).copied().and_then(count).ok_or(Gap::NoCount)
}

fn share(side: &Side, bad: &str, of: &str) -> Result<Counts, Gap> {
    let counts = Counts {
        requests: side_count(side, of)?,
        bad: side_count(side, bad)?,
    };
    if counts.bad > counts.requests {
        return Err(Gap::MoreBadThanAll);
    }
    Ok(counts)
}

fn busy(counts: Counts, idle: Gap) -> Result<Counts, Gap> {
    if counts.requests == 0 {
        Err(idle)
    } else {
        Ok(counts)
    }
}

/// The candidate's side, unless it is not judged yet.
fn candidate(tick: &Tick) -> Result<&Side, Gap> {
    tick.candidate.as_ref().ok_or(Gap::NoCandidate)
}

fn live(tick: &Tick) -> Result<&Side, Gap> {
    tick.live.as_ref().ok_or(Gap::NoLive)
}

/// Errors. Live's counts go into `past`, also where the candidate's are missing.
/// `alone`: the candidate has all traffic.
pub(super) fn errors(spec: &ErrorsSpec, tick: &Tick, alone: bool, past: &mut Counts) -> Result<Sight, Gap> {
    let on_live = live(tick).and_then(|side| share(side, &spec.bad, &spec.of));
    let live_rate = (real(past.bad) + 0.5) / (real(past.requests) + 500.0);
    if let Ok(counts) = on_live {
        past.add(counts);
    }
    let candidate = busy(share(candidate(tick)?, &spec.bad, &spec.of)?, Gap::CandidateIdle)?;
    let live = if spec.relative && !alone {
        busy(on_live?, Gap::LiveIdle)?
    } else {
        on_live.unwrap_or_default()
    };
    let block = Block { candidate, live };
    Ok(Sight {
        strata: vec![Stratum {
            block,
            live_rate: live_rate.min(1.0 - 1e-6),
        }],
        critical: block,
        warning: block,
    })
}

/// Latencies. Live's go into `past`, also where the candidate's are missing.
pub(super) fn latency(spec: &LatencySpec, tick: &Tick, span: Span, past: &mut History) -> Result<Sight, Gap> {
    let on_live = live(tick).and_then(|side| measured(side, &spec.histogram));
    let mut thresholds = None;
    if let Ok((histogram, _)) = &on_live {
        thresholds = past.thresholds(EXCEEDANCES, histogram);
        past.add(histogram, span.seconds);
    }
    let (histogram, candidate) = measured(candidate(tick)?, &spec.histogram)?;
    if candidate.all() == 0 {
        return Err(Gap::CandidateIdle);
    }
    let absolute = |limit: Option<Limit>| {
        let Some(limit) = limit else {
            return Ok(Block::default());
        };
        let slower = |histogram: &Histogram, tails: &Tails| {
            first_bound_from(histogram, limit.below.as_secs_f64()).map(|index| tails.beyond(index))
        };
        Ok(Block {
            candidate: slower(histogram, &candidate).ok_or(Gap::OtherBounds)?,
            live: on_live
                .as_ref()
                .ok()
                .and_then(|(histogram, tails)| slower(histogram, tails))
                .unwrap_or_default(),
        })
    };
    let (critical, warning) = (absolute(spec.critical)?, absolute(spec.warning)?);
    let mut strata = Vec::with_capacity(EXCEEDANCES.len());
    if spec.relative && span.alone {
        // A block without live says nothing of a comparison, and shows that there was traffic.
        let requests = candidate.all();
        strata.push(Stratum {
            block: Block {
                candidate: Counts { requests, bad: 0 },
                live: Counts::default(),
            },
            live_rate: 0.5,
        });
    } else if spec.relative {
        let (live_histogram, live) = on_live.as_ref().map_err(|gap| *gap)?;
        if live_histogram.bounds() != histogram.bounds() {
            return Err(Gap::OtherBounds);
        }
        if live.all() == 0 {
            return Err(Gap::LiveIdle);
        }
        for threshold in thresholds.ok_or(Gap::Learning)? {
            let index = nearest_bound(histogram, threshold.bound * spec.ratio);
            strata.push(Stratum {
                // Beyond the last bound nothing is known of the candidate, so the block stays empty.
                block: index.map_or_else(Block::default, |index| Block {
                    candidate: candidate.beyond(index),
                    live: live.beyond(threshold.index),
                }),
                live_rate: threshold.exceedance,
            });
        }
    } else {
        strata.push(Stratum {
            block: critical,
            live_rate: 0.5,
        });
    }
    Ok(Sight {
        strata,
        critical,
        warning,
    })
}

fn measured<'a>(side: &'a Side, name: &str) -> Result<(&'a Histogram, Tails), Gap> {
    let histogram = side.latencies.get(name).ok_or(Gap::NoCount)?;
    Ok((histogram, Tails::of(histogram).ok_or(Gap::NoCount)?))
}

/// Events. `bad` stands for what happened; it may be more than there are requests.
pub(super) fn events(spec: &EventsSpec, tick: &Tick) -> Result<Sight, Gap> {
    let both = |side: &Side| {
        Ok(Counts {
            requests: side_count(side, &spec.of)?,
            bad: side_count(side, &spec.count)?,
        })
    };
    let block = Block {
        candidate: busy(both(candidate(tick)?)?, Gap::CandidateIdle)?,
        live: busy(both(live(tick)?)?, Gap::LiveIdle)?,
    };
    Ok(Sight {
        strata: vec![Stratum {
            block,
            live_rate: 0.5,
        }],
        ..Sight::default()
    })
}
