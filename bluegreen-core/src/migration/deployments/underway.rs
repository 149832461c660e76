//! How far a change is that is made over several deployments.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mark::StepMark;
use crate::text::bounded;
use crate::{MigrationPhase, Version};

/// A change that is made over several deployments, and how far it is: kept in the record of the service from
/// its first step to its last.
///
/// It prints as `step 2 of 4 of customers.name becomes customers.full_name has run; step 4 (5_name.contract.sql)
/// is allowed when no slot has, or may get back, a release before 2.0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Underway {
    /// What is reached at the end.
    pub change: String,
    /// How many steps it has.
    pub steps: usize,
    /// The last of them that has run.
    pub done: usize,
    /// Of the releases that it takes, counted from 1, those that were deployed: which one was the first.
    pub releases: BTreeMap<usize, Version>,
    /// The next step, where its migration is among those of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
}

/// The step that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextStep {
    /// Which, from 1.
    pub step: usize,
    /// The migration that it is.
    pub migration: String,
    /// It may run when no slot has, or may get back, a release before this one of the change's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<usize>,
}

/// A step, and the migration that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::migration) struct MarkedStep {
    pub mark: StepMark,
    pub migration: String,
    pub phase: MigrationPhase,
    /// Whether the release before did not have it.
    pub new: bool,
}

impl MarkedStep {
    /// Which of the change's releases one is that ships this step. A contract migration comes with the release
    /// that no longer needs what goes, or a later one.
    pub(in crate::migration) fn release(&self) -> usize {
        if self.phase == MigrationPhase::Contract {
            self.mark.after.unwrap_or_default()
        } else {
            self.mark.release
        }
    }
}

/// The record stays small: so many changes are kept, the newest.
const KEPT: usize = 8;

/// So much is kept of a text.
const TEXT_BYTES: usize = 160;

/// How far the changes are when a phase of a release has run.
pub(in crate::migration) fn advance(
    known: &[Underway],
    steps: &[MarkedStep],
    phase: MigrationPhase,
    version: &Version,
) -> Vec<Underway> {
    let mut all = known.to_vec();
    for step in steps {
        let change = bounded(step.mark.change.clone(), TEXT_BYTES);
        let at = all.iter().position(|underway| underway.change == change);
        let underway = match at.and_then(|at| all.get_mut(at)) {
            Some(underway) => underway,
            // A folder has all migrations since the first one: what an earlier release brought may be finished.
            None if step.phase != phase || !step.new => continue,
            None => {
                all.push(Underway {
                    change,
                    steps: step.mark.of,
                    done: 0,
                    releases: BTreeMap::new(),
                    next: None,
                });
                let Some(begun) = all.last_mut() else { continue };
                begun
            }
        };
        underway.steps = step.mark.of;
        if step.phase == phase {
            underway.done = underway.done.max(step.mark.step);
        }
        let release = step.release();
        if release > 0 && underway.releases.len() < KEPT {
            underway
                .releases
                .entry(release)
                .or_insert_with(|| version.clone());
        }
    }
    for underway in &mut all {
        let shipped = steps
            .iter()
            .filter(|step| bounded(step.mark.change.clone(), TEXT_BYTES) == underway.change);
        let following = shipped.filter(|step| step.mark.step > underway.done);
        underway.next = following.min_by_key(|step| step.mark.step).map(|step| NextStep {
            step: step.mark.step,
            migration: bounded(step.migration.clone(), TEXT_BYTES),
            after: step.mark.after,
        });
    }
    all.retain(|underway| underway.done < underway.steps);
    all.drain(..all.len().saturating_sub(KEPT));
    all
}

impl fmt::Display for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            change, steps, done, ..
        } = self;
        write!(f, "step {done} of {steps} of {change} has run; ")?;
        let Some(next) = &self.next else {
            return write!(f, "step {} is to come", done + 1);
        };
        write!(f, "step {} ({}) is allowed ", next.step, next.migration)?;
        match next.after.map(|after| (after, self.releases.get(&after))) {
            None => f.write_str("at once"),
            Some((_, Some(version))) => {
                write!(f, "when no slot has, or may get back, a release before {version}")
            }
            Some((after, None)) => write!(
                f,
                "when no slot has, or may get back, a release before release {after} of the change"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MigrationPhase::{Backfill, Contract, Expand};

    fn version(text: &str) -> Version {
        Version::new(text).unwrap_or_else(|_| unreachable!())
    }

    fn step(numbers: (usize, usize, usize), after: Option<usize>, phase: MigrationPhase) -> MarkedStep {
        let (step, of, release) = numbers;
        MarkedStep {
            mark: StepMark {
                step,
                of,
                release,
                after,
                change: "a becomes b".to_owned(),
            },
            migration: format!("{step}.{phase}.sql"),
            phase,
            new: true,
        }
    }

    /// The rename over three releases: of which steps a release has the migrations, and the one before it.
    fn rename(before: usize, until: usize) -> Vec<MarkedStep> {
        let mut steps = vec![
            step((1, 4, 1), None, Expand),
            step((2, 4, 1), None, Backfill),
            step((3, 4, 2), Some(1), Expand),
            step((4, 4, 3), Some(2), Contract),
        ];
        steps.truncate(until);
        for step in &mut steps {
            step.new = step.mark.step > before;
        }
        steps
    }

    #[test]
    fn a_change_is_followed_from_its_first_step_to_its_last() {
        let mut known = Vec::new();
        let mut told = |(before, ships): (usize, usize), phase, text: &str| {
            known = advance(&known, &rename(before, ships), phase, &version(text));
            known.first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(
            told((0, 2), Expand, "1.1"),
            "step 1 of 4 of a becomes b has run; step 2 (2.backfill.sql) is allowed at once"
        );
        assert_eq!(
            told((0, 2), Backfill, "1.1"),
            "step 2 of 4 of a becomes b has run; step 3 is to come"
        );
        assert_eq!(
            told((2, 4), Expand, "2.0"),
            "step 3 of 4 of a becomes b has run; step 4 (4.contract.sql) is allowed when no slot has, or may get back, a release before 2.0"
        );
        // The same again, and a later release that brings nothing new, change nothing.
        assert!(told((4, 4), Backfill, "2.1").ends_with("a release before 2.0"));
        assert_eq!(told((4, 4), Contract, "2.1"), "", "nothing is underway any more");
        assert_eq!(
            told((4, 4), Expand, "3.0"),
            "",
            "what is finished does not begin again"
        );
    }

    #[test]
    fn what_is_kept_is_small_however_many_changes_there_are() {
        let many: Vec<_> = (0..100)
            .map(|at| {
                let mut step = step((1, 2, 1), None, Expand);
                step.mark.change = format!("{at} {}", "x".repeat(5_000));
                step.migration = "y".repeat(5_000);
                step
            })
            .collect();
        let mut kept = advance(&[], &many, Expand, &version(&"1".repeat(128)));
        kept = advance(&kept, &many, Expand, &version("2"));
        assert_eq!(kept.len(), KEPT);
        let bytes = serde_json::to_vec(&kept).map_or(usize::MAX, |json| json.len());
        assert!(bytes < 8 * 1024, "{bytes}");
    }
}
