//! What goes wrong with the API, and what is known of its effect: the one mapping to faults.

use std::error::Error;
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind};
use http::StatusCode;

pub(crate) const PROVIDER: &str = "digitalocean";

/// What the service says while a balancer takes over an earlier change. It comes with status 403, which
/// otherwise means a missing permission; the text is all that tells them apart.
const BUSY: &str = "while it processes previous actions";

/// Why a request did not do what it was to do. The [`source`](Fault::source) of this crate's faults.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Nothing was sent: the connection could not be made.
    #[error("no connection to the API")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The connection ended, or the answer did.
    #[error("the connection was lost before the answer was whole")]
    Lost(#[source] Box<dyn Error + Send + Sync>),
    /// No answer within the call's budget.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Nothing was sent: the call's budget was over before, or what is left is too short.
    #[error("the call's time was over before the request was sent: {0}")]
    TooLate(String),
    /// Nothing was sent: the rate limit is nearly used up, and the rest is kept for going back.
    #[error("the rate limit is nearly used up, what is left is kept for a rollback")]
    Kept {
        /// When there will be more.
        retry_after: Duration,
    },
    /// The service refuses.
    #[error("{status}: {message}")]
    Refused {
        /// The status, such as 422.
        status: u16,
        /// The service's short name of the error: `unprocessable_entity`.
        id: String,
        /// What it says.
        message: String,
        /// The wait that it asks for.
        retry_after: Option<Duration>,
        /// The service's id of the request.
        request_id: Option<String>,
    },
    /// The answer is not what the documentation says.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The next page is at an address where the token must not be sent.
    #[error("the next page is elsewhere than the API, it was not asked for")]
    ForeignPage,
    /// The configuration at DigitalOcean is not what this plugin can work with.
    #[error("{0}")]
    Unfit(String),
    /// The service took the change and then shows something else.
    #[error("{0}")]
    Differs(String),
}

impl ApiError {
    /// What is known of the effect. A request that only reads has none, whatever became of it.
    #[must_use]
    pub fn kind(&self, reads_only: bool) -> FaultKind {
        let unsure = if reads_only {
            FaultKind::Unavailable { retry_after: None }
        } else {
            FaultKind::Unknown
        };
        match self {
            Self::Connect(_) | Self::TooLate(_) => FaultKind::Unavailable { retry_after: None },
            Self::Kept { retry_after } => FaultKind::Unavailable {
                retry_after: Some(*retry_after),
            },
            Self::Lost(_) | Self::TimedOut(_) | Self::Unreadable(_) => unsure,
            Self::ForeignPage | Self::Unfit(_) => FaultKind::Rejected,
            Self::Differs(_) => FaultKind::Unknown,
            Self::Refused {
                status, retry_after, ..
            } => match *status {
                _ if self.is_busy() => FaultKind::Unavailable {
                    retry_after: Some(Duration::from_secs(2)),
                },
                429 => FaultKind::Unavailable {
                    retry_after: *retry_after,
                },
                // Not carried out because something else is on its way.
                409 | 423 => FaultKind::Unavailable { retry_after: None },
                400..=407 | 410..=499 => FaultKind::Rejected,
                _ => unsure,
            },
        }
    }

    /// Whether the service is still taking over an earlier change of the same thing.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { status: 403, message, .. } if message.contains(BUSY))
    }

    /// Whether the service refuses because somebody else has what is asked for. With which status it says so of a
    /// domain is documented nowhere.
    pub(crate) fn is_taken(&self) -> bool {
        match self {
            Self::Refused { status: 409, .. } => true,
            Self::Refused {
                status: 400 | 422,
                message,
                ..
            } => ["in use", "already"].iter().any(|words| message.contains(words)),
            _ => false,
        }
    }

    pub(crate) fn fault(self, reads_only: bool, operation: &'static str, resource: &str) -> Fault {
        let kind = self.kind(reads_only);
        let request_id = match &self {
            Self::Refused { request_id, .. } => request_id.clone(),
            _ => None,
        };
        let mut fault = Fault::new(kind, PROVIDER, operation, advice(&self, kind))
            .on(resource)
            .caused_by(self);
        fault.request_id = request_id;
        fault
    }
}

