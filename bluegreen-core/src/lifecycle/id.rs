//! Which operation of a service.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Which operation of a service: its number, and the moment in which it began. Shown and stored as
/// `17-20261121T083000Z`; two services' numbers have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId {
    number: u64,
    began: Timestamp,
}

impl DeploymentId {
    /// The operation with a number that began at a moment. Counted in whole seconds.
    #[must_use]
    pub const fn new(number: u64, began: Timestamp) -> Self {
        Self {
            number,
            began: Timestamp::from_millis(began.as_millis().div_euclid(1000) * 1000),
        }
    }

    /// Counts the operations of the service, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// When it began, to the second.
    #[must_use]
    pub const fn began(self) -> Timestamp {
        self.began
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.number)?;
        f.write_str(self.began.to_compact().as_str())
    }
}

/// A text that is no deployment id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no deployment: write it as `status` and `history` show it, such as 17-20261121T083000Z")]
pub struct InvalidDeploymentId(pub String);

impl FromStr for DeploymentId {
    type Err = InvalidDeploymentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDeploymentId(text.to_owned());
        let (number, began) = text.split_once('-').ok_or_else(invalid)?;
        Ok(Self {
            number: number.parse().map_err(|_| invalid())?,
            began: Timestamp::from_compact(began).ok_or_else(invalid)?,
        })
    }
}

impl Serialize for DeploymentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // In one piece, with room for every number: each entry of the journal has one.
        let mut text = String::with_capacity(40);
        write!(text, "{self}").map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for DeploymentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
