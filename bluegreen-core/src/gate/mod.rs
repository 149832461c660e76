//! Gates: HTTP, smoke scenarios, command, metric, and how many answers in a row decide.
//!
//! A [`GateSpec`] of a plan becomes a [`Gate`] by [`build`]; a [`Watch`] says when it is to be asked
//! and what its answers mean together.
#![doc = ""]
#![doc = include_str!("../../docs/smoke-tests.md")]

mod build;
mod command;
#[cfg(feature = "http")]
mod http;
mod metric;
#[cfg(feature = "http")]
mod scenario;
mod watch;

#[cfg(doc)]
use crate::{Gate, plan::GateSpec};

pub use build::{GateBuildError, GateParts, build};
pub use command::CommandGate;
#[cfg(feature = "http")]
pub use http::HttpGate;
#[cfg(feature = "http")]
pub(crate) use http::{own_client, shown};
pub use metric::MetricGate;
#[cfg(feature = "http")]
pub use scenario::ScenarioGate;
pub use watch::Watch;
