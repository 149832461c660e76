//! Which kills an operation gets: each point of each kind of operation in turn, and some at random.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::deployer::LEASE;
use crate::point::{Call, Edge, Point};

/// Kills in one operation at most: a crash loop may end a deployment, this is not one.
const EACH_MAX: usize = 5;
/// Of so many operations, one is killed at random moments.
const RANDOM_EVERY: usize = 4;
/// Kills at random in one operation at most: they leave little of it.
const RANDOM_EACH: usize = 3;
/// A kill at random comes so long after the start of the process at most: through the wait for the
/// lease, and through most of what an operation does.
const RANDOM_MAX: Duration = LEASE.saturating_add(Duration::from_millis(700));

/// The operations, over and over. The live slot changes with each that promotes.
pub(crate) const CYCLE: [Kind; 5] = [
    // Into a slot that nobody uses.
    Kind::Good,
    // Into the standby's, which is drained and retired for it.
    Kind::Good,
    Kind::Bad,
    Kind::Good,
    Kind::Rollback,
];

/// What an operation is, and how it is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The release of a good version.
    Good,
    /// The release of a version that is found out under all traffic.
    Bad,
    /// A rollback by hand after a release.
    Rollback,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "a good release",
            Self::Bad => "a bad release",
            Self::Rollback => "a rollback by hand",
        })
    }
}

/// One kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kill {
    At(Point),
    /// So long after the start of the process.
    Random(Duration),
}

/// Deals out the kills of a run.
#[derive(Debug)]
pub(crate) struct Schedule {
    dice: Dice,
    left: usize,
    operations: usize,
    operations_max: usize,
    /// The points of the operations of the cycle, as they were seen when nobody was killed.
    points: BTreeMap<usize, Vec<Point>>,
    dealt: BTreeSet<(Kind, Point)>,
}

impl Schedule {
    pub(crate) const fn new(seed: u64, kills: usize) -> Self {
        Self {
            dice: Dice(seed),
            left: kills,
            operations: 0,
            operations_max: kills.saturating_mul(2).saturating_add(20),
            points: BTreeMap::new(),
            dealt: BTreeSet::new(),
        }
    }

    /// What calls the operation at a place of the cycle makes when it is left alone.
    pub(crate) fn learn(&mut self, place: usize, trace: &[Call]) {
        let both = |call: &Call| {
            [Edge::Before, Edge::After].map(|edge| Point {
                call: call.clone(),
                edge,
            })
        };
        self.points
            .entry(place)
            .or_insert_with(|| trace.iter().flat_map(both).collect());
    }

    /// The kills of the next operation; `None` when there were enough.
    pub(crate) fn next(&mut self, place: usize) -> Option<Vec<Kill>> {
        if self.left == 0 || self.operations == self.operations_max {
            return None;
        }
        self.operations += 1;
        let count = EACH_MAX.min(self.left);
        let kills = if self.operations.is_multiple_of(RANDOM_EVERY) {
            self.at_random(count.min(RANDOM_EACH))
        } else {
            let kills = self.at_points(place, count);
            // While other kinds have points left, this one's turn is but a short one.
            if kills.is_empty() {
                self.at_random(1)
            } else {
                kills
            }
        };
        self.left -= kills.len();
        Some(kills)
    }

    /// A kill for which there was no opportunity.
    pub(crate) const fn give_back(&mut self, kills: usize) {
        self.left += kills;
    }

    /// No more kills.
    pub(crate) const fn stop(&mut self) {
        self.left = 0;
    }

    /// The different points there are.
    pub(crate) fn known(&self) -> usize {
        let all = self.points.iter().flat_map(|(place, points)| {
            let kind = kind_at(*place);
            points.iter().map(move |point| (kind, point))
        });
        all.collect::<BTreeSet<_>>().len()
    }

    fn at_random(&mut self, count: usize) -> Vec<Kill> {
        let moment = || Kill::Random(self.dice.below(RANDOM_MAX));
        std::iter::repeat_with(moment).take(count).collect()
    }

    /// Points that were not dealt yet, spread over the operation, in its order.
    fn at_points(&mut self, place: usize, count: usize) -> Vec<Kill> {
        let kind = kind_at(place);
        if self.dealt.len() >= self.known() {
            self.dealt.clear();
        }
        let mut points = self.points.get(&place).cloned().unwrap_or_default();
        points.retain(|point| !self.dealt.contains(&(kind, point.clone())));
        let stride = points.len().div_ceil(count.max(1)).max(1);
        let first = usize::try_from(self.dice.next()).unwrap_or(0) % stride;
        let chosen: Vec<Point> = points.into_iter().skip(first).step_by(stride).collect();
        self.dealt
            .extend(chosen.iter().map(|point| (kind, point.clone())));
        chosen.into_iter().map(Kill::At).collect()
    }
}

pub(crate) fn kind_at(place: usize) -> Kind {
    CYCLE.get(place % CYCLE.len()).copied().unwrap_or(Kind::Good)
}

/// Numbers that a seed repeats: `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, max: Duration) -> Duration {
        let max = u64::try_from(max.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.next() % max)
    }
}
