//! The plan that is measured.

use bluegreen_core::Plan;

use crate::Failure;

/// What the plans are, for people.
pub(crate) const DESCRIPTION: &str = "\
Plan: 5, 25, 50 and 100 %; one health gate and one guard in code, each asked when a step begins and every
10 s; no soak after the last step; lease, deadlines and retries as they are by default (held for 30 s,
renewed every 10 s, operators listened to every second). Once without bakes, which is the driver's work
alone, and once with bakes of 30 s, in which it watches the gates, renews and listens.
Each deployment has a service, a MemoryStore and ports of its own; its deployer is built and dropped with it.";

const TEXT: &str = r#"
service = "shop"
soak = { time = "0s" }
steps = [
    { weight = "5%", bake = "0s" },
    { weight = "25%", bake = "0s" },
    { weight = "50%", bake = "0s" },
    { weight = "100%", bake = "0s" },
]
[[health]]
name = "health"
code = true
period = "10s"
[[guards]]
name = "errors"
code = true
period = "10s"
"#;

pub(crate) fn without_bakes() -> Result<Plan, Failure> {
    Ok(Plan::from_toml(TEXT)?)
}

pub(crate) fn with_bakes() -> Result<Plan, Failure> {
    Ok(Plan::from_toml(&TEXT.replace("bake = \"0s\"", "bake = \"30s\""))?)
}
