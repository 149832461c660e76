//! The contract of [`Migrator`].
//!
//! A fresh subject has one migration in each phase for the release that it is asked about, and has
//! applied none.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Assignment, FaultKind, MigrationPhase, Migrator, Release, Slot};
use tokio::task::JoinSet;

use super::around::{Around, Hook, ProviderFault, around, hook, through, wait};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::dropped::{GRACE, MOST_POLLS, polled};
use super::faults::{Call, call, fault_cases, throttling_case};
use super::usual;

/// A migrator to be examined, and what can be done around it.
pub struct MigratorSubject {
    migrator: Arc<dyn Migrator>,
    around: Around,
    release: Option<Release>,
    applied: Option<Hook<MigrationPhase, u32>>,
    overlaps: Option<Hook<(), u32>>,
}

around!(MigratorSubject, faults);

const PHASES: [MigrationPhase; 3] = [
    MigrationPhase::Expand,
    MigrationPhase::Backfill,
    MigrationPhase::Contract,
];

impl MigratorSubject {
    /// A fresh migrator. It is asked about the release 1.1.0, unless it gets another.
    pub fn new(migrator: impl Migrator + 'static) -> Self {
        Self {
            migrator: Arc::new(migrator),
            around: Around::new(),
            release: None,
            applied: None,
            overlaps: None,
        }
    }

    /// The release to be asked about.
    #[must_use]
    pub fn release(mut self, release: Release) -> Self {
        self.release = Some(release);
        self
    }

    /// Tells past the migrator how many migrations of a phase were applied.
    #[must_use]
    pub fn applied(mut self, count: impl AsyncFn(MigrationPhase) -> u32 + 'static) -> Self {
        self.applied = Some(hook(count));
        self
    }

    /// Tells past the migrator how many times two migrations were at work at once.
    #[must_use]
    pub fn overlaps(mut self, count: impl AsyncFn() -> u32 + 'static) -> Self {
        self.overlaps = Some(hook(async move |()| count().await));
        self
    }

    fn assignment(&self) -> Result<Assignment, Unproven> {
        Ok(Assignment {
            slot: Slot::Green,
            release: self.release.clone().map_or_else(|| usual::release("1.1.0"), Ok)?,
            deployment: usual::deployment(1),
        })
    }

    /// Runs a phase. What it did is told, in a text that can be shown.
    async fn migrate(&self, phase: MigrationPhase) -> Result<String, Unproven> {
        let (op, assignment) = (self.around.op(), self.assignment()?);
        let what = format!("migrate ({phase})");
        let did = self
            .around
            .done(&what, self.migrator.migrate(&op, phase, &assignment))
            .await?;
        self.around.text(&format!("what {what} tells"), &did)?;
        Ok(did)
    }

    /// So many of each phase were applied.
    async fn count(&self, expected: [u32; 3], when: &str) -> CaseResult {
        for (phase, expected) in PHASES.into_iter().zip(expected) {
            let applied = through(self.applied.as_ref(), "applied", phase).await?;
            hold!(
                applied == expected,
                "{when}, {applied} migrations of {phase} were applied, not {expected}"
            );
        }
        if let Some(count) = &self.overlaps {
            let overlaps = count(()).await;
            hold!(
                overlaps == 0,
                "{when}, two migrations were at work at once {overlaps} times"
            );
        }
        Ok(())
    }
}

/// What was applied is not applied again; each phase runs its own and no other.
pub async fn twice_is_once_in_each_phase(subject: &MigratorSubject) -> CaseResult {
    subject.count([0, 0, 0], "at first").await?;
    let mut expected = [0; 3];
    for (place, phase) in PHASES.into_iter().enumerate() {
        if let Some(count) = expected.get_mut(place) {
            *count = 1;
        }
        for when in ["after it ran", "after it ran again"] {
            subject.migrate(phase).await?;
            subject.count(expected, &format!("{phase}, {when}")).await?;
        }
    }
    Ok(())
}

