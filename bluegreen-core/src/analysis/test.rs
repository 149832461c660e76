//! The tests of a metric: what each claims, and what it bets on.

use serde::{Deserialize, Serialize};

use super::block::{Alternative, Block, Bound, Counts, Null, ln_e_value};
use super::number::real;
use super::sight::Stratum;
use super::spec::EventsSpec;

/// What a test may find evidence for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Claim {
    /// The candidate is worse than live, by more than the metric allows.
    WorseThanLive,
    /// The candidate is above `normal`.
    AboveNormal,
    /// The candidate is above `warning`.
    AboveWarning,
    /// The candidate is above `critical`.
    AboveCritical,
    /// Live itself is above `critical`.
    LiveAboveCritical,
    /// It happens less often on the candidate than it may.
    TooSeldom,
    /// It happens more often on the candidate than it may.
    TooOften,
    /// The candidate is within the margin of a pass.
    Good,
}

/// Multiples of the bound that regressions are looked for at.
pub(super) const MULTIPLES: [f64; 8] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];
/// And for latencies, multiples of the odds.
const ODDS: [f64; 4] = [1.3, 2.0, 4.0, 10.0];
/// No share is bet on beyond this.
const HIGHEST_SHARE: f64 = 0.9;
/// Multiples of live's share at which a candidate is good.
const GOOD: [f64; 3] = [0.5, 0.75, 1.0];
/// Parts of an absolute limit at which a candidate is good.
const GOOD_PARTS: [f64; 3] = [0.1, 0.25, 0.5];
/// Live's share, where it does not matter.
pub(super) const ANY: f64 = 0.5;

/// How many alternatives [`worse`] has for one stratum of a share.
pub(super) const MULTIPLES_LEN: usize = MULTIPLES.len();
/// The same, for a latency.
pub(super) const ODDS_LEN: usize = ODDS.len();
/// How many alternatives the tests of a pass have.
pub(super) const GOOD_LEN: usize = GOOD.len();

/// What is bet on for shares: multiples of what live's share allows.
pub(super) fn multiples(live: f64, bound: Bound) -> impl Iterator<Item = Alternative> {
    MULTIPLES.into_iter().map(move |multiple| Alternative {
        candidate: (multiple * bound.at(live)).min(HIGHEST_SHARE),
        live,
    })
}

/// And for shares that may be large: multiples of the odds.
pub(super) fn odds(live: f64, bound: Bound) -> impl Iterator<Item = Alternative> {
    ODDS.into_iter().map(move |factor| {
        let limit = bound.at(live).min(1.0 - 1e-6);
        let odds = factor * limit / (1.0 - limit);
        Alternative {
            candidate: odds / (1.0 + odds),
            live,
        }
    })
}

/// Shares above a limit.
pub(super) fn above(block: Block, limit: f64) -> impl Iterator<Item = f64> {
    let bound = Bound::absolute(limit);
    multiples(ANY, bound).map(move |bet| ln_e_value(block, bet, Null::AtMost, bound))
}

/// Shares above what live's allows.
pub(super) fn worse(stratum: Stratum, bound: Bound) -> impl Iterator<Item = f64> {
    let Stratum { block, live_rate } = stratum;
    multiples(live_rate, bound).map(move |bet| ln_e_value(block, bet, Null::AtMost, bound))
}

/// The same with odds.
pub(super) fn worse_odds(stratum: Stratum, bound: Bound) -> impl Iterator<Item = f64> {
    let Stratum { block, live_rate } = stratum;
    odds(live_rate, bound).map(move |bet| ln_e_value(block, bet, Null::AtMost, bound))
}

/// Shares inside the margin of a pass.
pub(super) fn good(stratum: Stratum, margin: Bound) -> impl Iterator<Item = f64> {
    let Stratum {
        block,
        live_rate: live,
    } = stratum;
    GOOD.into_iter().map(move |multiple| {
        let candidate = multiple * live;
        ln_e_value(block, Alternative { candidate, live }, Null::AtLeast, margin)
    })
}

