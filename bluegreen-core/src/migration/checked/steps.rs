//! Changes that are made over several deployments: which step a release brings, and whether it may run.

use std::collections::BTreeMap;

use super::CheckedMigrator;
use super::history::History;
use crate::lifecycle::Slots;
use crate::migration::deployments::{MarkedStep, advance};
use crate::migration::manifest::PROVIDER;
use crate::migration::{Migration, StepMark, Underway};
use crate::{Assignment, Fault, MigrationPhase, Role, Slot};

/// The steps that migrations say they are.
pub(super) fn steps_of(
    migrations: &[Migration],
    history: Option<&History>,
) -> Result<Vec<MarkedStep>, Fault> {
    let mut steps = Vec::new();
    for migration in migrations {
        for mark in StepMark::all_of(&migration.sql) {
            let mark = mark.map_err(|error| {
                Fault::rejected(PROVIDER, "read", error.to_string()).on(migration.name.clone())
            })?;
            steps.push(MarkedStep {
                mark,
                migration: migration.name.clone(),
                phase: migration.phase,
                new: history.is_none_or(|history| !history.has(migration)),
            });
        }
    }
    Ok(steps)
}

/// Which of the releases that a change takes a release is, for each change of which it has a step.
pub(super) fn releases_of(steps: &[MarkedStep]) -> BTreeMap<String, usize> {
    let mut releases = BTreeMap::new();
    for step in steps {
        let release: &mut usize = releases.entry(step.mark.change.clone()).or_default();
        *release = step.release().max(*release);
    }
    releases
}

impl CheckedMigrator {
    /// Why a step of a phase may not run yet: a release before it has or may get traffic. A release of which
    /// nothing is known is before all of them.
    pub(super) async fn too_early(
        &self,
        phase: MigrationPhase,
        steps: &[MarkedStep],
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Option<String>, Fault> {
        let due = steps.iter().filter(|step| step.phase == phase && step.new);
        for (step, after) in due.filter_map(|step| Some((step, step.mark.after?))) {
            for slot in Slot::BOTH {
                let state = slots.get(slot);
                let makes_room = phase == MigrationPhase::Expand && slot == assignment.slot;
                if makes_room || (state.role == Role::Empty && !state.undrained) {
                    continue;
                }
                let version = state.release.as_ref().map(|release| &release.version);
                let release = match version {
                    Some(version) if *version == assignment.release.version => releases_of(steps),
                    Some(version) => {
                        let kept = self.manifests.of(version).await?;
                        kept.map(|kept| kept.releases).unwrap_or_default()
                    }
                    None => BTreeMap::new(),
                };
                let release = release.get(&step.mark.change).copied().unwrap_or_default();
                if release < after {
                    let who =
                        version.map_or_else(|| "a release that is not known".to_owned(), ToString::to_string);
                    return Ok(Some(format!(
                        "{} is step {} of {} of {}: it is allowed when no slot has, or may get back, a release before release {after} of the change, and {slot} ({}) has {who}",
                        step.migration, step.mark.step, step.mark.of, step.mark.change, state.role
                    )));
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn advanced(
        &self,
        op: &crate::Op,
        phase: MigrationPhase,
        assignment: &Assignment,
        slots: &Slots,
        known: &[Underway],
    ) -> Result<Vec<Underway>, Fault> {
        let migrations = self.read(assignment)?;
        let live = slots.live().and_then(|slot| slots.get(slot).release.as_ref());
        // Without the database: it has noted already what has just run.
        let history = self
            .kept_history(&migrations, live.map(|release| &release.version))
            .await?;
        let _ = op;
        let steps = steps_of(&migrations, Some(&history))?;
        Ok(advance(known, &steps, phase, &assignment.release.version))
    }
}
