//! What the end of a command says of its effect: the one place where commands become faults.
//!
//! | what happened | a command that changes something | one that only reads |
//! |---|---|---|
//! | it cannot be filled in; no such program, no permission, also for the lock file | rejected | rejected |
//! | it cannot be started now (no memory, too many processes) | unavailable | unavailable |
//! | its predecessor still runs; its lock file cannot be used now | unavailable | – |
//! | exit code 75 | unavailable | unavailable |
//! | any other exit code that is not 0 | rejected | rejected |
//! | ended by a signal or at its time limit | unknown | unavailable |

use std::io::ErrorKind;

use super::ExpandError;
use super::lock::LockError;
use super::process::{End, Finished, StartError};
use crate::{Fault, FaultKind};

pub(super) const PROVIDER: &str = "command";

/// `EX_TEMPFAIL`: nothing was done, try again.
pub(super) const TRY_AGAIN: i32 = 75;

/// Whether a command changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Changes,
    Reads,
}

impl From<ExpandError> for Fault {
    fn from(error: ExpandError) -> Self {
        Self::rejected(PROVIDER, "fill in", error.to_string())
    }
}

/// A command that never ran.
pub(crate) fn could_not_start(operation: &'static str, program: &str, error: &StartError) -> Fault {
    let fault = match error {
        StartError::Spawn { source, .. } | StartError::Lock(LockError::Unusable { source, .. })
            if is_lasting(source) =>
        {
            Fault::rejected
        }
        _ => Fault::unavailable,
    };
    fault(PROVIDER, operation, error.to_string()).on(program)
}

/// Errors of a start that the next try will meet again.
fn is_lasting(error: &std::io::Error) -> bool {
    // ENOEXEC, "exec format error", has no kind of its own.
    error.raw_os_error() == Some(nix::errno::Errno::ENOEXEC as i32)
        || matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::InvalidInput
                | ErrorKind::ArgumentListTooLong
        )
}

/// The output of a command that ended with 0, or what its end says otherwise.
pub(crate) fn check(
    operation: &'static str,
    program: &str,
    effect: Effect,
    finished: Finished,
) -> Result<Finished, Fault> {
    let kind = match (finished.end, effect) {
        (End::Exited(0), _) => return Ok(finished),
        (End::Exited(TRY_AGAIN), _) | (End::Signalled(_) | End::TimedOut(_), Effect::Reads) => {
            FaultKind::Unavailable { retry_after: None }
        }
        (End::Exited(_), _) => FaultKind::Rejected,
        (End::Signalled(_) | End::TimedOut(_), Effect::Changes) => FaultKind::Unknown,
    };
    Err(Fault::new(kind, PROVIDER, operation, finished.evidence()).on(program))
}
