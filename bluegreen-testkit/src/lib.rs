#![doc = include_str!("../README.md")]

pub mod conformance;
pub mod fakes;
pub mod load;
pub mod loopback;
#[cfg(feature = "model")]
pub mod model;

mod lock;
