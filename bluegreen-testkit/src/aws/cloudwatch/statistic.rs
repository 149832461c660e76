//! What CloudWatch makes of what was measured: one number for each period.

use std::collections::BTreeMap;

/// What was published for a moment.
#[derive(Debug)]
pub(super) enum Stored {
    /// Values, one by one.
    Values(Vec<f64>),
    /// How many there were, and their sum.
    Set {
        /// How many.
        count: f64,
        /// Their sum.
        sum: f64,
    },
}

/// The numbers of the periods from the start, which is rounded down, to the end, which is not part of it. The newest
/// first; a period without data has none.
pub(super) fn points(
    series: &BTreeMap<i64, Stored>,
    statistic: &str,
    period: i64,
    start: i64,
    end: i64,
) -> Result<Vec<(i64, f64)>, String> {
    let start = start - start.rem_euclid(period.min(60));
    let mut points = Vec::new();
    let mut from = start;
    while from < end {
        let there: Vec<&Stored> = series
            .range(from..from + period)
            .map(|(_, stored)| stored)
            .collect();
        if let Some(value) = number(&there, statistic)? {
            points.push((from, value));
        }
        from += period;
    }
    points.reverse();
    Ok(points)
}

fn number(there: &[&Stored], statistic: &str) -> Result<Option<f64>, String> {
    let counted: f64 = there
        .iter()
        .map(|stored| match stored {
            Stored::Values(values) => values.iter().map(|_| 1.0).sum(),
            Stored::Set { count, .. } => *count,
        })
        .sum();
    let sum: f64 = there
        .iter()
        .map(|stored| match stored {
            Stored::Values(values) => values.iter().sum(),
            Stored::Set { sum, .. } => *sum,
        })
        .sum();
    let mut raw: Vec<f64> = Vec::new();
    let mut is_raw = true;
    for stored in there {
        match stored {
            Stored::Values(values) => raw.extend(values),
            Stored::Set { .. } => is_raw = false,
        }
    }
    raw.sort_by(f64::total_cmp);
    let percentile = statistic
        .strip_prefix('p')
        .and_then(|part| part.parse::<f64>().ok());
    let value = match (statistic, percentile) {
        ("Sum", _) => Some(sum),
        ("SampleCount", _) => Some(counted),
        ("Average", _) => Some(sum / counted),
        ("Minimum", _) => raw.first().copied(),
        ("Maximum", _) => raw.last().copied(),
        // Of sets no percentile can be made.
        (_, Some(_)) if !is_raw => None,
        (_, Some(part)) => {
            let above = raw.iter().zip(1_u32..);
            let wanted = part / 100.0 * counted;
            let mut above = above.filter(|(_, place)| f64::from(*place) >= wanted);
            above.next().map(|(value, _)| *value)
        }
        _ => {
            return Err(format!(
                "The value {statistic} for parameter Stat is not supported."
            ));
        }
    };
    Ok(value.filter(|_| counted > 0.0))
}
