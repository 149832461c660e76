//! A check with a verdict.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Fault, Op, Release, ServiceName, Slot, Split};

/// What a gate is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateContext {
    /// The service.
    pub service: ServiceName,
    /// The slot that is judged.
    pub slot: Slot,
    /// What runs there, as far as the record knows.
    pub release: Option<Release>,
    /// The split at the moment.
    pub split: Split,
}

impl GateContext {
    /// A context. The deployer makes them; tests do too.
    #[must_use]
    pub const fn new(service: ServiceName, slot: Slot, release: Option<Release>, split: Split) -> Self {
        Self {
            service,
            slot,
            release,
            split,
        }
    }
}

/// A check with a verdict: is this slot good?
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Gate: fmt::Debug + Send + Sync {
    /// The name under which plans and reports know it.
    fn name(&self) -> &str;

    /// Measures once. Reads only. The deployer repeats it as the plan says.
    ///
    /// # Errors
    /// A fault is an error of the *measurement* and says nothing of the slot; it has a budget of its
    /// own. A slot that refuses connections or does not answer is not that: it is a failed verdict.
    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault>;
}

/// What a gate found, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Pass, fail or inconclusive.
    pub outcome: Outcome,
    /// What was measured and what was asked for, for people. At most a few hundred bytes; the
    /// deployer cuts it.
    pub evidence: String,
}

/// The three answers of a gate. No data is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// It cannot be told (yet).
    Inconclusive,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

impl Verdict {
    /// Pass.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Pass,
            evidence: evidence.into(),
        }
    }

    /// Fail.
    pub fn fail(evidence: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Fail,
            evidence: evidence.into(),
        }
    }

    /// Inconclusive.
    pub fn inconclusive(evidence: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Inconclusive,
            evidence: evidence.into(),
        }
    }
}
