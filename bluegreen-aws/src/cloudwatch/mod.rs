//! Numbers of a slot from CloudWatch, and alarms as guards.
//!
//! CloudWatch is slow: metrics of load balancers have one point a minute, which is there a minute or two later. A
//! guard on them sees a bad release after two or three minutes; a [scrape](bluegreen_core::metrics) sees it after
//! seconds.
//!
//! # When there is no data
//!
//! No data is not zero, but for counts that CloudWatch documents to be [left out when they are
//! zero](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html).
//! Whether one is left out because it is zero, or because nothing is measured, is told by another metric of the same
//! time: failed requests are 0 where there were requests, requests of a group are 0 where the balancer had some.
//! Where that has no data either, there is none.

mod alarms;
mod measure;
mod query;
mod source;
mod traffic;

pub use self::alarms::AlarmGate;
pub use self::measure::{InvalidMeasure, Measure, Stat, TargetGroups};
pub use self::source::CloudWatch;
pub use self::traffic::RequestCounts;

use crate::Rate;
use crate::account::Service;

/// `GetMetricData` takes [50 a second](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html),
/// `DescribeAlarms` 9.
const SERVICE: Service = Service {
    provider: "cloudwatch",
    signed_as: "monitoring",
    rate: Rate::a_second(8),
};
