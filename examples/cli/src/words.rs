//! Times and tables for people.

use std::fmt::Write;
use std::time::Duration;

use bluegreen_core::Timestamp;
use bluegreen_core::plan::humane;

/// A duration, to the second from ten seconds on.
pub(crate) fn time(span: Duration) -> String {
    let span = if span >= Duration::from_secs(10) {
        Duration::from_secs(span.as_secs())
    } else {
        span
    };
    humane::format(span)
}

/// A duration in milliseconds.
pub(crate) fn millis(ms: u64) -> String {
    time(Duration::from_millis(ms))
}

/// The time of the day, to the second, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

/// Rows with aligned columns, the first one being the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["phase", "took"], ["reconcile", "3ms"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "  phase      took\n  reconcile  3ms\n");
    }

    #[test]
    fn long_times_are_told_to_the_second() {
        assert_eq!(millis(1_234), "1s234ms");
        assert_eq!(millis(61_234), "1m1s");
    }
}
