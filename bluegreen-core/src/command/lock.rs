//! The lock that a command holds while it runs, whoever else dies.
//!
//! The lock file is locked by the deployer and given to the command as its standard input. The lock
//! belongs to the open file, so it is held as long as any process has that file open: the command and
//! what it started, also after `kill -9` of the deployer. Nothing has to clean up.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::{Clock, SystemClock};

/// How often a lock that is held is tried again.
const POLL: Duration = Duration::from_millis(100);

/// A lock that is held.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
}

/// Why a lock is not held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// A command of a predecessor is still at work.
    #[error(
        "a command that was started before is still running ({holder}), and {} stayed locked for {waited:?}: wait for \
         it or end it; if it is a service that it left behind, let that be started with its standard input closed",
        path.display()
    )]
    Busy {
        path: PathBuf,
        holder: String,
        waited: Duration,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {}: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

impl Held {
    /// Takes the lock, and waits for it no longer than `patience`.
    pub(super) async fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable {
            path: path.to_owned(),
            source,
        };
        let file = open(path).map_err(unusable)?;
        let clock = SystemClock::new();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            let waited = clock.monotonic().0;
            if waited >= patience {
                let holder = holder(path);
                return Err(LockError::Busy {
                    path: path.to_owned(),
                    holder,
                    waited,
                });
            }
            clock.sleep(POLL.min(patience.saturating_sub(waited))).await;
        }
        file.set_len(0).map_err(unusable)?;
        Ok(Self { file })
    }

    /// What the command gets as its standard input: reading it, it finds nothing or its own pid.
    pub(super) fn as_stdin(&self) -> io::Result<Stdio> {
        self.file.try_clone().map(Stdio::from)
    }

    /// Writes down who holds it, for those who wait, and leaves it to the command alone.
    pub(super) fn hand_over(mut self, pid: u32, what: &str) {
        // For people only: when it cannot be written, the lock holds all the same.
        let _ = writeln!(self.file, "pid {pid}, {what}");
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .append(true)
        .open(path)
}

fn holder(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    match text.lines().next() {
        Some(line) => line.chars().take(200).collect(),
        None => "pid unknown".to_owned(),
    }
}
