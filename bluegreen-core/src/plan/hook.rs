//! Commands or code at named points of an operation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::command::CommandSpec;
use crate::lifecycle::Phase;

/// A command or a piece of code at a named point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hook {
    /// The name under which events and reports know it.
    pub name: String,
    /// Where: `"before prepare"`, `"after confirm"`, `"after confirm_return"`.
    pub at: HookPoint,
    /// The command. Left out: code, registered under the hook's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// What its failure means. On the way back it never means more than a warning.
    #[serde(default)]
    pub on_failure: HookFailure,
}

impl Hook {
    /// A hook whose code the embedding program registers under the name.
    #[must_use]
    pub fn code(name: impl Into<String>, at: HookPoint) -> Self {
        Self {
            name: name.into(),
            at,
            command: None,
            on_failure: HookFailure::default(),
        }
    }

    /// A hook that runs a command.
    #[must_use]
    pub fn command(name: impl Into<String>, at: HookPoint, command: CommandSpec) -> Self {
        Self {
            command: Some(command),
            ..Self::code(name, at)
        }
    }

    /// With another meaning of its failure.
    #[must_use]
    pub const fn on_failure(mut self, failure: HookFailure) -> Self {
        self.on_failure = failure;
        self
    }
}

/// What the failure of a hook means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookFailure {
    /// The phase fails.
    #[default]
    Fail,
    /// It is told, and the deployment goes on.
    Warn,
}

/// Before or after which phase a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HookPoint {
    /// Before or after.
    pub moment: HookMoment,
    /// Which phase; for the phases of a step, each step's.
    pub phase: Phase,
}

/// Before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookMoment {
    /// Before the phase.
    Before,
    /// After it.
    After,
}

impl HookPoint {
    /// The point before a phase.
    #[must_use]
    pub const fn before(phase: Phase) -> Self {
        Self {
            moment: HookMoment::Before,
            phase,
        }
    }

    /// The point after a phase.
    #[must_use]
    pub const fn after(phase: Phase) -> Self {
        Self {
            moment: HookMoment::After,
            phase,
        }
    }

    /// Whether an operation stops at this point. Going back waits for nothing: until the traffic is
    /// confirmed to be back no hook runs.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        match self.phase {
            Phase::Assess | Phase::Return | Phase::Halted | Phase::Ended => false,
            Phase::ConfirmReturn => matches!(self.moment, HookMoment::After),
            _ => true,
        }
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            HookMoment::Before => "before",
            HookMoment::After => "after",
        };
        write!(f, "{moment} {}", self.phase)
    }
}

/// A text that names no point for a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no point for a hook: write \"before\" or \"after\" and a phase, such as \"after confirm\"; the phases \
     are {phases}",
    phases = Phase::ALL.iter().map(|phase| phase.as_str()).collect::<Vec<_>>().join(", ")
)]
pub struct InvalidHookPoint(pub String);

impl FromStr for HookPoint {
    type Err = InvalidHookPoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let point = text.split_once(' ').and_then(|(moment, phase)| {
            let phase = phase.parse().ok()?;
            match moment {
                "before" => Some(Self::before(phase)),
                "after" => Some(Self::after(phase)),
                _ => None,
            }
        });
        point.ok_or_else(|| InvalidHookPoint(text.to_owned()))
    }
}

impl Serialize for HookPoint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HookPoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_reads_back_as_it_was_written() {
        for phase in Phase::ALL {
            for point in [HookPoint::before(*phase), HookPoint::after(*phase)] {
                assert_eq!(point.to_string().parse(), Ok(point));
            }
        }
        for text in [
            "",
            "confirm",
            "during confirm",
            "after",
            "after nothing",
            "after  confirm",
            "After confirm",
        ] {
            assert!(text.parse::<HookPoint>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn no_hook_runs_until_the_traffic_is_confirmed_to_be_back() {
        let refused: Vec<_> = Phase::ALL
            .iter()
            .flat_map(|phase| [HookPoint::before(*phase), HookPoint::after(*phase)])
            .filter(|point| !point.is_allowed())
            .map(|point| point.to_string())
            .collect();
        assert_eq!(
            refused,
            [
                "before assess",
                "after assess",
                "before return",
                "after return",
                "before confirm_return",
                "before halted",
                "after halted",
                "before ended",
                "after ended"
            ]
        );
    }
}
