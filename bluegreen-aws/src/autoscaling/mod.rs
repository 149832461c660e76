//! Auto Scaling: the size of a slot.
//!
//! Machines take minutes to come, and a slot that is asked to take all traffic with a third of the machines breaks
//! under it. So the idle slot is brought to the size of the live one before anything is deployed to it, and how many
//! machines are *in service* is what the check before the cutover compares.

mod group;
mod host;

use crate::account::{Rate, Service};

pub use host::AutoScalingHost;

/// What of the service the account needs to know.
const SERVICE: Service = Service {
    provider: "autoscaling",
    signed_as: "autoscaling",
    rate: Rate::a_second(5),
};
