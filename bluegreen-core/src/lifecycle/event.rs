//! What happens to an operation: the input of the lifecycle, and what observers and the journal see.

use serde::{Deserialize, Serialize};

use super::{DeploymentId, Operation, Phase};
use crate::plan::HookPoint;
use crate::{Health, NoticeKind, Outcome, Release, Slot, Split, Timestamp, Verification};

/// One event of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Which operation.
    pub deployment: DeploymentId,
    /// When.
    pub at: Timestamp,
    /// The phase after the event.
    pub phase: Phase,
    /// The step, counted from 1, in the phases that belong to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A check with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The list and the name, such as `health/api`; built-in checks have a name alone.
    pub name: String,
    /// The slot that was asked.
    pub slot: Slot,
    /// The answer.
    pub outcome: Outcome,
    /// What was measured.
    pub evidence: String,
}

/// Who asked for something, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who: a name that people recognise.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Signed {
    /// Cut to what a record keeps.
    pub(crate) fn bounded(self) -> Self {
        Self::new(
            crate::text::bounded(self.by, 200),
            crate::text::bounded(self.reason, 800),
        )
    }

    /// Somebody, for a reason.
    pub fn new(by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            by: by.into(),
            reason: reason.into(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// An operation began.
    Started {
        /// Which.
        operation: Operation,
        /// The release that it is about.
        release: Option<Release>,
        /// Who began it, and why.
        by: Signed,
    },
    /// A deployer took the right to act. After a predecessor it waits until nothing of that one can
    /// act any more.
    Claimed {
        /// Who.
        holder: String,
        /// The new epoch.
        epoch: u64,
        /// Whether somebody held it before without giving it back.
        takeover: bool,
        /// The settle time of the parts, in milliseconds.
        settle_ms: u64,
    },
    /// The routers were read.
    Reconciled {
        /// Each router's split, by name.
        routers: Vec<(String, Split)>,
    },
    /// Checks of the phase have their answers.
    Checked {
        /// All of them.
        results: Vec<CheckResult>,
    },
    /// A watched phase went on for a while.
    Watched {
        /// The time that was observed since the last such event, in milliseconds.
        watched_ms: u64,
        /// How the gates stand now.
        results: Vec<CheckResult>,
    },
    /// The phase's work is done.
    Done {
        /// What is known of it, for people.
        evidence: String,
    },
    /// The routers were asked whether the split is live.
    Verified {
        /// Each router's answer, by name.
        routers: Vec<(String, Verification)>,
        /// How long an earlier split may still act, in milliseconds.
        settle_ms: u64,
    },
    /// Both slots were asked how they are.
    Assessed {
        /// The slot that was live.
        origin: Health,
        /// The candidate.
        target: Health,
        /// What was seen.
        evidence: String,
    },
    /// The phase's work had no effect and may be tried again.
    Deferred {
        /// Why.
        reason: String,
        /// The wait that the provider asked for, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// What the phase's work did is not known.
    Unknown {
        /// Why.
        reason: String,
        /// How long it may still act, in milliseconds.
        settle_ms: u64,
    },
    /// The phase's work cannot succeed.
    Failed {
        /// Why.
        reason: String,
    },
    /// The phase's deadline is over.
    Expired,
    /// A wait before the next try is over.
    Waited,
    /// A wait was ended early, because an operator asked for something.
    Interrupted,
    /// The hooks at a point were run.
    HooksRun {
        /// The point. An entry has an `at` of its own, its time, so this has another name there.
        #[serde(rename = "point")]
        at: HookPoint,
        /// Those that failed and what they said; the first is the worst.
        failures: Vec<String>,
        /// Whether one of them fails the phase.
        fatal: bool,
    },
    /// A notice was sent, or could not be.
    Notified {
        /// Which.
        notice: NoticeKind,
        /// Why it could not be sent to everybody.
        failure: Option<String>,
    },
    /// Somebody said yes.
    Approved {
        /// Who.
        by: String,
        /// For which step, counted from 1. An entry has a `step` of its own, so this has another name there.
        #[serde(rename = "approved_step")]
        step: usize,
    },
    /// An operator (or an approver, by saying no) asks to stop. Back, if traffic has moved.
    AbortRequested {
        /// Who, and why.
        by: Signed,
    },
    /// An operator asks a halted operation to give all traffic back, whatever the slots' health.
    ReturnRequested {
        /// Who, and why.
        by: Signed,
    },
    /// An operator tells how a halted operation ended.
    Resolved {
        /// Who, and why.
        by: Signed,
        /// The slot that has all traffic.
        live: Slot,
    },
}

/// As many checks are kept of one event in the journal; of more, only those that did not pass.
const KEPT_CHECKS: usize = 30;

impl Event {
    /// The event as the journal keeps it, where that is less than all of it: however many gates a plan
    /// has, the record stays small.
    pub(crate) fn abridged(&self) -> Option<Self> {
        let results = match self {
            Self::Checked { results } | Self::Watched { results, .. } if results.len() > KEPT_CHECKS => {
                results
            }
            _ => return None,
        };
        let results = results
            .iter()
            .filter(|result| result.outcome != Outcome::Pass)
            .take(KEPT_CHECKS)
            .cloned()
            .collect();
        Some(match self {
            Self::Watched { watched_ms, .. } => Self::Watched {
                watched_ms: *watched_ms,
                results,
            },
            _ => Self::Checked { results },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_a_point_or_a_step_of_its_own_reads_back_from_the_journal() {
        let deployment = DeploymentId::new(17, Timestamp::from_millis(1_700_000_000_000));
        for event in [
            Event::HooksRun {
                at: HookPoint::before(Phase::Shift),
                failures: vec!["purge: 503".to_owned()],
                fatal: false,
            },
            Event::Approved {
                by: "ada".to_owned(),
                step: 2,
            },
        ] {
            let entry = Entry {
                deployment,
                at: Timestamp::from_millis(1_700_000_100_000),
                phase: Phase::Approval,
                step: Some(1),
                event,
            };
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(
                serde_json::from_str::<Entry>(&text).map_err(|error| format!("{error}: {text}")),
                Ok(entry)
            );
        }
    }

    #[test]
    fn of_many_checks_the_journal_keeps_those_that_did_not_pass_and_not_too_many_of_them() {
        let results = |count: usize, failing: usize| -> Vec<CheckResult> {
            (0..count)
                .map(|n| CheckResult {
                    name: format!("health/{n}"),
                    slot: Slot::Green,
                    outcome: if n < failing { Outcome::Fail } else { Outcome::Pass },
                    evidence: "told".to_owned(),
                })
                .collect()
        };
        for (count, failing, kept) in [
            (0, 0, None),
            (KEPT_CHECKS, 2, None),
            (KEPT_CHECKS + 1, 2, Some(2)),
            (KEPT_CHECKS + 1, 0, Some(0)),
            (100, 70, Some(KEPT_CHECKS)),
        ] {
            let kept = kept.map(|kept| results(kept, kept));
            let checked = |results| Event::Checked { results };
            let watched = |results| Event::Watched {
                watched_ms: 7,
                results,
            };
            let all = || results(count, failing);
            assert_eq!(checked(all()).abridged(), kept.clone().map(checked), "{count}");
            assert_eq!(watched(all()).abridged(), kept.map(watched), "{count}");
        }
        assert_eq!(Event::Expired.abridged(), None);
    }
}
