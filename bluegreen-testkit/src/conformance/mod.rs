//! Suites that hold a plugin to the contract of its port.

pub(crate) mod around;
pub(crate) mod case;
mod dropped;
mod faults;
pub mod router;
pub mod store;

pub use around::{LONGEST_TEXT, ProviderFault};
pub use case::{CaseResult, Report, Unproven, prove};
