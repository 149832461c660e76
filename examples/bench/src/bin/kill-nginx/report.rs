//! What came of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bluegreen_bench::Seen;
use bluegreen_core::lifecycle::End;
use serde::Serialize;

use crate::deployer::LEASE;
use crate::lane::Tally;
use crate::point::{Call, Edge, Port};
use crate::schedule::{Kill, Kind};

/// What came of the run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) kills: usize,
    kills_at: Vec<Row>,
    kills_at_random: usize,
    /// The different points at which it was killed.
    points_reached: usize,
    /// Those that there are.
    points_known: usize,
    /// Points that an operation was to be killed at and did not come to.
    missed: Vec<String>,
    operations: Vec<Outcome>,
    per_second: f64,
    seen: Seen,
    /// From a death to the takeover.
    resume_p50_ms: Option<u128>,
    resume_max_ms: Option<u128>,
    /// Deployers that ended by themselves, and were started again.
    gave_up: Vec<String>,
    /// Everything that does not hold.
    pub(crate) faults: Vec<String>,
    /// What was kept of the lanes in which something does not hold.
    pub(crate) folders: Vec<PathBuf>,
}

/// The kills around one call.
#[derive(Debug, Serialize)]
struct Row {
    port: Port,
    what: String,
    before: usize,
    after: usize,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: Kind,
    end: Option<End>,
    count: usize,
}

impl Report {
    pub(crate) fn new(seed: u64, took: Duration, known: usize, lanes: &[Tally]) -> Self {
        let mut all_seen = Seen::default();
        for lane in lanes {
            all_seen.merge(&lane.seen);
        }
        let kills = || lanes.iter().flat_map(|lane| &lane.kills);
        let mut reached = BTreeSet::new();
        let mut rows = BTreeMap::<_, [usize; 2]>::new();
        for (kind, kill) in kills() {
            if let Kill::At(point) = kill {
                reached.insert((kind, point));
                let [before, after] = rows.entry(&point.call).or_default();
                match point.edge {
                    Edge::Before => *before += 1,
                    Edge::After => *after += 1,
                }
            }
        }
        let row = |(call, [before, after]): (&Call, [usize; 2])| Row {
            port: call.port,
            what: call.what.clone(),
            before,
            after,
        };
        let mut resumes: Vec<u128> = lanes
            .iter()
            .flat_map(|lane| lane.resumes.iter().map(Duration::as_millis))
            .collect();
        resumes.sort_unstable();
        let all = |of: fn(&Tally) -> &Vec<String>| lanes.iter().flat_map(of).cloned().collect();
        Self {
            seed,
            seconds: took.as_secs_f64(),
            kills: kills().count(),
            kills_at: rows.into_iter().map(row).collect(),
            kills_at_random: kills()
                .filter(|(_, kill)| matches!(kill, Kill::Random(_)))
                .count(),
            points_reached: reached.len(),
            points_known: known,
            missed: lanes
                .iter()
                .flat_map(|lane| lane.missed.iter().map(ToString::to_string))
                .collect(),
            operations: outcomes(lanes),
            per_second: f64::from(u32::try_from(all_seen.requests).unwrap_or(u32::MAX)) / took.as_secs_f64(),
            seen: all_seen,
            resume_p50_ms: resumes.get(resumes.len().saturating_sub(1) / 2).copied(),
            resume_max_ms: resumes.last().copied(),
            gave_up: all(|lane| &lane.gave_up),
            faults: all(|lane| &lane.faults),
            folders: lanes.iter().filter_map(|lane| lane.folder.clone()).collect(),
        }
    }
}

fn outcomes(lanes: &[Tally]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (kind, end) in lanes.iter().flat_map(|lane| lane.ends.iter().copied()) {
        match outcomes.iter_mut().find(|row| (row.kind, row.end) == (kind, end)) {
            Some(row) => row.count += 1,
            None => outcomes.push(Outcome { kind, end, count: 1 }),
        }
    }
    outcomes.sort_by_key(|outcome| outcome.kind);
    outcomes
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44} {:>7} {:>7}", "killed", "before", "after")?;
        for row in &self.kills_at {
            let at = format!("{}: {}", row.port, row.what);
            writeln!(f, "  {at:<42} {:>7} {:>7}", row.before, row.after)?;
        }
        writeln!(f, "  {:<42} {:>7}", "at a random moment", self.kills_at_random)?;
        writeln!(
            f,
            "{} kills; {} of {} different points (each of a good release, a bad one and a rollback)\n",
            self.kills, self.points_reached, self.points_known
        )?;
        writeln!(f, "{:<44} {:>7}", "operations", "count")?;
        for row in &self.operations {
            let end = row
                .end
                .map_or("needs an operator".to_owned(), |end| format!("{end:?}"));
            writeln!(f, "  {:<42} {:>7}", format!("{}: {end}", row.kind), row.count)?;
        }
        writeln!(
            f,
            "\n{} client requests, {:.0} a second; {} failed",
            self.seen.requests, self.per_second, self.seen.failed
        )?;
        for (kind, seen) in &self.seen.kinds {
            writeln!(f, "  {kind:<42} {:>7}, {} failed", seen.requests, seen.failed)?;
        }
        if let (Some(p50), Some(max)) = (self.resume_p50_ms, self.resume_max_ms) {
            writeln!(
                f,
                "\nfrom a death to the takeover: {p50} ms at the median, {max} ms at most; the lease takes {} ms of it",
                LEASE.as_millis()
            )?;
        }
        if let Some(first) = self.missed.first() {
            let count = self.missed.len();
            writeln!(
                f,
                "{count} points were not reached before an operation was over, first: {first}"
            )?;
        }
        if !self.gave_up.is_empty() {
            let (count, first) = (
                self.gave_up.len(),
                self.gave_up.first().cloned().unwrap_or_default(),
            );
            writeln!(
                f,
                "{count} deployers ended by themselves and were started again, first: {first}"
            )?;
        }
        writeln!(f, "\n{:.0} s, --seed {}", self.seconds, self.seed)?;
        if self.faults.is_empty() {
            writeln!(
                f,
                "No request failed, one slot was live after each operation and it was the right one, each record told the truth, nothing was left running."
            )?;
        }
        Ok(())
    }
}
