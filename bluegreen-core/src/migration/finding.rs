//! What the rules say of a migration.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::effect::Hold;
use super::source::Span;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Others wait for a lock, longer than a moment.
    Blocking,
    /// The old release no longer reads or writes on the new schema.
    Backward,
    /// The new release does not work on the old schema.
    Forward,
    /// Data is lost.
    DataLoss,
    /// It cannot be run, run twice, or interrupted.
    Hygiene,
    /// A matter of taste, off by default.
    Style,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not told at all.
    Off,
    /// Worth a thought; the migration is safe all the same.
    Warning,
    /// What it does could not be understood.
    Unknown,
    /// Not to be run while two releases use the database.
    Unsafe,
}

/// One thing that a rule says of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of the rule.
    pub rule: String,
    /// What it is about.
    pub kind: Kind,
    /// How much it weighs.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// The line, from 1.
    pub line: usize,
    /// What happens, and to whom.
    pub message: String,
    /// What to write instead, as SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<String>,
    /// The lock that decides, and what is done under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Hold>,
    /// How many rows the table has for whose length others wait, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Why it is let through, when a comment allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

impl Finding {
    /// Whether it keeps the migration from being safe.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.allowed.is_none() && self.severity >= Severity::Unknown
    }
}

/// Whether a migration can run while two releases use the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It can.
    Safe,
    /// It holds a statement that was not understood: refused, never taken for safe.
    Unknown,
    /// It cannot.
    Unsafe,
}

impl Verdict {
    /// The verdict that some findings give.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        findings
            .into_iter()
            .filter(|finding| finding.counts())
            .fold(Self::Safe, |verdict, finding| {
                verdict.max(if finding.severity == Severity::Unsafe {
                    Self::Unsafe
                } else {
                    Self::Unknown
                })
            })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Safe => "safe",
            Self::Unknown => "unknown",
            Self::Unsafe => "unsafe",
        })
    }
}
