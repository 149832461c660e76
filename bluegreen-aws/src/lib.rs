#![cfg_attr(feature = "alb", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "alb"),
    doc = "AWS providers for `bluegreen-core`. See the README."
)]

mod account;
#[cfg(feature = "alb")]
pub mod alb;
mod per_slot;

pub use account::{Account, Rate};
pub use per_slot::PerSlot;
