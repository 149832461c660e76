//! The source of numbers.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use bluegreen_core::{Fault, Metrics, Op, Slot};

use super::measure::{Measure, Reading};
use super::query::{Points, Span};
use super::{SERVICE, query};
use crate::account::{Account, Urgency, bounded};

/// A source of numbers from CloudWatch, for thresholds, each under the name that plans use.
///
/// ```
/// use bluegreen_aws::Account;
/// use bluegreen_aws::cloudwatch::{CloudWatch, Measure, Stat};
/// # let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
///
/// let jobs = Measure::metric(
///     "Shop",
///     "JobsWaiting",
///     [("Fleet", "shop-blue", "shop-green")],
///     Stat::Maximum,
/// )?;
/// let source = CloudWatch::new(&Account::new(&config)).metric("jobs", jobs);
/// # drop(source);
/// # Ok::<(), bluegreen_aws::cloudwatch::InvalidMeasure>(())
/// ```
#[derive(Clone)]
pub struct CloudWatch {
    account: Account,
    client: Client,
    metrics: BTreeMap<String, Measure>,
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch")
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

impl CloudWatch {
    /// A source that knows no metric yet.
    #[must_use]
    pub fn new(account: &Account) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            metrics: BTreeMap::new(),
        }
    }

    /// With a metric under the name that plans use.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, measure: Measure) -> Self {
        self.metrics.insert(name.into(), measure);
        self
    }
}

#[async_trait]
impl Metrics for CloudWatch {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let resource = format!("metric {} of {slot}", bounded(metric));
        let call = self.account.begin(op, Urgency::Routine, SERVICE, resource);
        let Some(measure) = self.metrics.get(metric) else {
            return Err(call.unfit("read", "this source knows no metric of this name"));
        };
        let now = self.account.time().now().as_millis().div_euclid(1_000);
        let span = Span::before(now, measure);
        let rows = query::rows(&call, &self.client, &measure.rows(), slot, span).await?;
        let first = rows.first();
        let total = first.and_then(Points::total);
        let beside = rows.get(1).and_then(Points::total).filter(|count| *count > 0.0);
        Ok(match &measure.reading {
            Reading::Newest(_) => first.and_then(Points::newest),
            Reading::Total(_) => total,
            // Left out when it is zero: the other row tells whether anything was measured.
            Reading::Count(..) => total.or(beside.map(|_| 0.0)),
            Reading::Share(..) => beside.map(|whole| total.unwrap_or(0.0) / whole),
        })
    }
}
