//! Counts as they come in, and as they are calculated with.

/// Above this a count is no longer exact as a floating-point number, and no service counts so far in a
/// tick: it is a mistake of the source.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// A count from a source: not negative, not NaN, not infinite. Fractions (rates times a time) are rounded.
pub(super) fn count(value: f64) -> Option<u64> {
    if !(0.0..=LARGEST).contains(&value) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 2^53"
    )]
    let whole = value as u64;
    // Rounding up where it is not whole; `round` itself is slow where the processor has no instruction for it.
    Some(if value - real(whole) < 0.5 {
        whole
    } else {
        whole.saturating_add(1)
    })
}

/// A count for a formula. Above 2^53 it is rounded, by less than one in 10^15.
#[expect(clippy::cast_precision_loss, reason = "sums beyond 2^53 need no last digit")]
pub(super) const fn real(count: u64) -> f64 {
    count as f64
}

/// How many there are of something short.
pub(super) fn size(length: usize) -> f64 {
    real(u64::try_from(length).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -0.001, 1e300] {
            assert_eq!(count(value), None, "{value}");
        }
        for (value, whole) in [(0.0, 0), (-0.0, 0), (1.0, 1), (4.45, 4), (1e9, 1_000_000_000)] {
            assert_eq!(count(value), Some(whole), "{value}");
        }
    }
}
