//! The lifecycle of a service's deployments: a pure value.

mod event;
mod phase;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use event::{CheckResult, Entry, Event, Signed};
pub use phase::{InvalidPhase, Phase};

use crate::Timestamp;

/// Which operation of a service: its number, and the moment in which it began. Shown and stored as
/// `17-20261121T083000Z`; two services' numbers have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId {
    /// Counts the operations of the service, from 1.
    pub number: u64,
    /// When it began.
    pub began: Timestamp,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Releases a version.
    Deploy,
    /// Gives all traffic back to the standby after a deployment has ended.
    Rollback,
    /// Stops the standby.
    Retire,
    /// Runs contract migrations.
    Contract,
    /// Takes the routers' view as the truth.
    Adopt,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Retire => "retire",
            Self::Contract => "contract",
            Self::Adopt => "adopt",
        })
    }
}

/// How a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every health gate passed.
    Healthy,
    /// One failed.
    Unhealthy,
    /// It could not be told.
    Unknown,
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.began.compact())
    }
}

/// A text that is no deployment id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no deployment: write it as `status` and `history` show it, such as 17-20261121T083000Z")]
pub struct InvalidDeploymentId(pub String);

impl std::str::FromStr for DeploymentId {
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
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeploymentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
