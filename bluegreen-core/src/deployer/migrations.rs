//! What the migrator says before anything is touched.

use super::Parts;
use super::preflight::result;
use crate::lifecycle::{CheckResult, Lifecycle, Run};
use crate::{Assignment, FaultKind, MigrationPhase, Op, Operation, Outcome, Verdict};

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
}
