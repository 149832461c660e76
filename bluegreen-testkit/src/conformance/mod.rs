//! Suites that hold a plugin to the contract of its port.

pub(crate) mod around;
pub(crate) mod case;
mod dropped;
mod faults;
mod hostile;

pub mod approver;
pub mod gate;
pub mod host;
pub mod metrics;
pub mod migrator;
pub mod notifier;
pub mod observer;
pub mod router;
pub mod store;
pub mod workers;

pub use around::{LONGEST_TEXT, ProviderFault};
pub use case::{CaseResult, Report, Unproven, prove};
