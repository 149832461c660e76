//! The interval that Kayenta's judge decides on.

/// The 99 % quantile of the normal distribution: a two-sided interval of 98 %.
const Z: f64 = 2.326_347_874_040_841;
/// By so much of the estimate the interval has to be away from zero.
const TOLERANCE: f64 = 0.25;

/// Whether the classifier says "high": the lower end of the interval of the shift is above a quarter of the
/// estimate. The interval is the one that inverts the Mann-Whitney test: order statistics of all pairwise
/// differences (Hodges and Lehmann 1963), with the normal approximation for their places.
pub(crate) fn is_high(candidate: &[f64], live: &[f64]) -> bool {
    let mut differences: Vec<f64> = Vec::with_capacity(candidate.len() * live.len());
    for one in candidate {
        differences.extend(live.iter().map(|other| one - other));
    }
    if differences.is_empty() {
        return false;
    }
    differences.sort_unstable_by(f64::total_cmp);
    let (n, m) = (length(candidate), length(live));
    let lower = (n * m / 2.0 - Z * (n * m * (n + m + 1.0) / 12.0).sqrt() - 0.5).floor();
    if lower < 0.0 {
        return false;
    }
    let at = |place: f64| {
        let index = whole(place);
        differences.get(index).copied().unwrap_or(0.0)
    };
    let estimate = at((n * m / 2.0).floor());
    at(lower) > TOLERANCE * estimate.abs()
}

fn length(values: &[f64]) -> f64 {
    f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list: whole, not negative, small"
)]
fn whole(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::is_high;

    #[test]
    fn a_clear_shift_is_high_and_none_is_not() {
        let low: Vec<f64> = (0..12).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|value| value + 20.0).collect();
        assert!(is_high(&high, &low));
        assert!(!is_high(&low, &high) && !is_high(&low, &low) && !is_high(&[], &low));
        // Too few points for any interval.
        assert!(!is_high(&[5.0], &[1.0]));
    }
}
