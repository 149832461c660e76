//! Shares as Route 53 has them: two weights from 0 to 255.

use bluegreen_core::{Share, Slot, Split};

/// The weights of both records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) blue: u8,
    pub(super) green: u8,
}

impl Weights {
    /// The weights that give exactly this split; `None` where there are none up to 255. Whole percents stay as
    /// they are, so that people can read them.
    pub(super) fn exactly(split: Split) -> Option<Self> {
        let blue = split.share(Slot::Blue).basis_points();
        let green = split.share(Slot::Green).basis_points();
        let divisor = if green.is_multiple_of(100) {
            100
        } else {
            common(blue, green)
        };
        Some(Self {
            blue: u8::try_from(blue / divisor).ok()?,
            green: u8::try_from(green / divisor).ok()?,
        })
    }

    /// The split that these weights come to. Both 0 are **equal shares**, as Route 53 takes it. To the nearest
    /// basis point, but who gets something never gets nothing.
    pub(super) fn split(self) -> Split {
        let (blue, green) = (u32::from(self.blue), u32::from(self.green));
        let points = match (blue, green) {
            (0, 0) => 5_000,
            (_, 0) => 0,
            (0, _) => 10_000,
            _ => ((green * 10_000 + u32::midpoint(blue, green)) / (blue + green)).clamp(1, 9_999),
        };
        let share = u16::try_from(points)
            .ok()
            .and_then(|points| Share::from_basis_points(points).ok());
        Split::with(Slot::Green, share.unwrap_or(Share::NONE))
    }

    /// Whether traffic is divided exactly so.
    pub(super) fn are(self, split: Split) -> bool {
        let (blue, green) = (u32::from(self.blue), u32::from(self.green));
        let share = u32::from(split.share(Slot::Green).basis_points());
        blue + green > 0 && green * 10_000 == share * (blue + green)
    }

    pub(super) const fn of(self, slot: Slot) -> u8 {
        match slot {
            Slot::Blue => self.blue,
            Slot::Green => self.green,
        }
    }
}

const fn common(one: u16, other: u16) -> u16 {
    if other == 0 {
        one
    } else {
        common(other, one % other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn green(points: u16) -> Split {
        Split::with(Slot::Green, Share::from_basis_points(points).unwrap())
    }

    #[test]
    fn weights_are_exact_or_there_are_none() {
        for (points, expected) in [
            (0, Some((100, 0))),
            (10_000, Some((0, 100))),
            (500, Some((95, 5))),
            (50, Some((199, 1))),
            (25, None),
            (40, Some((249, 1))),
            (1, None),
            (3_333, None),
        ] {
            let weights = Weights::exactly(green(points));
            assert_eq!(weights.map(|w| (w.blue, w.green)), expected, "{points}");
        }
    }

    proptest! {
        #[test]
        fn what_was_made_of_a_split_is_that_split(points in 0u16..=10_000) {
            if let Some(weights) = Weights::exactly(green(points)) {
                prop_assert!(weights.are(green(points)));
                prop_assert_eq!(weights.split(), green(points));
            }
        }

        #[test]
        fn every_half_percent_can_be_held(half in 0u16..=200) {
            prop_assert!(Weights::exactly(green(half * 50)).is_some());
        }

        #[test]
        fn who_has_a_weight_is_never_said_to_have_nothing(blue in any::<u8>(), green in any::<u8>()) {
            let split = Weights { blue, green }.split();
            prop_assert_eq!(split.only() == Some(Slot::Blue), blue > 0 && green == 0);
            prop_assert_eq!(split.only() == Some(Slot::Green), green > 0 && blue == 0);
        }
    }

    #[test]
    fn both_weights_at_zero_are_equal_shares() {
        let weights = Weights { blue: 0, green: 0 };
        assert_eq!(weights.split(), green(5_000));
        assert!(!weights.are(green(0)) && !weights.are(green(5_000)));
    }
}
