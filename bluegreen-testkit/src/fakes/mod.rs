//! A fake of every port.
//!
//! Each fake is a handle that can be cloned: give one clone to the code under test, keep the other.
//! It does what the port's contract says, at once and without fault, until a *script* says otherwise:
//! a queue of [`Behaviour`]s for each operation, one taken from its front with each call. All fakes
//! that are made with the same [`CallLog`] write their calls into it, in their global order, and take
//! the time from its clock.
//!
//! ```
//! use std::time::Duration;
//!
//! use bluegreen_core::{FaultKind, Op, Router, Slot, Split, Token};
//! use bluegreen_testkit::fakes::{Behaviour, CallLog, FakeRouter, RouterCall};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), bluegreen_core::Fault> {
//! let log = CallLog::default();
//! let router = FakeRouter::new("edge", &log);
//! router.script(RouterCall::Shift, [Behaviour::ApplyThenFault(FaultKind::Unknown)]);
//!
//! let op = Op::new(Token { epoch: 1, seq: 1 }, "1-shift", Duration::from_secs(5));
//! router.stage(&op, Slot::Green).await?;
//! let lost = router.shift(&op, Split::all(Slot::Green)).await.unwrap_err();
//!
//! assert_eq!(lost.kind, FaultKind::Unknown, "the answer was lost");
//! assert_eq!(router.held(), Split::all(Slot::Green), "but it was applied");
//! assert_eq!(log.lines(), ["router edge: stage green", "router edge: shift green 100%"]);
//! # Ok(())
//! # }
//! ```

mod approver;
mod call_log;
mod gate;
mod hook;
mod host;
mod metrics;
mod migrator;
mod notifier;
mod observer;
mod router;
mod script;
mod scripted;
mod store;
mod workers;

pub use approver::*;
pub use call_log::*;
pub use gate::*;
pub use hook::*;
pub use host::*;
pub use metrics::*;
pub use migrator::*;
pub use notifier::*;
pub use observer::*;
pub use router::*;
pub use script::Behaviour;
pub use store::*;
pub use workers::*;
