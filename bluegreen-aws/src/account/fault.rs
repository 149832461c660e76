//! What a failed request says of its effect: the only place where that is decided.
//!
//! The code of an error comes before its status, because AWS throttles with status 400 as well as 429 and 503.
//! Codes: [Common errors](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html) and what the
//! [retry behaviour of the SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) lists.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use bluegreen_core::{Fault, FaultKind};

/// What a request does when it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only reads.
    None,
    /// It changes something.
    Change,
}

impl Effect {
    /// What is known when no answer tells.
    pub(crate) const fn when_unsure(self) -> FaultKind {
        match self {
            Self::None => FaultKind::Unavailable { retry_after: None },
            Self::Change => FaultKind::Unknown,
        }
    }
}

/// The errors of all SDK crates.
pub(crate) trait SdkFailure: Sized {
    /// The code that the service gave, where it gave an answer.
    fn code(&self) -> Option<&str>;
    /// As a fault.
    fn fault(self, effect: Effect, provider: &'static str, operation: &'static str) -> Fault;
}

/// Refused before anything was done, because of how much was asked for at once.
const THROTTLED: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Refused before anything was done; whoever gives the credentials may have newer ones by the next time.
const EXPIRED: [&str; 2] = ["ExpiredToken", "ExpiredTokenException"];

/// Given up by the service, which does not say what it had done by then.
const GIVEN_UP: [&str; 2] = ["RequestTimeout", "RequestTimeoutException"];

impl<E> SdkFailure for SdkError<E, HttpResponse>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn code(&self) -> Option<&str> {
        self.as_service_error().and_then(ProvideErrorMetadata::code)
    }

    fn fault(self, effect: Effect, provider: &'static str, operation: &'static str) -> Fault {
        let kind = kind(&self, effect);
        let id = self.request_id().map(str::to_owned);
        let id = id.or_else(|| id_in_answer(&self));
        let mut message = advice(kind).to_owned();
        if let Some(error) = self.as_service_error() {
            // Both are what the service wrote, in a length that people read.
            let code = bounded(error.code().unwrap_or("no code"));
            let said = bounded(error.message().unwrap_or("no message"));
            let _ = write!(message, ": {code}: {said}");
        } else {
            let _ = write!(message, ": {}", bounded(&chain(&self)));
        }
        let mut fault = Fault::new(kind, provider, operation, message);
        fault.request_id = id;
        fault
    }
}

fn kind<E>(error: &SdkError<E, HttpResponse>, effect: Effect) -> FaultKind
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let unavailable = FaultKind::Unavailable { retry_after: None };
    match error {
        // Never sent: the request itself is wrong, or there are no credentials.
        SdkError::ConstructionFailure(_) => FaultKind::Rejected,
        SdkError::DispatchFailure(_) if is_refused(error) => unavailable,
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            match answer.err().code() {
                Some(code) if THROTTLED.contains(&code) => FaultKind::Unavailable {
                    retry_after: retry_after(answer.raw()),
                },
                Some(code) if EXPIRED.contains(&code) => unavailable,
                Some(code) if GIVEN_UP.contains(&code) => effect.when_unsure(),
                _ => match status {
                    429 => FaultKind::Unavailable {
                        retry_after: retry_after(answer.raw()),
                    },
                    408 => effect.when_unsure(),
                    400..=499 => FaultKind::Rejected,
                    _ => effect.when_unsure(),
                },
            }
        }
        // Timeouts, connections that broke, answers that nobody can read, and what later versions add.
        _ => effect.when_unsure(),
    }
}

/// Whether no connection came about.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut below = Some(error);
    while let Some(error) = below {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        below = error.source();
    }
    false
}

fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    const MOST: Duration = Duration::from_hours(1);
    let secs = answer.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(secs).min(MOST))
}

/// The query protocol writes the id into the body, whence the SDK takes it into the error.
fn id_in_answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let SdkError::ServiceError(answer) = error else {
        return None;
    };
    answer.err().meta().request_id().map(str::to_owned)
}

const fn advice(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Unavailable { .. } => "nothing was changed",
        FaultKind::Unknown => "it may have been carried out",
        FaultKind::Rejected | FaultKind::Fenced => "refused",
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let _ = write!(text, ": {error}");
        below = error.source();
    }
    text
}

