//! How many requests a target group was sent since a moment: whether a split is live shows in it.

use std::fmt;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use bluegreen_core::{Fault, Op, Slot, Timestamp};

use super::measure::{InvalidMeasure, TargetGroups, requests};
use super::query::{Points, Span, rows};
use super::{SERVICE, measure::MINUTE};
use crate::account::{Account, Urgency};

/// Counts the requests that a balancer sends to target groups, in whole minutes.
///
/// CloudWatch leaves out what is zero, and publishes a minute one or two minutes after it was over. What a group was
/// sent is therefore known up to the last minute in which the *balancer* has a number.
#[derive(Clone)]
pub struct RequestCounts {
    account: Account,
    client: Client,
    balancer: String,
}

impl fmt::Debug for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestCounts")
            .field("balancer", &self.balancer)
            .finish_non_exhaustive()
    }
}

/// No more is asked for at once, so that the answer has a bound.
const LONGEST: Duration = Duration::from_hours(3);

impl RequestCounts {
    /// Of the groups of a balancer, given by its ARN.
    #[must_use]
    pub fn new(account: &Account, balancer: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            balancer: balancer.into(),
        }
    }

    /// How many requests a group, given by its ARN, was sent in the whole minutes that begin at `from` or later and
    /// have ended, and the end of the last of them. `None` while there is no such minute, or nothing is known of it
    /// yet: that is not zero. Of a time longer than three hours, the last three are counted.
    ///
    /// # Errors
    /// When an ARN is that of something else, or CloudWatch cannot be asked.
    pub async fn requests_since(
        &self,
        op: &Op,
        group: &str,
        from: Timestamp,
    ) -> Result<Option<(u64, Timestamp)>, Fault> {
        let call = self.account.begin(op, Urgency::Rollback, SERVICE, group);
        let groups = TargetGroups::new(&self.balancer, group, group);
        let groups =
            groups.map_err(|error: InvalidMeasure| call.unfit("GetMetricData", error.to_string()))?;
        let (of_group, of_balancer) = requests(&groups);
        let minute = i64::from(MINUTE);
        let now = self.account.time().now().as_millis().div_euclid(1_000);
        let end = now - now.rem_euclid(minute);
        let from = from.as_millis().div_euclid(1_000) + i64::from(from.as_millis().rem_euclid(1_000) > 0);
        let begun = from + (-from).rem_euclid(minute);
        let start = begun.max(end - i64::try_from(LONGEST.as_secs()).unwrap_or(end));
        if start >= end {
            return Ok(None);
        }
        let asked = [&of_group, &of_balancer];
        let found = rows(&call, &self.client, &asked, Slot::Blue, Span { start, end }).await?;
        let counted = found.first().and_then(Points::total).unwrap_or(0.0);
        let known = found.iter().filter_map(Points::newest_second).max();
        Ok(known.map(|newest| (whole(counted), Timestamp::from_millis((newest + minute) * 1_000))))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, and what is beyond either end becomes that end"
)]
const fn whole(count: f64) -> u64 {
    count as u64
}

/// `verify` of the router on load balancers, where no address is given to ask.
#[cfg(feature = "alb")]
#[async_trait::async_trait]
impl crate::alb::TrafficCounts for RequestCounts {
    async fn since(
        &self,
        op: &Op,
        group: &str,
        from: Timestamp,
    ) -> Result<Option<crate::alb::Counted>, Fault> {
        let counted = self.requests_since(op, group, from).await?;
        Ok(counted.map(|(requests, until)| crate::alb::Counted::new(requests, until)))
    }
}
