//! Rows of a file, put together to moments.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use bluegreen_core::analysis::{Histogram, Side, Tick};
use csv::{Reader, ReaderBuilder, StringRecord, Trim};

use crate::Failure;

/// Both sides at a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) t: f64,
    pub(crate) live: Option<Side>,
    pub(crate) candidate: Option<Side>,
}

impl Moment {
    pub(crate) fn has_latencies(&self) -> bool {
        let sides = [&self.live, &self.candidate];
        sides.into_iter().flatten().any(|side| !side.latencies.is_empty())
    }

    /// As a tick of what was counted since the one before.
    pub(crate) fn counted(self, at: Duration) -> Tick {
        Tick {
            at,
            live: self.live,
            candidate: self.candidate,
        }
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadRow {
    line: u64,
    problem: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// The next moment, `None` at the end, and the bad rows on the way to it.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) moment: Option<Moment>,
    pub(crate) problems: Vec<BadRow>,
}

/// A row that can be used, and what was wrong with its counts.
#[derive(Debug)]
struct Row {
    t: f64,
    is_live: bool,
    side: Side,
    problem: Option<String>,
}

/// What a column is.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    T,
    Role,
    Count(String),
    /// So many seconds; infinite for all.
    AtMost(f64),
}

/// No time in seconds is later: it is in milliseconds or finer.
const LATEST_S: f64 = 1e11;

/// The rows of a file.
pub(crate) struct Rows<R> {
    reader: Reader<R>,
    columns: Vec<Column>,
    histogram: Option<Histogram>,
    ahead: Option<(u64, Row)>,
    last_t: f64,
    over: bool,
}

impl<R: Read> Rows<R> {
    /// Reads the heading.
    pub(crate) fn open(input: R) -> Result<Self, Failure> {
        let mut reader = ReaderBuilder::new()
            .trim(Trim::All)
            .flexible(true)
            .comment(Some(b'#'))
            .from_reader(input);
        let columns = reader
            .headers()?
            .iter()
            .map(|name| column(name.trim_start_matches('\u{feff}')))
            .collect::<Result<Vec<_>, _>>()?;
        for (wanted, name) in [
            (Column::T, "t"),
            (Column::Role, "role"),
            (Column::Count("requests".to_owned()), "requests"),
        ] {
            match columns.iter().filter(|column| **column == wanted).count() {
                1 => {}
                0 => {
                    return Err(
                        format!("there is no column {name:?}; the first line names the columns").into(),
                    );
                }
                _ => return Err(format!("there are several columns {name:?}").into()),
            }
        }
        Ok(Self {
            histogram: histogram(&columns)?,
            reader,
            columns,
            ahead: None,
            last_t: f64::NEG_INFINITY,
            over: false,
        })
    }

    /// The rows that come next and have the same `t`.
    pub(crate) fn next_moment(&mut self) -> Batch {
        let mut read = Batch::default();
        while let Some((line, row)) = self.ahead.take().or_else(|| self.next_row(&mut read.problems)) {
            let bad = |problem: String| BadRow { line, problem };
            if let Some(moment) = &mut read.moment {
                if row.t > moment.t {
                    self.ahead = Some((line, row));
                    break;
                }
                let place = if row.is_live {
                    &mut moment.live
                } else {
                    &mut moment.candidate
                };
                if place.is_some() {
                    let role = if row.is_live { "live" } else { "candidate" };
                    read.problems
                        .push(bad(format!("there is a row of {role} at t = {} already", row.t)));
                    continue;
                }
                *place = Some(row.side);
            } else {
                let (live, candidate) = if row.is_live {
                    (Some(row.side), None)
                } else {
                    (None, Some(row.side))
                };
                read.moment = Some(Moment {
                    t: row.t,
                    live,
                    candidate,
                });
            }
            read.problems.extend(row.problem.map(bad));
        }
        read
    }

    /// The next row whose place is known.
    fn next_row(&mut self, problems: &mut Vec<BadRow>) -> Option<(u64, Row)> {
        while !self.over {
            let mut record = StringRecord::new();
            let read = self.reader.read_record(&mut record);
            let line = record.position().map_or(0, csv::Position::line);
            match read {
                Ok(false) => self.over = true,
                Ok(true) => match self.row(&record) {
                    Ok(row) => {
                        self.last_t = row.t;
                        return Some((line, row));
                    }
                    Err(problem) => problems.push(BadRow { line, problem }),
                },
                Err(error) => {
                    let line = error.position().map_or(line, csv::Position::line);
                    // After an error of reading there is nothing more to read.
                    self.over = error.is_io_error();
                    problems.push(BadRow {
                        line,
                        problem: error.to_string(),
                    });
                }
            }
        }
        None
    }

