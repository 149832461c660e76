#![cfg_attr(feature = "alb", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "alb"),
    doc = "AWS providers for `bluegreen-core`. See the README."
)]

mod account;
#[cfg(feature = "alb")]
pub mod alb;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "logs")]
pub mod logs;
mod per_slot;
#[cfg(feature = "route53")]
pub mod route53;

pub use account::{Account, Rate};
pub use per_slot::PerSlot;
