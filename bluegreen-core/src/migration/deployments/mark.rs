//! The comment by which a migration says which step of a change it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which step of a change over several deployments a migration is: a comment at its beginning.
///
/// `bluegreen-lint --plan` writes it before the SQL of each step. A step for which only the code changes is a
/// file with nothing but the comment.
///
/// ```
/// use bluegreen_core::migration::StepMark;
///
/// let sql = "-- bluegreen:step 4 of 4, release 3, after release 2: customers.name becomes customers.full_name
/// ALTER TABLE customers DROP COLUMN name;";
/// let mark = StepMark::all_of(sql).remove(0)?;
/// assert_eq!((mark.step, mark.of, mark.release, mark.after), (4, 4, 3, Some(2)));
/// assert_eq!(format!("-- {mark}"), sql.lines().next().unwrap_or_default());
/// # Ok::<(), bluegreen_core::migration::InvalidStepMark>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMark {
    /// Which step, from 1.
    pub step: usize,
    /// How many there are.
    pub of: usize,
    /// The release that it belongs to, of those that the change takes, from 1.
    pub release: usize,
    /// It may run when no slot has, or may get back, a release before this one of them.
    pub after: Option<usize>,
    /// What is reached at the end.
    pub change: String,
}

/// A comment that says `bluegreen:step` and not which one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: write `bluegreen:step 2 of 4, release 1, after release 1: what is reached at the end`; the part with after may be left out"
)]
pub struct InvalidStepMark {
    /// The line, from 1.
    pub line: usize,
}

/// A change of more steps is not one that a person has thought of.
const STEPS_MAX: usize = 100;

impl StepMark {
    /// The marks in a migration, in the order of its lines.
    #[must_use]
    pub fn all_of(sql: &str) -> Vec<Result<Self, InvalidStepMark>> {
        let marks = sql.lines().enumerate().filter_map(|(at, line)| {
            let comment = line.trim_start().strip_prefix("--")?.trim_start();
            let said = comment.strip_prefix("bluegreen:step")?;
            Some(Self::read(said).ok_or(InvalidStepMark { line: at + 1 }))
        });
        marks.collect()
    }

    fn read(said: &str) -> Option<Self> {
        let (numbers, change) = said.split_once(':')?;
        let mut parts = numbers.split(',').map(str::trim);
        let (step, of) = parts.next()?.split_once(" of ")?;
        let release = parts.next()?.strip_prefix("release ")?;
        let after = match parts.next() {
            Some(part) => Some(part.strip_prefix("after release ")?.parse().ok()?),
            None => None,
        };
        let mark = Self {
            step: step.trim().parse().ok()?,
            of: of.trim().parse().ok()?,
            release: release.parse().ok()?,
            after,
            change: change.trim().to_owned(),
        };
        let told = !mark.change.is_empty() && parts.next().is_none();
        let counted = (1..=mark.of).contains(&mark.step) && mark.of <= STEPS_MAX && mark.release >= 1;
        (told && counted).then_some(mark)
    }
}

impl fmt::Display for StepMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            of,
            release,
            after,
            change,
        } = self;
        write!(f, "bluegreen:step {step} of {of}, release {release}")?;
        if let Some(after) = after {
            write!(f, ", after release {after}")?;
        }
        write!(f, ": {change}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_step_and_not_which_one_is_told_with_its_line() {
        for said in [
            "-- bluegreen:step",
            "-- bluegreen:step 1: a",
            "-- bluegreen:step 1 of 2: a",
            "-- bluegreen:step 3 of 2, release 1: a",
            "-- bluegreen:step 0 of 2, release 1: a",
            "-- bluegreen:step 1 of 2, release 0: a",
            "-- bluegreen:step 1 of 2, release 1, before release 2: a",
            "-- bluegreen:step 1 of 2, release 1, after release 1, x: a",
            "-- bluegreen:step 1 of 2, release 1:",
            "-- bluegreen:step 1 of 99999999999999999999, release 1: a",
        ] {
            let sql = format!("SELECT 1;\n{said}\n");
            assert_eq!(
                StepMark::all_of(&sql),
                [Err(InvalidStepMark { line: 2 })],
                "{said}"
            );
        }
        assert!(StepMark::all_of("-- a step\nSELECT 1 -- bluegreen:step").is_empty());
    }
}
