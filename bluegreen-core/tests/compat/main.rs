//! Records of every format that was ever written resume under this version, with the same command.
//!
//! A folder for each format holds records as they stand in the files of a store: one for each moment that
//! an operation can be in, beside it what the world was like then, which command this is, and how the
//! operation ends; and a report, as the history keeps it. They are never changed; a version that reads
//! them no more breaks its users' open deployments. When a version adds a moment,
//! `every_moment_has_its_record` says which, and
//!
//! ```sh
//! BLUEGREEN_WRITE_RECORDS=1 cargo test -p bluegreen-core --test compat
//! ```
//!
//! writes those that are missing, and none that are there. A new format gets a folder of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod kept;
mod moments;
mod read;
mod recorder;
mod refused;
mod resume;

#[path = "../deployer/world.rs"]
#[expect(dead_code, reason = "the tests of the deployer use more of it")]
mod world;
