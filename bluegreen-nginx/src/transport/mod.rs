//! How the machine that nginx runs on is reached: this one, or another by a command such as ssh.

mod answer;
mod command;
mod disk;
mod durable;
mod files;
mod local;
mod quote;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::NginxError;
use crate::fence::Claim;

pub use answer::Answer;
pub use command::CommandTransport;
pub use local::LocalTransport;

/// Reaches the machine that nginx runs on.
///
/// Everything that changes something goes through [`commit`](Self::commit), which compares tokens
/// under a lock on that machine and is all or nothing.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// The content of a small text file, or none where there is no such file.
    ///
    /// # Errors
    /// When it cannot be told.
    async fn read(&self, path: &Path) -> Result<Option<String>, NginxError>;

    /// Runs a program to its end and gives what it printed.
    ///
    /// # Errors
    /// [`NginxError::Program`] when it cannot be started or fails, with what it printed.
    async fn run(&self, argv: &[String]) -> Result<String, NginxError>;

    /// Asks addresses over HTTP from that machine, in order, on fresh connections. An answer of any
    /// status is an answer.
    ///
    /// # Errors
    /// When one of them does not answer.
    async fn get(&self, urls: &[String]) -> Result<Vec<Answer>, NginxError>;

    /// Takes the lock of the directory, compares the claim with the fence, makes the change durable,
    /// records the claim.
    ///
    /// # Errors
    /// [`NginxError::Lost`] when the change may have been made; every other error says that it was not.
    async fn commit(&self, commit: &Commit) -> Result<Committed, NginxError>;
}

/// A change under the lock of a directory.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The directory; its file `lock` is the lock, its file `fence` the fence.
    pub directory: PathBuf,
    /// Who acts. None: nothing is compared (installation).
    pub claim: Option<Claim>,
    /// What is changed.
    pub change: Change,
    /// How long the lock is waited for.
    pub patience: Duration,
}

/// What is changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// A folder with markers is prepared and made `current`.
    Switch(Folder),
    /// The same, and the folder is thrown away instead: whether a switch would work.
    Rehearse(Folder),
    /// Files are replaced where they differ, then a test is run, also when nothing differed (a call
    /// that died may have left untested files); when it fails, all files are put back.
    Files {
        /// The files.
        files: Vec<NewFile>,
        /// The program that judges them. Empty: nothing is run.
        test: Vec<String>,
    },
}

/// The content of a folder that holds a split.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The names of the marker files: the buckets that are green's.
    pub markers: Vec<String>,
    /// What the file `state` says after `generation=…`.
    pub state: String,
}

/// The new content of a file.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where.
    pub path: PathBuf,
    /// What. None: there shall be no such file.
    pub content: Option<SecretString>,
    /// Its permissions.
    pub mode: u32,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// Whether anything that nginx sees is different now.
    pub changed: bool,
    /// What was found that somebody else had changed, and was put right.
    pub repaired: Option<String>,
}

/// The files of a directory.
pub(crate) const LINK: &str = "current";
pub(crate) const SENTINEL: &str = "sentinel";
pub(crate) const STATE: &str = "state";
pub(crate) const FENCE: &str = "fence";
pub(crate) const LOCK: &str = "lock";
/// How many folders of earlier splits are kept beside the current one.
pub(crate) const KEPT: usize = 4;
