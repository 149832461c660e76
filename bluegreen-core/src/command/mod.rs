//! Commands as parts: hosts, migrators, workers, gates and hooks that run a program.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::humane_option;

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
    pub env: BTreeMap<String, crate::plan::HeaderValue>,
    /// The folder in which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// How long it may take; then its whole process group is ended. Left out: the phase's deadline.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "humane_option")]
    pub timeout: Option<Duration>,
}
