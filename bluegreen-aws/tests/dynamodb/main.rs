//! The store in DynamoDB: over the fake in virtual time, and over moto.

#![cfg(feature = "dynamodb")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod fake;
mod moto;
