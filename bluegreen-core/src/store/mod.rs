//! Stores: in memory and in files.
//!
//! - [`MemoryStore`]: for tests and for trying things out; nothing outlives the process.
//! - [`FileStore`]: one folder on one machine; survives crashes of the process and of the machine,
//!   and several processes may use it at once.
//!
//! Where several machines deploy one service, they need a store that all of them reach.

mod envelope;
mod file;
mod folder;
pub mod key;
mod memory;

pub use file::FileStore;
pub use memory::MemoryStore;
