#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod aws;
pub mod conformance;
pub mod damage;
#[cfg(feature = "digitalocean")]
pub mod digitalocean;
pub mod fakes;
#[cfg(feature = "simulation")]
pub mod invariants;
pub mod load;
pub mod loopback;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "simulation")]
pub mod simulation;

mod lock;