/// What it did is told, in a text that people can read and a record can hold.
pub async fn what_it_did_is_told(subject: &MigratorSubject) -> CaseResult {
    for phase in PHASES {
        subject.migrate(phase).await?;
    }
    Ok(())
}

/// The same phase several times at once is applied once, and never two at a time. A call that finds
/// another at work may wait for it, or say `Unavailable`.
pub async fn runs_at_once_are_one(subject: &MigratorSubject) -> CaseResult {
    let mut runs = JoinSet::new();
    for _ in 0..4 {
        let (migrator, op, assignment) = (
            Arc::clone(&subject.migrator),
            subject.around.op(),
            subject.assignment()?,
        );
        runs.spawn(async move { migrator.migrate(&op, MigrationPhase::Expand, &assignment).await });
    }
    while let Some(ended) = runs.join_next().await {
        match ended {
            Ok(Ok(_)) => {}
            Ok(Err(fault)) if matches!(fault.kind, FaultKind::Unavailable { .. }) => {}
            Ok(Err(fault)) => return broken(format!("a migration beside the same one failed: {fault}")),
            Err(panic) => return broken(format!("a migration beside the same one: {panic}")),
        }
    }
    subject.migrate(MigrationPhase::Expand).await?;
    subject.count([1, 0, 0], "after runs at once").await
}

/// A run that is dropped, at each of its polls, can be sent again and is applied once; the one that is
/// sent again waits for what is left of the first.
pub async fn a_dropped_run_can_be_sent_again(subject: &MigratorSubject) -> CaseResult {
    for polls in 1..=MOST_POLLS {
        let (op, assignment) = (subject.around.op(), subject.assignment()?);
        let run = subject.migrator.migrate(&op, MigrationPhase::Expand, &assignment);
        if polled(polls, run).await.is_some() {
            break;
        }
    }
    wait(subject.migrator.settle()).await;
    subject.migrate(MigrationPhase::Expand).await?;
    subject
        .count([1, 0, 0], "after runs that were dropped, and one that was not")
        .await?;
    wait(GRACE).await;
    subject
        .count([1, 0, 0], "some time after runs that were dropped")
        .await
}

/// A run whose answer is lost is `Unknown`; sent again it is applied once.
pub async fn a_run_whose_answer_is_lost_is_unknown_and_can_be_ensured(
    subject: &MigratorSubject,
) -> CaseResult {
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let (op, assignment) = (subject.around.op(), subject.assignment()?);
    let run = subject.migrator.migrate(&op, MigrationPhase::Expand, &assignment);
    let fault = subject.around.fault("a run whose answer is lost", run).await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "the answer was lost, and migrate says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    wait(subject.migrator.settle()).await;
    subject.migrate(MigrationPhase::Expand).await?;
    subject.count([1, 0, 0], "after sending the lost run again").await
}

/// A settle time is a wait that a takeover bears.
pub async fn the_settle_time_has_a_bound(subject: &MigratorSubject) -> CaseResult {
    let settle = subject.migrator.settle();
    hold!(
        settle <= Duration::from_hours(1),
        "a settle time of {settle:?} is no bound"
    );
    Ok(())
}

/// A secret that the migrator was given is not in its Debug output. That it is in no error and in
/// nothing that it tells either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &MigratorSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.migrator)
}

fn calls(subject: &MigratorSubject) -> Vec<Call<'_>> {
    let (migrator, around) = (&subject.migrator, &subject.around);
    PHASES
        .map(|phase| {
            call("migrate", async move {
                let assignment = subject.assignment().map_err(|why| usual::uncalled(&why))?;
                migrator.migrate(&around.op(), phase, &assignment).await
            })
        })
        .into()
}

fault_cases!(MigratorSubject, calls);
throttling_case!(MigratorSubject, calls);

cases! {
    $ migrator_conformance, migrator, MigratorSubject:
    twice_is_once_in_each_phase,
    what_it_did_is_told,
    runs_at_once_are_one,
    a_dropped_run_can_be_sent_again,
    a_run_whose_answer_is_lost_is_unknown_and_can_be_ensured,
    the_settle_time_has_a_bound,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
