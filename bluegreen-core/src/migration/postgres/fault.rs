//! What an answer of the server means.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::{Fault, FaultKind};

pub(super) const PROVIDER: &str = "postgres";

pub(super) fn cannot_connect(error: Error) -> Fault {
    Fault::unavailable(PROVIDER, "connect", said(&error)).caused_by(error)
}

/// What the server says, without the values of rows that its details can hold.
pub(super) fn said(error: &Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |refused| refused.message().to_owned())
}

/// Whether it did not get a lock, or gave one up for somebody else: it was rolled back, and may be tried
/// again.
pub(super) fn lost_a_lock(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::LOCK_NOT_AVAILABLE
            || *code == SqlState::T_R_DEADLOCK_DETECTED
            || *code == SqlState::T_R_SERIALIZATION_FAILURE
    })
}

/// A call that failed. What the server refused was not done; when it goes down or the connection is lost,
/// nobody knows.
pub(super) fn fault(operation: &'static str, resource: &str, error: Error) -> Fault {
    let kind = match error.code() {
        _ if lost_a_lock(&error) => FaultKind::Unavailable { retry_after: None },
        Some(code) if *code == SqlState::QUERY_CANCELED => FaultKind::Rejected,
        // Operator intervention, connection exceptions, insufficient resources.
        Some(code)
            if ["57", "08", "53"]
                .iter()
                .any(|class| code.code().starts_with(class)) =>
        {
            FaultKind::Unknown
        }
        Some(_) => FaultKind::Rejected,
        None => FaultKind::Unknown,
    };
    let mut fault = Fault::new(kind, PROVIDER, operation, said(&error)).on(resource);
    // The source's text would be told after the message, and hold the details.
    if error.as_db_error().is_none() {
        fault = fault.caused_by(error);
    }
    fault
}
