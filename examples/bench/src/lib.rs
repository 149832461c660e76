//! What the programs of this package share: private servers on loopback, and what clients saw of them.

pub mod nginx;
pub mod private;
mod seen;

pub use seen::{Seen, SeenKind};

/// Whatever keeps a program from going on.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