    fn row(&self, record: &StringRecord) -> Result<Row, String> {
        if record.len() != self.columns.len() {
            return Err(format!(
                "it has {} fields, and the heading has {}",
                record.len(),
                self.columns.len()
            ));
        }
        let mut t = None;
        let mut is_live = None;
        let mut side = Side::default();
        let mut at_most = Vec::new();
        let mut problem = None;
        for (column, field) in self.columns.iter().zip(record) {
            match column {
                Column::T => {
                    let value = field.parse().ok().filter(|value: &f64| value.abs() <= LATEST_S);
                    t = Some(value.ok_or_else(|| format!("{field:?} is no time in seconds"))?);
                }
                Column::Role => {
                    is_live = Some(match field {
                        "live" => true,
                        "candidate" => false,
                        _ => return Err(format!("{field:?} is no role: write live or candidate")),
                    });
                }
                Column::Count(name) => match number(field) {
                    Ok(Some(value)) => {
                        side.counts.insert(name.clone(), value);
                    }
                    Ok(None) => {}
                    Err(wrong) => problem = problem.or(Some(format!("{name}: {wrong}"))),
                },
                Column::AtMost(_) => match number(field) {
                    Ok(value) => at_most.push(value),
                    Err(wrong) => {
                        at_most.push(None);
                        problem = problem.or(Some(format!("a le_ column: {wrong}")));
                    }
                },
            }
        }
        let t = t.ok_or("it has no t")?;
        if t < self.last_t {
            return Err(format!("t = {t} is before the row above it ({})", self.last_t));
        }
        let requests = side.counts.get("requests").copied();
        if let (Some(requests), Some(errors)) = (requests, side.counts.get("errors"))
            && *errors > requests
        {
            problem = problem.or(Some(format!(
                "there are more errors ({errors}) than requests ({requests})"
            )));
        }
        if let Some(histogram) = &self.histogram {
            match between(histogram, &self.columns, &at_most, requests) {
                Ok(Some(histogram)) => {
                    side.latencies.insert("latency".to_owned(), histogram);
                }
                Ok(None) => {}
                Err(wrong) => problem = problem.or(Some(wrong)),
            }
        }
        Ok(Row {
            t,
            is_live: is_live.ok_or("it has no role")?,
            side,
            problem,
        })
    }
}

fn column(name: &str) -> Result<Column, String> {
    match (name, name.strip_prefix("le_")) {
        ("t", _) => Ok(Column::T),
        ("role", _) => Ok(Column::Role),
        ("le_inf" | "le_+Inf", _) => Ok(Column::AtMost(f64::INFINITY)),
        (_, Some(seconds)) => {
            let bound = seconds.parse().ok().filter(|bound: &f64| *bound > 0.0);
            bound
                .map(Column::AtMost)
                .ok_or_else(|| format!("the column {name:?} says no time: le_0.25 is a quarter of a second"))
        }
        (_, None) => Ok(Column::Count(name.to_owned())),
    }
}

/// The empty histogram of the columns, where there are any.
fn histogram(columns: &[Column]) -> Result<Option<Histogram>, Failure> {
    let bounds: Vec<f64> = columns
        .iter()
        .filter_map(|column| match column {
            Column::AtMost(bound) if bound.is_finite() => Some(*bound),
            _ => None,
        })
        .collect();
    let infinite = columns
        .iter()
        .position(|column| *column == Column::AtMost(f64::INFINITY));
    let last = columns
        .iter()
        .rposition(|column| matches!(column, Column::AtMost(_)));
    if infinite.is_some() && infinite != last {
        return Err("le_inf stands after all other le_ columns".into());
    }
    if bounds.is_empty() {
        return Ok(None);
    }
    let histogram = Histogram::new(bounds).map_err(|error| format!("the le_ columns: {error}"))?;
    Ok(Some(histogram))
}

/// A count; `None` where the field is empty.
fn number(field: &str) -> Result<Option<f64>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let value: f64 = field.parse().map_err(|_| format!("{field:?} is no number"))?;
    if value.is_finite() && value >= 0.0 {
        Ok(Some(value))
    } else {
        Err(format!("{field} is no count"))
    }
}

/// Counts between bounds from counts up to them. `None` where one is not known.
fn between(
    histogram: &Histogram,
    columns: &[Column],
    at_most: &[Option<f64>],
    requests: Option<f64>,
) -> Result<Option<Histogram>, String> {
    let Some(mut rising) = at_most.iter().copied().collect::<Option<Vec<f64>>>() else {
        return Ok(None);
    };
    if !columns.contains(&Column::AtMost(f64::INFINITY)) {
        let Some(requests) = requests else {
            return Ok(None);
        };
        rising.push(requests);
    }
    let mut below = 0.0;
    let mut counts = Vec::with_capacity(rising.len());
    for count in rising {
        if count < below {
            return Err("the le_ columns fall: each counts all that took at most so long".to_owned());
        }
        counts.push(count - below);
        below = count;
    }
    histogram
        .clone()
        .with_counts(counts)
        .map(Some)
        .map_err(|error| error.to_string())
}
