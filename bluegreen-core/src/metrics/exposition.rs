//! What a `/metrics` page says.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::scan::{Head, Quoted, Scan, is_plain_name};
use crate::Timestamp;

/// What a page of metrics says, in Prometheus' text format (0.0.4) or in OpenMetrics; a page that ends with
/// `# EOF` is the latter, where moments are seconds and not milliseconds.
///
/// A line that cannot be read is kept as a [`BadLine`] and takes nothing with it. Exemplars and help texts
/// are read over. `Display` writes it in the text format.
///
/// ```
/// use bluegreen_core::metrics::Exposition;
///
/// let page = Exposition::parse(b"# TYPE hits counter\nhits{path=\"/a,b\"} 3 1700000000000\nhits{ 4\n")?;
/// assert_eq!(page.series[0].labels["path"], "/a,b");
/// assert_eq!(page.bad_lines[0].line, 3);
/// # Ok::<(), bluegreen_core::metrics::InvalidExposition>(())
/// ```
///
/// The formats: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
/// <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Exposition {
    /// The numbers, in the order in which they stand there.
    pub series: Vec<Series>,
    /// What the page says of the kinds of its metrics.
    pub kinds: BTreeMap<String, Kind>,
    /// What could not be read.
    pub bad_lines: Vec<BadLine>,
    /// Whether it says where it ends, as OpenMetrics has to. The text format cannot.
    pub ended: bool,
}

/// One number of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name as it stands there: with `_total`, `_bucket`, `_sum`, `_count`.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The number; may be NaN or infinite.
    pub value: f64,
    /// When it was measured, if the page says so. Most do not: now.
    pub at: Option<Timestamp>,
}

/// What a page says that a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts by bounds.
    Histogram,
    /// Quantiles that the process worked out.
    Summary,
    /// Not said (`untyped`, `unknown`), or a kind that only OpenMetrics has.
    Other,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Which, counted from 1.
    pub line: usize,
    /// Its beginning.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A text that is no page of metrics, or one that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExposition {
    /// More than 16 MiB or 200 000 lines.
    #[error("it is longer than 16 MiB or 200000 lines")]
    TooLong,
    /// More than 1 000 lines that cannot be read.
    #[error("it is no page of metrics: 1000 lines of it cannot be read, the first of them {first}")]
    TooManyBadLines {
        /// The first one.
        first: BadLine,
    },
}

/// A limit for what is read. Pages of large services have some thousand lines.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;
const MOST_LINES: usize = 200_000;
const MOST_LINE_BYTES: usize = 64 * 1024;
const MOST_BAD_LINES: usize = 1_000;
/// How much of a bad line is kept, in characters.
const SHOWN: usize = 120;

impl Exposition {
    /// Reads a page.
    ///
    /// # Errors
    /// When it is too long, or has so many bad lines that it is something else.
    pub fn parse(page: &[u8]) -> Result<Self, InvalidExposition> {
        if page.len() > MOST_BYTES {
            return Err(InvalidExposition::TooLong);
        }
        let open_metrics = page
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next()
            .is_some_and(|last| last == b"# EOF");
        let mut read = Self::default();
        for (index, line) in page.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if index >= MOST_LINES {
                return Err(InvalidExposition::TooLong);
            }
            if let Err(problem) = read.line(line, open_metrics) {
                let text = String::from_utf8_lossy(line);
                read.bad_lines.push(BadLine {
                    line: index + 1,
                    text: text.trim().chars().take(SHOWN).collect(),
                    problem,
                });
            }
            if read.bad_lines.len() >= MOST_BAD_LINES {
                let first = read.bad_lines.swap_remove(0);
                return Err(InvalidExposition::TooManyBadLines { first });
            }
        }
        Ok(read)
    }

    fn line(&mut self, line: &[u8], open_metrics: bool) -> Result<(), &'static str> {
        if line.len() > MOST_LINE_BYTES {
            return Err("it is longer than 64 KiB");
        }
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let finished = text.ends_with('\n');
        let text = text.trim_matches(['\n', '\r', ' ', '\t']);
        if text.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err("it stands behind the end");
        }
        if let Some(comment) = text.strip_prefix('#') {
            if comment == " EOF" {
                self.ended = true;
            } else {
                self.comment(comment)?;
            }
            return Ok(());
        }
        let series = Series::parse(text, open_metrics)?;
        // The number may go on in what was cut off.
        if !finished {
            return Err("the page ends in the middle of it");
        }
        self.series.push(series);
        Ok(())
    }

    fn comment(&mut self, comment: &str) -> Result<(), &'static str> {
        let mut scan = Scan::new(comment);
        if scan.word() != "TYPE" {
            return Ok(());
        }
        let head = scan.head(|_| None::<()>)?;
        let kind = match scan.word() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            "summary" => Kind::Summary,
            "untyped" | "unknown" | "info" | "stateset" | "gaugehistogram" => Kind::Other,
            _ => return Err("there is no such kind of metric"),
        };
        self.kinds.insert(head.name, kind);
        Ok(())
    }

    /// Whether a line that could not be read may have been one of this metric.
    #[must_use]
    pub fn is_damaged(&self, name: &str) -> bool {
        self.bad_lines.iter().any(|bad| bad.text.contains(name))
    }
}

