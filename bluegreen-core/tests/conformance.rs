//! The parts of this crate keep the contracts of their ports, with real processes and connections: the
//! suites of the test kit. (Its stores are examined there.)
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod conformance {
    mod commands;
    mod gates;
}
