//! What a fault says of its effect, the same for all ports.

use std::pin::Pin;
use std::time::Duration;

use bluegreen_core::{Fault, FaultKind};

use super::around::{Around, ProviderFault};
use super::case::{CaseResult, hold};

/// A call that has not begun, with its name.
pub(super) type Call<'a> = (
    &'static str,
    Pin<Box<dyn Future<Output = Result<(), Fault>> + 'a>>,
);

/// Makes a [`Call`] of a call.
pub(super) fn call<'a, T>(name: &'static str, call: impl Future<Output = Result<T, Fault>> + 'a) -> Call<'a> {
    (name, Box::pin(async move { call.await.map(drop) }))
}

pub(super) async fn refused(around: &Around, calls: Vec<Call<'_>>) -> CaseResult {
    around.inject(ProviderFault::Refused).await?;
    for (name, call) in calls {
        let fault = around.fault(name, call).await?;
        let is_unavailable = matches!(fault.kind, FaultKind::Unavailable { .. });
        hold!(
            is_unavailable,
            "{name} met a refused connection and says {:?}: {fault}",
            fault.kind
        );
    }
    around.heal().await
}

pub(super) async fn rejected(around: &Around, calls: Vec<Call<'_>>) -> CaseResult {
    around.inject(ProviderFault::Rejected).await?;
    for (name, call) in calls {
        let fault = around.fault(name, call).await?;
        let kind = fault.kind;
        hold!(
            kind == FaultKind::Rejected,
            "{name} was refused and says {kind:?}: {fault}"
        );
    }
    around.heal().await
}

/// A wait that no plugin has by chance.
const RETRY_AFTER: Duration = Duration::from_secs(7);

pub(super) async fn throttled(around: &Around, calls: Vec<Call<'_>>) -> CaseResult {
    let retry_after = RETRY_AFTER;
    around.inject(ProviderFault::Throttled { retry_after }).await?;
    for (name, call) in calls {
        let fault = around.fault(name, call).await?;
        let asked = Some(retry_after);
        hold!(
            fault.kind == FaultKind::Unavailable { retry_after: asked },
            "{name} was told to wait for {retry_after:?} and says {:?}: {fault}",
            fault.kind
        );
    }
    around.heal().await
}

/// The cases about faults that are the same for all ports: of a subject, and a function that makes one
/// [`Call`] of each operation.
macro_rules! fault_cases {
    ($Subject:ident, $calls:ident) => {
        $crate::conformance::faults::refusal_case!($Subject, $calls);

        /// A connection that is refused is `Unavailable`: nothing was sent, it may be tried again.
        pub async fn a_refused_connection_is_unavailable(subject: &$Subject) -> CaseResult {
            super::faults::refused(&subject.around, $calls(subject)).await
        }
    };
}
pub(super) use fault_cases;

/// The case about a refused request.
macro_rules! refusal_case {
    ($Subject:ident, $calls:ident) => {
        /// A request that the provider refuses is `Rejected`: trying again is useless.
        pub async fn a_refused_request_is_rejected(subject: &$Subject) -> CaseResult {
            super::faults::rejected(&subject.around, $calls(subject)).await
        }
    };
}
pub(super) use refusal_case;

/// The case about throttling, for the ports whose faults carry a wait.
macro_rules! throttling_case {
    ($Subject:ident, $calls:ident) => {
        /// Throttling is `Unavailable`, with the wait that the provider asks for, so that the one who
        /// retries can keep to it.
        pub async fn throttling_is_unavailable_with_its_wait(subject: &$Subject) -> CaseResult {
            super::faults::throttled(&subject.around, $calls(subject)).await
        }
    };
}
pub(super) use throttling_case;