impl Series {
    fn parse(line: &str, open_metrics: bool) -> Result<Self, &'static str> {
        let mut scan = Scan::new(line);
        let head = scan.head(|scan| scan.eat("=").then_some(()))?;
        let value = scan.word().parse().map_err(|_| "its value is no number")?;
        let at = match scan.word() {
            "" => None,
            "#" => return Self::new(head, value, None),
            moment if open_metrics => Some(seconds(moment).ok_or("its moment is no number of seconds")?),
            moment => Some(
                moment
                    .parse()
                    .map(Timestamp::from_millis)
                    .map_err(|_| "its moment is no number of milliseconds")?,
            ),
        };
        match scan.word() {
            "" | "#" => Self::new(head, value, at),
            _ => Err("something stands behind its value"),
        }
    }

    fn new(head: Head<()>, value: f64, at: Option<Timestamp>) -> Result<Self, &'static str> {
        let mut labels = BTreeMap::new();
        for (label, (), text) in head.labels {
            if labels.insert(label, text).is_some() {
                return Err("a label is there twice");
            }
        }
        Ok(Self {
            name: head.name,
            labels,
            value,
            at,
        })
    }
}

/// A moment that is written as seconds since 1970.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    moment(text.parse().ok()?)
}

/// So many seconds since 1970, to the millisecond.
pub(super) fn moment(seconds: f64) -> Option<Timestamp> {
    let span = Duration::try_from_secs_f64(seconds.abs()).ok()?;
    // Rounded: few milliseconds are exact as a fraction of a second.
    let span = span.checked_add(Duration::from_micros(500))?;
    let millis = i64::try_from(span.as_millis()).ok()?;
    Some(Timestamp::from_millis(if seconds < 0.0 {
        -millis
    } else {
        millis
    }))
}

impl fmt::Display for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, kind) in &self.kinds {
            writeln!(f, "# TYPE {} {kind}", Name(name))?;
        }
        for series in &self.series {
            writeln!(f, "{series}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain_name(&self.name) {
            write!(f, "{}{{", self.name)?;
        } else {
            write!(f, "{{{},", Quoted(&self.name))?;
        }
        for (label, text) in &self.labels {
            if is_plain_name(label) {
                write!(f, "{label}={},", Quoted(text))?;
            } else {
                write!(f, "{}={},", Quoted(label), Quoted(text))?;
            }
        }
        write!(f, "}} {}", self.value)?;
        match self.at {
            Some(at) => write!(f, " {}", at.as_millis()),
            None => Ok(()),
        }
    }
}

/// The name of a metric where no labels follow.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain_name(self.0) {
            f.write_str(self.0)
        } else {
            write!(f, "{{{}}}", Quoted(self.0))
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Other => "untyped",
        })
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {:?}", self.line, self.problem, self.text)
    }
}
