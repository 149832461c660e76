//! What the exit code says.

use std::process::ExitCode;

use bluegreen_core::DeployError;
use serde::Serialize;

/// The table of exit codes for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  it ended as it was meant to
    1  it was rolled back, failed, was aborted or refused; what is live is said
    2  the command line or the configuration is wrong; all problems are listed, nothing was done
    3  another deployer is at work; who, since when and in which phase is said
    4  it is halted and needs an operator
    5  the store or the lease failed; what is open can be resumed
  130  ended by Ctrl-C (or SIGTERM): the first asks for an abort, the second leaves at once";

/// How a command ended, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// 0: as it was meant to.
    AsMeant,
    /// 1: rolled back, failed, aborted or refused.
    NotAsMeant,
    /// 2: the command line or the configuration is wrong. Nothing was done.
    Wrong,
    /// 3: another deployer is at work.
    Held,
    /// 4: nothing more can be done without an operator.
    NeedsOperator,
    /// 5: the store or the lease failed. What is open can be resumed.
    Store,
    /// 130: ended by Ctrl-C or SIGTERM.
    Interrupted,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AsMeant,
        Self::NotAsMeant,
        Self::Wrong,
        Self::Held,
        Self::NeedsOperator,
        Self::Store,
        Self::Interrupted,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::AsMeant => 0,
            Self::NotAsMeant => 1,
            Self::Wrong => 2,
            Self::Held => 3,
            Self::NeedsOperator => 4,
            Self::Store => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<&DeployError> for Exit {
    fn from(error: &DeployError) -> Self {
        use bluegreen_core::Phase;
        use bluegreen_core::lifecycle::CannotBegin;

        match error {
            DeployError::Held { .. } => Self::Held,
            DeployError::CannotBegin(CannotBegin::Open {
                phase: Phase::Halted, ..
            }) => Self::NeedsOperator,
            DeployError::LeaseLost { .. } | DeployError::Store(_) | DeployError::Record { .. } => Self::Store,
            DeployError::MissingPart(_) | DeployError::OtherService { .. } => Self::Wrong,
            _ => Self::NotAsMeant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_each_code_once() {
        for exit in Exit::ALL {
            let shown = format!("{:>5}  ", exit.code());
            assert_eq!(EXIT_CODES.matches(&shown).count(), 1, "{exit:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), Exit::ALL.len() + 1);
    }
}
