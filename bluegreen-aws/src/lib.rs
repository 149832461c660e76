#![cfg_attr(feature = "alb", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "alb"),
    doc = "AWS providers for `bluegreen-core`. See the README."
)]

#[cfg_attr(
    not(all(
        feature = "alb",
        feature = "autoscaling",
        feature = "cloudwatch",
        feature = "codedeploy",
        feature = "dynamodb",
        feature = "ecr",
        feature = "logs",
        feature = "rds",
        feature = "route53",
        feature = "ssm"
    )),
    allow(dead_code, unused_imports, reason = "each service needs a part of it")
)]
mod account;
#[cfg(feature = "alb")]
pub mod alb;
#[cfg(feature = "autoscaling")]
pub mod autoscaling;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
#[cfg(feature = "codedeploy")]
pub mod codedeploy;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "ecr")]
pub mod ecr;
#[cfg(feature = "logs")]
pub mod logs;
mod per_slot;
#[cfg(feature = "rds")]
pub mod rds;
#[cfg(feature = "route53")]
pub mod route53;
#[cfg(feature = "ssm")]
pub mod ssm;

pub use account::{Account, Rate};
pub use per_slot::PerSlot;
