//! What the deployer needs from the outside, one trait a file. Providers implement them.
//!
//! All of them are used as `Arc<dyn Trait>`. Every mutating call is an *ensure*: called twice with
//! the same arguments it leaves the same world as once. A call that is dropped in the middle leaves
//! either the old or the new state. An error says through [`FaultKind`](crate::FaultKind) what is
//! known of the effect; what is not classified is `Unknown`.

mod approver;
mod gate;
mod hook;
mod host;
mod metrics;
mod migrator;
mod notifier;
mod observer;
mod router;
mod store;
mod workers;

pub use approver::*;
pub use gate::*;
pub use hook::*;
pub use host::*;
pub use metrics::*;
pub use migrator::*;
pub use notifier::*;
pub use observer::*;
pub use router::*;
pub use store::*;
pub use workers::*;
