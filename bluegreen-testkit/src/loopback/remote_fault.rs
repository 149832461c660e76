//! How faults cross the control connection: the one place where kinds become statuses and back.

use std::time::Duration;

use bluegreen_core::{Fault, FaultKind};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::ask::AskError;

/// The body of an answer that is a fault.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    message: String,
    retry_after_ms: Option<u64>,
}

/// The answer that says what this fault says.
pub(super) fn answer(fault: &Fault) -> (StatusCode, Report) {
    let (status, retry_after) = match fault.kind {
        FaultKind::Rejected => (StatusCode::UNPROCESSABLE_ENTITY, None),
        FaultKind::Unavailable { retry_after } => (StatusCode::TOO_MANY_REQUESTS, retry_after),
        FaultKind::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, None),
        FaultKind::Fenced => (StatusCode::CONFLICT, None),
    };
    let report = Report {
        message: fault.to_string(),
        retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    };
    (status, report)
}

/// The fault that an answer other than 200 says.
pub(super) fn from_answer(operation: &'static str, status: StatusCode, body: &[u8]) -> Fault {
    let report = serde_json::from_slice(body).unwrap_or_else(|_| Report {
        message: format!("the control answered {status}"),
        retry_after_ms: None,
    });
    let kind = match status {
        StatusCode::CONFLICT => FaultKind::Fenced,
        StatusCode::TOO_MANY_REQUESTS => FaultKind::Unavailable {
            retry_after: report.retry_after_ms.map(Duration::from_millis),
        },
        status if status.is_client_error() => FaultKind::Rejected,
        _ => FaultKind::Unknown,
    };
    Fault::new(kind, "remote", operation, report.message)
}

/// The fault of a question that got no answer.
pub(super) fn from_silence(operation: &'static str, error: AskError) -> Fault {
    let kind = match error {
        AskError::Connect(..) => FaultKind::Unavailable { retry_after: None },
        AskError::Exchange(..) => FaultKind::Unknown,
    };
    Fault::new(kind, "remote", operation, "no answer from the control").caused_by(error)
}

/// The fault of a call whose budget is over. It may have been carried out.
pub(super) fn from_timeout(operation: &'static str, budget: Duration) -> Fault {
    Fault::unknown(
        "remote",
        operation,
        format!("no answer from the control within {budget:?}"),
    )
}

/// The fault of an answer that cannot be read.
pub(super) fn from_nonsense(operation: &'static str, error: serde_json::Error) -> Fault {
    Fault::unknown("remote", operation, "the control's answer cannot be read").caused_by(error)
}
