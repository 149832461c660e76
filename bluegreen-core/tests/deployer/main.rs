//! The deployer with fakes for everything around it, on virtual time. Each test is named for a
//! promise or a fault.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what the tests share is not marked as a test, and a panic is how it fails"
)]

mod analysed;
mod back;
#[cfg(feature = "http")]
mod client;
mod crash;
mod faults;
mod foretold;
mod forward;
mod held;
mod hooks;
mod learned;
mod operators;
mod traffic;
mod world;
