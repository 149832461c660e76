//! Where numbers about a slot come from.

use std::fmt;

use async_trait::async_trait;

use crate::{Fault, Op, Slot};

/// A source of numbers about a slot: a scrape, Prometheus, CloudWatch, a command.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Metrics: fmt::Debug + Send + Sync {
    /// The value of a metric for a slot now, or `None` where there is no data. No data is not zero, and
    /// NaN is no data.
    ///
    /// # Errors
    /// [`Rejected`](crate::FaultKind::Rejected) when the source knows no metric of this name: that is
    /// a mistake in the plan, and is told before anything is touched.
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault>;
}
