//! What the migrator says before anything is touched.

use std::time::Duration;

use super::preflight::result;
use super::{Parts, WayBack};
use crate::lifecycle::{CheckResult, Lifecycle, Run, Slots};
use crate::migration::Underway;
use crate::{Assignment, FaultKind, MigrationPhase, Op, Operation, Outcome, Token, Verdict, Version};

impl Parts {
    /// Whether the migrations that an operation would run may run. Nothing when the migrator cannot say.
    pub(super) async fn migrations(&self, lifecycle: &Lifecycle, run: &Run, op: &Op) -> Option<CheckResult> {
        let phase = match run.operation {
            Operation::Deploy => MigrationPhase::Expand,
            Operation::Contract => MigrationPhase::Contract,
            Operation::Rollback | Operation::Retire | Operation::Adopt => return None,
        };
        run.plan.migrations.as_ref()?;
        let migrator = self.migrator.as_ref()?;
        let assignment = Assignment {
            slot: run.target,
            release: run.release.clone()?,
            deployment: run.id,
        };
        let asked = migrator.review(op, phase, &assignment, lifecycle.slots());
        let verdict = match self.bounded(op.budget, "review", asked).await {
            Ok(verdict) => verdict?,
            Err(fault) if fault.kind == FaultKind::Rejected => Verdict::fail(fault.to_string()),
            Err(fault) => Verdict::inconclusive(fault.to_string()),
        };
        // What a release needs is not taken away from it, whoever says so.
        let allowed = run
            .overrides
            .migrations
            .as_ref()
            .filter(|_| phase == MigrationPhase::Expand);
        let verdict = match (allowed, verdict.outcome) {
            (Some(by), Outcome::Fail) => {
                Verdict::pass(format!("{}, but {} said: {}", verdict.evidence, by.by, by.reason))
            }
            _ => verdict,
        };
        Some(result("migrations", run.target, verdict))
    }

    /// Whether a release finds what it needs in the database; `None` when it cannot be told.
    pub(super) async fn fits(&self, op: &Op, release: &Version, slots: &Slots) -> Option<Verdict> {
        let migrator = self.migrator.as_ref()?;
        let asked = migrator.fits(op, release, slots);
        match self.bounded(op.budget, "fits", asked).await {
            Ok(verdict) => verdict,
            Err(fault) => {
                tracing::warn!(%fault, "it is not known whether the release finds what it needs");
                None
            }
        }
    }

    /// Where a rollback would lead, and what it would find.
    pub(super) async fn way_back(&self, lifecycle: &Lifecycle, op: &Op) -> Option<WayBack> {
        let slots = lifecycle.slots();
        let open = lifecycle.open().filter(|run| run.end.is_none() && run.exposed);
        let slot = open.map(|run| run.origin).or_else(|| slots.standby())?;
        let state = slots.get(slot);
        let database = match &state.release {
            Some(release) => self.fits(op, &release.version, slots).await,
            None => None,
        };
        Some(WayBack {
            slot,
            release: state.release.clone(),
            until: state.retained_until,
            database,
        })
    }

    /// Why there is no way back, with what the release that was there last would miss.
    pub(super) async fn closed(&self, lifecycle: &Lifecycle, why: String) -> String {
        let slots = lifecycle.slots();
        let last = slots
            .live()
            .and_then(|live| slots.get(live.other()).release.as_ref());
        let Some(last) = last else { return why };
        let op = Op::new(Token::default(), "way back", ASKED_FOR);
        match self.fits(&op, &last.version, slots).await {
            Some(verdict) if verdict.outcome == Outcome::Fail => {
                format!("{why}; and in the database {}", verdict.evidence)
            }
            _ => why,
        }
    }

    /// How far changes over several deployments are, once a phase has run.
    pub(super) async fn underway(
        &self,
        lifecycle: &Lifecycle,
        phase: MigrationPhase,
        op: &Op,
        known: &[Underway],
    ) -> Option<Vec<Underway>> {
        let (migrator, run) = (self.migrator.as_ref()?, lifecycle.run()?);
        let assignment = Assignment {
            slot: run.target,
            release: run.release.clone()?,
            deployment: run.id,
        };
        let asked = migrator.underway(op, phase, &assignment, lifecycle.slots(), known);
        match self.bounded(op.budget, "underway", asked).await {
            Ok(now) => Some(now).filter(|now| now != known),
            Err(fault) => {
                tracing::warn!(%fault, "how far changes over several deployments are is not known");
                None
            }
        }
    }
}

/// How long it may take to tell what a way back would find.
const ASKED_FOR: Duration = Duration::from_secs(10);