// One line for people; the error itself follows as the source.
fn advice(error: &ApiError, kind: FaultKind) -> &'static str {
    match (error, kind) {
        (ApiError::Refused { status: 401, .. }, _) => "the token is not taken: is it valid still?",
        (ApiError::Refused { status: 403, .. }, FaultKind::Rejected) => "the token lacks a permission",
        (ApiError::Refused { status: 404, .. }, _) => "there is no such thing, or the token may not see it",
        (_, FaultKind::Unknown) => "it may have been carried out",
        (_, FaultKind::Rejected) => "refused",
        _ => "nothing was changed",
    }
}

/// The error that an answer says.
pub(crate) fn refused(
    status: StatusCode,
    retry_after: Option<Duration>,
    header_id: Option<String>,
    body: &[u8],
) -> ApiError {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Body {
        id: String,
        message: String,
        request_id: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let message = if body.message.is_empty() {
        "no message".to_owned()
    } else {
        bounded(&body.message)
    };
    ApiError::Refused {
        status: status.as_u16(),
        id: bounded(&body.id),
        message,
        retry_after,
        request_id: body.request_id.or(header_id).map(|id| bounded(&id)),
    }
}

/// What somebody else wrote, in a length that people read.
pub(crate) fn bounded(text: &str) -> String {
    const MOST: usize = 400;
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = line.clone().take(MOST).collect();
    if line.count() > MOST {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, message: &str) -> ApiError {
        let body = serde_json::json!({"id": "x", "message": message, "request_id": "r-1"});
        let status = StatusCode::from_u16(status).unwrap();
        refused(status, None, None, body.to_string().as_bytes())
    }

    #[test]
    fn what_an_answer_says_of_the_effect() {
        let unavailable = FaultKind::Unavailable { retry_after: None };
        for (status, of_change, of_read) in [
            (400, FaultKind::Rejected, FaultKind::Rejected),
            (401, FaultKind::Rejected, FaultKind::Rejected),
            (403, FaultKind::Rejected, FaultKind::Rejected),
            (404, FaultKind::Rejected, FaultKind::Rejected),
            (408, FaultKind::Unknown, unavailable),
            (409, unavailable, unavailable),
            (422, FaultKind::Rejected, FaultKind::Rejected),
            (429, unavailable, unavailable),
            (500, FaultKind::Unknown, unavailable),
            (502, FaultKind::Unknown, unavailable),
            (503, FaultKind::Unknown, unavailable),
            (302, FaultKind::Unknown, unavailable),
        ] {
            assert_eq!(answered(status, "m").kind(false), of_change, "{status}");
            assert_eq!(answered(status, "m").kind(true), of_read, "{status} of a read");
        }
    }

    #[test]
    fn a_balancer_that_is_busy_is_no_missing_permission() {
        let busy = answered(
            403,
            "Load Balancer can't be updated while it processes previous actions",
        );
        assert!(matches!(
            busy.kind(false),
            FaultKind::Unavailable { retry_after: Some(_) }
        ));
    }

    #[test]
    fn a_fault_carries_the_id_of_the_request() {
        let fault = answered(422, "region is missing").fault(false, "shift", "load balancer 1");
        assert_eq!(
            fault.to_string(),
            "digitalocean: shift of load balancer 1: rejected: refused: 422: region is missing (request r-1)"
        );
    }

    #[test]
    fn a_long_message_with_control_characters_becomes_a_short_line() {
        let text = format!("\u{1b}[2J{}", "x".repeat(100_000));
        let short = bounded(&text);
        assert!(short.chars().count() <= 401 && !short.contains('\u{1b}'));
    }
}
