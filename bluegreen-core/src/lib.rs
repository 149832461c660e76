#![doc = include_str!("../README.md")]

pub mod analysis;
pub mod command;
pub mod deployer;
pub mod gate;
pub mod lifecycle;
pub mod metrics;
pub mod migration;
pub mod plan;
pub mod port;
pub mod retry;
pub mod store;

mod clock;
mod fault;
mod op;
mod release;
mod slot;
mod split;
mod text;

pub use clock::{Clock, Monotonic, SystemClock, Timestamp};
pub use deployer::{DeployError, Deployer, DeployerBuilder, Report, Request, Status, WayBack};
pub use fault::{Fault, FaultKind};
pub use lifecycle::{DeploymentId, Entry, Event, Health, Operation, Phase, Signed};
pub use op::{Op, Token};
pub use plan::Plan;
pub use port::*;
pub use release::{InvalidName, Release, ServiceName, Version};
pub use retry::RetryPolicy;
pub use slot::{InvalidSlot, Role, Slot};
pub use split::{InvalidShare, Share, Split};

/// The examples of the workspace's README are built with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
