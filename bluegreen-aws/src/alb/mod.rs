//! Application Load Balancers: the [router](AlbRouter) in weighted target groups, and the
//! [health](AlbHealthGate) of the targets behind them.
//!
//! Two target groups stay for ever, one a slot; a deployment moves the weights between them. Groups are never
//! created or deleted, and targets are registered by whoever runs the releases.
//!
//! ```
//! use bluegreen_aws::alb::{AlbRouter, Groups};
//! # use bluegreen_aws::Account;
//!
//! # fn router(account: &Account) -> Result<AlbRouter, Box<dyn std::error::Error>> {
//! let groups = Groups::new(
//!     "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-blue/73e2d6bc24d8a067",
//!     "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-green/943f017f100becff",
//! )?;
//! // Every listener and rule that forwards to either group, on the balancers that use them.
//! let router = AlbRouter::between(account, groups).build();
//! # Ok(router)
//! # }
//! ```

mod arn;
mod build;
mod finished;
mod forward;
mod health;
mod places;
mod probe;
mod router;
mod stickiness;
mod traffic;
mod verify;

use std::time::Duration;

use crate::account::{Rate, Service};

pub use arn::{Groups, InvalidArn};
pub use build::AlbRouterBuilder;
pub use health::AlbHealthGate;
pub use probe::{InvalidProbe, Marker, SlotProbe};
pub use router::AlbRouter;
pub use stickiness::Stickiness;
pub use traffic::{Counted, TrafficCounts};

/// How balancers are spoken of here. The service documents no numbers for its API that hold for all accounts; ten
/// requests a second are far above what a deployment sends and leave most of the known buckets to others.
const SERVICE: Service = Service {
    provider: "alb",
    signed_as: "elasticloadbalancing",
    rate: Rate::a_second(10).burst(20).keep(8),
};

/// How long a change that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);

/// Until when all nodes of a balancer go by a change. The service promises nothing; seconds are usual.
const PROPAGATION: Duration = Duration::from_secs(30);
