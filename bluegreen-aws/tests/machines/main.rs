//! What runs on machines: CodeDeploy, Auto Scaling, Systems Manager, and the databases and images beside them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod autoscaling;
mod codedeploy;
mod conformance;
mod deployment;
mod ecr;
mod rds;
mod ssm;
mod wire;
mod world;
