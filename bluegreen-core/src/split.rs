//! How traffic is divided over the slots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::slot::Slot;
use crate::text::pad;

/// A share of the traffic, in basis points: 0 is nothing, 10000 is everything.
///
/// ```
/// use bluegreen_core::Share;
///
/// let share: Share = "2.5%".parse()?;
/// assert_eq!(share.basis_points(), 250);
/// assert_eq!(share.to_string(), "2.5%");
/// # Ok::<(), bluegreen_core::InvalidShare>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(u16);

/// A share that is not between 0 % and 100 %, or is finer than a hundredth of a percent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no share of the traffic: write a percentage from \"0%\" to \"100%\", such as \"5%\" or \"2.5%\""
)]
pub struct InvalidShare(pub String);

impl Share {
    /// No traffic.
    pub const NONE: Self = Self(0);
    /// All traffic.
    pub const ALL: Self = Self(10_000);

    /// A share of so many basis points.
    ///
    /// # Errors
    /// When there are more than 10000.
    pub fn from_basis_points(points: u16) -> Result<Self, InvalidShare> {
        if points > Self::ALL.0 {
            Err(InvalidShare(format!("{points} basis points")))
        } else {
            Ok(Self(points))
        }
    }

    /// A share of so many whole percent.
    ///
    /// # Errors
    /// When there are more than 100.
    pub fn from_percent(percent: u8) -> Result<Self, InvalidShare> {
        Self::from_basis_points(u16::from(percent) * 100).map_err(|_| InvalidShare(format!("{percent}%")))
    }

    /// This share in basis points, 0 to 10000.
    #[must_use]
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// What is left of all traffic.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::ALL.0 - self.0)
    }

    /// This share as a fraction from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ALL.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => pad(f, format_args!("{whole}%")),
            tens if tens % 10 == 0 => pad(f, format_args!("{whole}.{}%", tens / 10)),
            cents => pad(f, format_args!("{whole}.{cents:02}%")),
        }
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidShare(format!("{text:?}"));
        let number = text.strip_suffix('%').ok_or_else(invalid)?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return Err(invalid());
        }
        let whole: u16 = whole.parse().map_err(|_| invalid())?;
        let hundredths: u16 = format!("{part:0<2}").parse().map_err(|_| invalid())?;
        whole
            .checked_mul(100)
            .and_then(|points| points.checked_add(hundredths))
            .and_then(|points| Self::from_basis_points(points).ok())
            .ok_or_else(invalid)
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How the traffic is divided over the two slots. The shares of both always sum to everything:
/// only one number is held.
///
/// ```
/// use bluegreen_core::{Share, Slot, Split};
///
/// let split = Split::with(Slot::Green, "5%".parse()?);
/// assert_eq!(split.share(Slot::Blue).to_string(), "95%");
/// assert_eq!(Split::all(Slot::Blue).to_string(), "blue 100%");
/// # Ok::<(), bluegreen_core::InvalidShare>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Split {
    green: Share,
}

impl Split {
    /// All traffic to one slot.
    #[must_use]
    pub const fn all(slot: Slot) -> Self {
        Self::with(slot, Share::ALL)
    }

    /// `share` of the traffic to `slot`, the rest to the other.
    #[must_use]
    pub const fn with(slot: Slot, share: Share) -> Self {
        match slot {
            Slot::Green => Self { green: share },
            Slot::Blue => Self { green: share.rest() },
        }
    }

    /// The share that a slot has.
    #[must_use]
    pub const fn share(self, slot: Slot) -> Share {
        match slot {
            Slot::Green => self.green,
            Slot::Blue => self.green.rest(),
        }
    }

    /// The slot that has all the traffic, if one has.
    #[must_use]
    pub fn only(self) -> Option<Slot> {
        Slot::BOTH
            .into_iter()
            .find(|slot| self.share(*slot) == Share::ALL)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(slot) = self.only() {
            return pad(f, format_args!("{slot} 100%"));
        }
        let (blue, green) = (self.share(Slot::Blue), self.share(Slot::Green));
        pad(f, format_args!("blue {blue}, green {green}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_reads_back_as_it_was_written(points in 0u16..=10_000) {
            let share = Share::from_basis_points(points).unwrap();
            prop_assert_eq!(share.to_string().parse::<Share>().unwrap(), share);
        }

        #[test]
        fn the_shares_of_a_split_sum_to_everything(points in 0u16..=10_000) {
            let split = Split::with(Slot::Green, Share::from_basis_points(points).unwrap());
            prop_assert_eq!(split.share(Slot::Blue).0 + split.share(Slot::Green).0, 10_000);
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in [
            "", "%", "5", "101%", "100.01%", "-1%", "5.123%", "5.%", ".5%", "1e1%", "655.36%", "99999%",
            " 5%",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text:?} was taken");
        }
    }
}
