//! Commands as parts: hosts, migrators, workers, notifiers, gates and hooks that run a program.
//!
//! - [`CommandSpec`] is what a plan says: arguments with placeholders, never a shell.
//! - [`Values`] and [`Secrets`] fill it in.
//! - [`CommandHost`], [`CommandMigrator`], [`CommandWorkers`], [`CommandNotifier`] and [`CommandHook`]
//!   run it.
//!
//! # What a command may rely on
//! - It inherits the environment of the process that deploys, and gets the variables of its spec beside it.
//! - It leads a process group of its own. At its time limit, or when nobody waits for it any more, the
//!   group gets SIGTERM, and five seconds later (a fifth of its time, if that is less; half a second for gates) SIGKILL.
//! - Nothing can be read from its standard input. Its output is read to the end however much it is; of
//!   each stream the first 2 and the last 6 KiB are kept, with the values of secrets replaced by `***`.
//!
//! # What is asked of it
//! - It is an *ensure*: run twice it leaves the same world as once.
//! - Exit code 0: done. 75 (`EX_TEMPFAIL` of `sysexits.h`): nothing was done, try again. Any other: it
//!   will not work. Where a part reads more from the code, its own page says so.
//! - What it leaves running must let go of its standard input, output and error, as with any command
//!   that is run by ssh or by a CI job: the input is the lock file that tells the next deployer that
//!   a command of its predecessor is still at work.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{HeaderValue, humane_option};

mod capture;
mod context;
mod fault;
mod forms;
mod hook;
mod host;
mod lock;
mod migrator;
mod notifier;
mod plain;
mod process;
mod redact;
mod secrets;
mod values;
mod workers;

pub use context::CommandContext;
pub(crate) use fault::{Effect, check, could_not_start};
pub use hook::CommandHook;
pub use host::{CommandHost, CommandHostSpec};
pub use migrator::{CommandMigrator, CommandMigratorSpec};
pub use notifier::CommandNotifier;
pub(crate) use process::{End, Finished, Limits, run};
pub use secrets::Secrets;
pub use values::{ExpandError, Invocation, Values};
pub use workers::{CommandWorkers, CommandWorkersSpec};

/// A program to run: arguments with placeholders, never a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CommandSpec {
    /// The program and its arguments. Each may hold placeholders; a value stays one argument
    /// whatever characters it holds.
    pub run: Vec<String>,
    /// Variables for its environment, with placeholders. A secret is named, not written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, HeaderValue>,
    /// The folder in which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// How long it may take; then its whole process group is ended. Left out: the phase's deadline.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub timeout: Option<Duration>,
}

impl CommandSpec {
    /// A program with its arguments.
    ///
    /// ```
    /// use bluegreen_core::command::CommandSpec;
    ///
    /// let migrate = CommandSpec::new(["php", "artisan", "migrate", "--force"]).dir("/srv/shop-{slot}");
    /// assert_eq!(migrate.run.len(), 4);
    /// ```
    pub fn new<T: Into<String>>(run: impl IntoIterator<Item = T>) -> Self {
        Self {
            run: run.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            dir: None,
            timeout: None,
        }
    }

    /// With a variable for its environment; may hold placeholders.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), HeaderValue::Text(value.into()));
        self
    }

    /// With a variable whose value is a secret, by the secret's name.
    #[must_use]
    pub fn secret_env(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        self.env.insert(name.into(), HeaderValue::Secret { secret });
        self
    }

    /// With the folder in which it runs; may hold placeholders.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<String>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// With a time limit of its own.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
