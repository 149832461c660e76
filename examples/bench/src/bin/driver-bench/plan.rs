//! The plan that is measured.

use bluegreen_core::Plan;

use crate::Failure;

/// What the plan is, for people.
pub(crate) const DESCRIPTION: &str = "\
Plan: 5, 25, 50 and 100 %, each baked for 30 s; one health gate (every 10 s) and one guard (every 10 s)
in code; no soak after the last step; lease, deadlines and retries as they are by default (held for 30 s,
renewed every 10 s, operators listened to every second).
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

pub(crate) fn stated() -> Result<Plan, Failure> {
    Ok(Plan::from_toml(TEXT)?)
}

/// The same with the soak that a plan has by default.
pub(crate) fn with_soak() -> Result<Plan, Failure> {
    Ok(Plan::from_toml(
        &TEXT.replace("time = \"0s\"", "time = \"300s\""),
    )?)
}
