//! A small port, as an embedding program would write its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bluegreen_core::{Assignment, Fault, MigrationPhase, Migrator, Op, Slot, Workers};

/// Workers that look into a file before they take a job: it names the slot whose turn it is.
#[derive(Debug)]
pub(crate) struct ClaimFile {
    path: PathBuf,
}

impl ClaimFile {
    /// The file in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("workers"),
        }
    }

    /// Who may take jobs now.
    pub(crate) fn claiming(&self) -> io::Result<Option<Slot>> {
        Ok(fs::read_to_string(&self.path)?.parse().ok())
    }

    /// Lets one slot take jobs, or nobody.
    pub(crate) fn set(&self, slot: Option<Slot>) -> io::Result<()> {
        write_whole(&self.path, slot.map_or("nobody", Slot::as_str).as_bytes())
    }
}

#[async_trait]
impl Workers for ClaimFile {
    async fn quiesce(&self, _: &Op, slot: Slot) -> Result<(), Fault> {
        let now = self.claiming().map_err(not_done("quiesce"))?;
        if now == Some(slot) {
            self.set(None).map_err(not_done("quiesce"))?;
        }
        Ok(())
    }

    async fn start(&self, _: &Op, slot: Slot) -> Result<(), Fault> {
        self.set(Some(slot)).map_err(not_done("start"))
    }

    async fn depth(&self, _: &Op) -> Result<Option<u64>, Fault> {
        Ok(Some(0))
    }
}

/// Runs no migration: there is no database here. They are read all the same.
#[derive(Debug)]
pub(crate) struct NoDatabase;

#[async_trait]
impl Migrator for NoDatabase {
    async fn migrate(&self, _: &Op, phase: MigrationPhase, release: &Assignment) -> Result<String, Fault> {
        Ok(format!(
            "here the {phase} migrations of {} would run",
            release.release
        ))
    }
}

/// A file is replaced whole or not at all, so an error means that nothing has changed.
fn not_done(operation: &'static str) -> impl FnOnce(io::Error) -> Fault {
    move |error| Fault::unavailable("claim file", operation, error.to_string()).caused_by(error)
}

/// Replaces a file, so that a reader sees the old content or the new, and nothing between.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    fs::rename(new, path)
}