/// What somebody else wrote, in one short line.
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
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    /// An error as the SDK crates have them.
    #[derive(Debug)]
    struct Said(ErrorMetadata);

    impl std::fmt::Display for Said {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("service error")
        }
    }

    impl Error for Said {}

    impl ProvideErrorMetadata for Said {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn raw(status: u16) -> HttpResponse {
        let mut raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        raw.headers_mut().insert("retry-after", "3");
        raw.headers_mut().insert("x-amzn-requestid", "id-of-the-request");
        raw
    }

    fn answered(status: u16, code: Option<&str>) -> SdkError<Said, HttpResponse> {
        let mut meta = ErrorMetadata::builder().message("words of the service");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        SdkError::service_error(Said(meta.build()), raw(status))
    }

    const AFTER: FaultKind = FaultKind::Unavailable {
        retry_after: Some(Duration::from_secs(3)),
    };
    const AGAIN: FaultKind = FaultKind::Unavailable { retry_after: None };

    fn kinds(make: impl Fn() -> SdkError<Said, HttpResponse>) -> (FaultKind, FaultKind) {
        let of = |effect| make().fault(effect, "alb", "ModifyRule").kind;
        (of(Effect::None), of(Effect::Change))
    }

    /// Status and code of an answer; what it means after a read, and after a change.
    #[test]
    fn the_code_of_an_answer_is_looked_at_before_its_status() {
        let rejected = FaultKind::Rejected;
        for (status, code, read, change) in [
            (400, Some("Throttling"), AFTER, AFTER),
            (400, Some("ThrottlingException"), AFTER, AFTER),
            (400, Some("RequestLimitExceeded"), AFTER, AFTER),
            (400, Some("PriorRequestNotComplete"), AFTER, AFTER),
            (400, Some("ProvisionedThroughputExceededException"), AFTER, AFTER),
            (400, Some("LimitExceededException"), AFTER, AFTER),
            (503, Some("SlowDown"), AFTER, AFTER),
            (500, Some("Throttling"), AFTER, AFTER),
            (429, None, AFTER, AFTER),
            (429, Some("Whatever"), AFTER, AFTER),
            (400, Some("ExpiredToken"), AGAIN, AGAIN),
            (400, Some("ExpiredTokenException"), AGAIN, AGAIN),
            (400, Some("RequestTimeout"), AGAIN, FaultKind::Unknown),
            (408, None, AGAIN, FaultKind::Unknown),
            (400, Some("ValidationError"), rejected, rejected),
            (400, Some("TargetGroupNotFound"), rejected, rejected),
            (400, None, rejected, rejected),
            (403, Some("AccessDenied"), rejected, rejected),
            (404, None, rejected, rejected),
            (500, Some("InternalFailure"), AGAIN, FaultKind::Unknown),
            (503, Some("ServiceUnavailable"), AGAIN, FaultKind::Unknown),
            (200, None, AGAIN, FaultKind::Unknown),
        ] {
            let seen = kinds(|| answered(status, code));
            assert_eq!(seen, (read, change), "{status} {code:?}");
        }
    }

    #[test]
    fn what_was_never_answered_is_unknown_after_a_change_unless_nothing_was_sent() {
        let refused = || {
            let error = io::Error::from(io::ErrorKind::ConnectionRefused);
            SdkError::dispatch_failure(ConnectorError::io(error.into()))
        };
        let reset = || {
            let error = io::Error::from(io::ErrorKind::ConnectionReset);
            SdkError::dispatch_failure(ConnectorError::io(error.into()))
        };
        assert_eq!(kinds(refused), (AGAIN, AGAIN));
        assert_eq!(kinds(reset), (AGAIN, FaultKind::Unknown));
        let unsure = (AGAIN, FaultKind::Unknown);
        assert_eq!(kinds(|| SdkError::timeout_error("too long")), unsure);
        assert_eq!(kinds(|| SdkError::response_error("no XML", raw(200))), unsure);
        let never = (FaultKind::Rejected, FaultKind::Rejected);
        assert_eq!(kinds(|| SdkError::construction_failure("no region")), never);
    }

    #[test]
    fn a_fault_says_what_the_service_said_and_the_id_of_the_request() {
        let fault = answered(400, Some("ValidationError")).fault(Effect::Change, "alb", "ModifyRule");
        assert_eq!(
            fault.to_string(),
            "alb: ModifyRule: rejected: refused: ValidationError: words of the service \
             (request id-of-the-request)"
        );
    }

    #[test]
    fn what_others_write_is_cut_to_a_line() {
        let long = format!("one\ntwo{}", "x".repeat(1_000));
        let line = bounded(&long);
        assert_eq!(line.chars().count(), 401);
        assert!(line.starts_with("one two"));
    }
}
