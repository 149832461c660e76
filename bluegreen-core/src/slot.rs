//! The two environments and what each is used for now.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two environments of a service. The names are fixed; which of them is live changes.
///
/// ```
/// use bluegreen_core::Slot;
///
/// assert_eq!(Slot::Blue.other(), Slot::Green);
/// assert_eq!("green".parse::<Slot>()?, Slot::Green);
/// # Ok::<(), bluegreen_core::InvalidSlot>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The blue environment.
    Blue,
    /// The green environment.
    Green,
}

impl Slot {
    /// Both slots, blue first.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The slot that this one is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// The name as it stands in plans, records and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names neither slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no slot: write \"blue\" or \"green\"")]
pub struct InvalidSlot(pub String);

impl FromStr for Slot {
    type Err = InvalidSlot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "blue" => Ok(Self::Blue),
            "green" => Ok(Self::Green),
            other => Err(InvalidSlot(other.to_owned())),
        }
    }
}

/// What a slot is used for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes the traffic of the service.
    Live,
    /// Is being released.
    Candidate,
    /// Was live before and is kept for a rollback.
    Standby,
    /// Free for the next release. Something may still be running in it, but nothing depends on it.
    #[default]
    Empty,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "live",
            Self::Candidate => "candidate",
            Self::Standby => "standby",
            Self::Empty => "empty",
        })
    }
}
