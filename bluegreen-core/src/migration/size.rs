//! How long a lock is held on a table of which it is known how large it is.
//!
//! The figures are orders of magnitude, for rows of some hundred bytes on a server of today: a million rows a
//! second are read, a hundred thousand written anew with their indexes. They tell a wait that nobody notices
//! from one that is an outage, and no more.

use std::time::Duration;

use super::effect::Work;

/// Rows that are read in a second.
const READ_PER_SECOND: u64 = 1_000_000;

/// Rows that are written anew in a second.
const WRITTEN_PER_SECOND: u64 = 100_000;

/// A wait that is like any other: a request of the service may take as long.
const SHORT: Duration = Duration::from_millis(100);

/// About how long it takes.
fn time(work: Work, rows: u64) -> Duration {
    let a_second = match work {
        Work::Instant => return Duration::ZERO,
        Work::Scan => READ_PER_SECOND,
        Work::Rewrite => WRITTEN_PER_SECOND,
    };
    Duration::from_millis(rows.saturating_mul(1_000) / a_second)
}

/// Whether nobody notices that they wait for it.
pub(super) fn is_short(work: Work, rows: u64) -> bool {
    time(work, rows) <= SHORT
}

/// `2000000 rows: seconds`.
pub(super) fn words(work: Work, rows: u64) -> String {
    let time = time(work, rows);
    let long = if time <= SHORT {
        "a moment"
    } else if time < Duration::from_secs(1) {
        "less than a second"
    } else if time < Duration::from_mins(1) {
        "seconds"
    } else if time < Duration::from_hours(1) {
        "minutes"
    } else {
        "hours"
    };
    format!("{rows} rows: {long}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tables_are_a_moment_and_large_ones_an_outage() {
        for (work, rows, said) in [
            (Work::Scan, 0, "0 rows: a moment"),
            (Work::Scan, 100_000, "100000 rows: a moment"),
            (Work::Scan, 500_000, "500000 rows: less than a second"),
            (Work::Rewrite, 500_000, "500000 rows: seconds"),
            (Work::Rewrite, 50_000_000, "50000000 rows: minutes"),
            (Work::Rewrite, u64::MAX, "18446744073709551615 rows: hours"),
        ] {
            assert_eq!(words(work, rows), said);
            assert_eq!(is_short(work, rows), said.ends_with("a moment"), "{said}");
        }
        assert!(is_short(Work::Instant, u64::MAX));
    }
}
