//! The rows beside each other.

use std::fmt;

use serde::Serialize;

use crate::method::Name;
use crate::row::{Row, Spread};
use crate::traffic::RATE;

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// The buckets beside the best of the others that lost nothing.
    pub(crate) beside: Option<Beside>,
    /// What is wrong with the run, or with us.
    pub(crate) faults: Vec<String>,
}

/// How the buckets stand beside the best of the others that lost nothing.
#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) best: Name,
    /// The time until the last new request on the old side, at the median.
    pub(crate) last_on_old: Compared,
    /// The time until the old side may be stopped, at the median.
    pub(crate) may_stop: Compared,
}

/// Two times.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) ours_ms: f64,
    pub(crate) best_ms: f64,
    /// None where the best is 0.
    pub(crate) ratio: Option<f64>,
}

impl Compared {
    fn of(ours: Spread, best: Spread) -> Self {
        let (ours_ms, best_ms) = (ours.p50_ms, best.p50_ms);
        let ratio = (best_ms > 0.0).then(|| ours_ms / best_ms);
        Self {
            ours_ms,
            best_ms,
            ratio,
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms to {:.1} ms", self.ours_ms, self.best_ms)?;
        self.ratio
            .map_or(Ok(()), |ratio| write!(f, " ({ratio:.2} times)"))
    }
}

impl Report {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let (beside, faults) = (beside(&rows), faults(&rows));
        Self { rows, beside, faults }
    }
}

fn beside(rows: &[Row]) -> Option<Beside> {
    let ours = rows.iter().find(|row| row.method == Name::Buckets)?;
    let best = rows
        .iter()
        .filter(|row| row.method != Name::Buckets && row.seen.failed == 0)
        .min_by(|a, b| a.may_stop.p50_ms.total_cmp(&b.may_stop.p50_ms))?;
    Some(Beside {
        best: best.method,
        last_on_old: Compared::of(ours.last_on_old, best.last_on_old),
        may_stop: Compared::of(ours.may_stop, best.may_stop),
    })
}

fn faults(rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        match row.method {
            Name::Runbook if row.seen.failed == 0 => {
                faults.push("the runbook's row lost nothing: this load proves nothing".to_owned());
            }
            Name::Buckets if row.seen.failed > 0 => {
                faults.push(format!(
                    "{} requests failed with the buckets: {:?}",
                    row.seen.failed, row.seen.examples
                ));
            }
            _ => {}
        }
        if row.per_second < 1_000.0 {
            let per_second = row.per_second;
            faults.push(format!(
                "{}: {per_second:.0} requests a second are fewer than 1000",
                row.method.title()
            ));
        }
    }
    faults
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{RATE} paced requests a second (keep-alive that looks and that does not look before it sends, fresh
connections, posts), and beside them slow uploads, requests of 3 s and websockets. The old side is killed
when the procedure says that it may be. \"Last new on old\": from the decision to the beginning of the last
request that the old side answered; in the runbook's row later ones came and failed.\n"
        )?;
        writeln!(
            f,
            "{:<56} {:>8} {:>9} {:>7}  {:>21}  {:>21}",
            "method", "switches", "requests", "failed", "last new on old, ms", "may be stopped, ms"
        )?;
        writeln!(
            f,
            "{:<56} {:>8} {:>9} {:>7}  {:>10} {:>10}  {:>10} {:>10}",
            "", "", "", "", "p50", "max", "p50", "max"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<56} {:>8} {:>9} {:>7}  {:>10.1} {:>10.1}  {:>10.1} {:>10.1}",
                row.method.title(),
                row.switches,
                row.seen.requests,
                row.seen.failed,
                row.last_on_old.p50_ms,
                row.last_on_old.max_ms,
                row.may_stop.p50_ms,
                row.may_stop.max_ms
            )?;
        }
        for row in self.rows.iter().filter(|row| row.seen.failed > 0) {
            writeln!(f, "\nfailed with {}:", row.method.title())?;
            for (kind, seen) in row.seen.kinds.iter().filter(|(_, seen)| seen.failed > 0) {
                let reasons: Vec<String> = seen
                    .reasons
                    .iter()
                    .map(|(reason, count)| format!("{reason} {count}"))
                    .collect();
                writeln!(
                    f,
                    "  {kind:<24} {:>6} of {:>6}: {}",
                    seen.failed,
                    seen.requests,
                    reasons.join(", ")
                )?;
            }
        }
        if let Some(beside) = &self.beside {
            writeln!(
                f,
                "\nbuckets beside the best other that lost nothing ({}), at the median:\n  last new request on the old side {}\n  old side may be stopped {}",
                beside.best.title(),
                beside.last_on_old,
                beside.may_stop
            )?;
        }
        Ok(())
    }
}
