//! One call to a port, and the requests that it consists of.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, Fault, FaultKind, Monotonic, Op};

use super::budget::{Budget, Urgency};
use super::fault::{Effect, SdkFailure};

/// A call to a port under way: it has a deadline, and names for its faults.
#[derive(Debug)]
pub(crate) struct Call {
    clock: Arc<dyn Clock>,
    budget: Arc<Budget>,
    urgency: Urgency,
    provider: &'static str,
    resource: String,
    began: Monotonic,
    given: Duration,
}

impl Call {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        budget: Arc<Budget>,
        op: &Op,
        urgency: Urgency,
        provider: &'static str,
        resource: String,
    ) -> Self {
        // The deployer drops what takes longer than the budget; ending before says why.
        let margin = (op.budget / 20).min(Duration::from_millis(250));
        Self {
            began: clock.monotonic(),
            clock,
            budget,
            urgency,
            provider,
            resource,
            given: op.budget.saturating_sub(margin),
        }
    }

    /// What is left of its time.
    pub(crate) fn left(&self) -> Duration {
        self.given
            .saturating_sub(self.clock.monotonic().since(self.began))
    }

    /// Waits, and says whether there is time for another request after that.
    pub(crate) async fn pause(&self, span: Duration) -> bool {
        if self.left() <= span {
            return false;
        }
        self.clock.sleep(span).await;
        true
    }

    /// A request that only reads: sending it again does no harm. `operation` is its name in the API.
    pub(crate) fn read<T, E: SdkFailure>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, Fault>> {
        // The SDK's requests are large: in a box, whoever waits for them is not.
        self.send(operation, Effect::None, Box::pin(request))
    }

    /// A request that changes something.
    pub(crate) fn change<T, E: SdkFailure>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, Fault>> {
        self.send(operation, Effect::Change, Box::pin(request))
    }

    async fn send<T, E: SdkFailure>(
        &self,
        operation: &'static str,
        effect: Effect,
        request: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, Fault> {
        while let Err(wait) = self.budget.take(&*self.clock, self.urgency) {
            if !self.pause(wait).await {
                let kind = FaultKind::Unavailable {
                    retry_after: Some(wait),
                };
                let message = "not sent: so many requests are not sent a second";
                return Err(self.fault(kind, operation, message));
            }
        }
        let left = self.left();
        if left.is_zero() {
            let message = format!("not sent: the {:?} of this call are over", self.given);
            return Err(self.fault(FaultKind::Unavailable { retry_after: None }, operation, message));
        }
        tracing::debug!(
            provider = self.provider,
            operation,
            resource = self.resource,
            "request"
        );
        tokio::select! {
            biased;
            answer = request => answer.map_err(|error| {
                error.fault(effect, self.provider, operation).on(self.resource.clone())
            }),
            () = self.clock.sleep(left) => {
                Err(self.fault(effect.when_unsure(), operation, format!("no answer within {left:?}")))
            }
        }
    }

    /// A fault of this call.
    pub(crate) fn fault(
        &self,
        kind: FaultKind,
        operation: &'static str,
        message: impl Into<String>,
    ) -> Fault {
        Fault::new(kind, self.provider, operation, message).on(self.resource.clone())
    }

    /// Nothing that sending again could change: says what is wrong.
    pub(crate) fn unfit(&self, operation: &'static str, what: impl Into<String>) -> Fault {
        self.fault(FaultKind::Rejected, operation, what)
    }
}
