//! Application Load Balancers, over the fake of the test kit.

#![cfg(feature = "alb")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;
mod comparison;
mod conformance;
mod deployment;
mod traps;
