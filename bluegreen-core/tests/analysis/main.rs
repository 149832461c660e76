//! The analysis from the outside: what it decides, and that it never decides without data.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what the tests share is not marked as a test, and a panic is how it fails"
)]

mod decisions;
mod foresight;
mod kinds;
mod missing;
mod planning;
mod specs;
mod states;
mod tempering;
mod traffic;
mod validity;