/// Shares below an absolute limit.
pub(super) fn good_below(block: Block, limit: f64) -> impl Iterator<Item = f64> {
    let bound = Bound::absolute(limit);
    GOOD_PARTS.into_iter().map(move |part| {
        let alternative = Alternative {
            candidate: part * limit,
            live: ANY,
        };
        ln_e_value(block, alternative, Null::AtLeast, bound)
    })
}

/// Events, by whose they are: given how many there were in all, the candidate's are binomial, with
/// `multiple * w / (multiple * w + 1 - w)` for its share `w` of the requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrivals {
    /// All events, and the candidate's as the bad ones.
    counts: Counts,
    share: f64,
}

impl Arrivals {
    pub(super) fn new(block: Block) -> Self {
        let Block { candidate, live } = block;
        let requests = real(candidate.requests) + real(live.requests);
        Self {
            counts: Counts {
                requests: candidate.bad.saturating_add(live.bad),
                bad: candidate.bad,
            },
            share: real(candidate.requests) / requests.max(1.0),
        }
    }

    /// Of nothing, for a candidate with such a share of the requests, 0 to 1.
    pub(super) fn expected(share: f64) -> Self {
        Self {
            counts: Counts::default(),
            share,
        }
    }

    pub(super) const fn counts(self) -> Counts {
        self.counts
    }

    /// The probability that an event is the candidate's, when it has `multiple` times live's per request.
    pub(super) fn probability(self, multiple: f64) -> f64 {
        let weight = multiple * self.share;
        weight / (weight + 1.0 - self.share)
    }

    /// A bet on a multiple of live's.
    fn bet(self, multiple: f64) -> Alternative {
        Alternative {
            candidate: self.probability(multiple),
            live: ANY,
        }
    }

    /// What is bet on against "at most this multiple of live's".
    pub(super) fn more_often(self, at_most: f64) -> impl Iterator<Item = Alternative> {
        MULTIPLES
            .into_iter()
            .map(move |multiple| self.bet(at_most * multiple))
    }

    /// What is bet on against "at least this multiple of live's".
    pub(super) fn more_seldom(self, at_least: f64) -> impl Iterator<Item = Alternative> {
        MULTIPLES
            .into_iter()
            .map(move |multiple| self.bet(at_least / multiple))
    }

    fn ln_e_value(self, null: Null, at: f64, bet: Alternative) -> f64 {
        let block = Block {
            candidate: self.counts,
            live: Counts::default(),
        };
        ln_e_value(block, bet, null, Bound::absolute(self.probability(at)))
    }

    /// More often than a multiple of live's.
    pub(super) fn too_often(self, at_most: f64) -> impl Iterator<Item = f64> {
        let bets = self.more_often(at_most);
        bets.map(move |bet| self.ln_e_value(Null::AtMost, at_most, bet))
    }

    /// Less often than a multiple of live's.
    pub(super) fn too_seldom(self, at_least: f64) -> impl Iterator<Item = f64> {
        let bets = self.more_seldom(at_least);
        bets.map(move |bet| self.ln_e_value(Null::AtLeast, at_least, bet))
    }

    /// Within the limits: about as often as on live.
    pub(super) fn good(self, limit: f64, null: Null) -> impl Iterator<Item = f64> {
        [f64::midpoint(limit, 1.0), 1.0, 1.0 / limit.sqrt()]
            .into_iter()
            .map(move |multiple| self.ln_e_value(null, limit, self.bet(multiple)))
    }
}

/// The limits of events, each with the null hypothesis that a pass has to refute.
pub(super) fn event_limits(spec: &EventsSpec) -> impl Iterator<Item = (f64, Null)> {
    let least = spec.at_least.map(|limit| (limit, Null::AtMost));
    let most = spec.at_most.map(|limit| (limit, Null::AtLeast));
    least.into_iter().chain(most)
}
