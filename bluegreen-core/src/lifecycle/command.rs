//! What the deployer has to do in a state.

use std::time::Duration;

use super::{Lifecycle, Moment, Phase};
use crate::plan::{HookMoment, HookPoint};
use crate::{MigrationPhase, NoticeKind, Slot, Split};

/// What the deployer has to do in a state: an idempotent *ensure* or a read. It does it, and gives
/// what came of it back as an [`Event`](super::Event).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Nothing: the operation is over, or there is none.
    Rest,
    /// Nothing more can be done without an operator.
    AskOperator,
    /// Wait, then `Waited`.
    Wait(Duration),
    /// Run the hooks at a point.
    RunHooks(HookPoint),
    /// Send a notice.
    Notify(NoticeKind),
    /// Read all routers.
    Reconcile,
    /// Run all preflight checks.
    Preflight,
    /// Wait until nothing is in flight on a slot.
    Drain(Slot),
    /// Stop a slot, or bring it to its standby size.
    Retire(Slot),
    /// Make all routers ready for a slot, at weight 0.
    Stage(Slot),
    /// Run migrations.
    Migrate(MigrationPhase),
    /// Tell the host to run the release in the target slot.
    Deploy,
    /// Ask the host until the target slot is ready.
    AwaitReady,
    /// Run the warm-up commands.
    WarmUp,
    /// Ask the gates of the phase until they decide.
    Verify,
    /// Wait for a yes.
    AwaitApproval,
    /// Stage and check all routers, and the candidate's floor.
    CheckReady,
    /// Set a split on all routers.
    Shift(Split),
    /// Ask all routers whether a split is live.
    Confirm(Split),
    /// Watch the gates of the phase.
    Watch,
    /// Stop the workers of a slot from claiming.
    Quiesce(Slot),
    /// Let the workers of a slot claim.
    StartWorkers(Slot),
    /// Wait until the queues are short enough.
    AwaitQueues,
    /// Ask both slots how they are.
    Assess,
    /// Move the workers back to the slot that was live.
    ReturnWorkers,
}

impl Lifecycle {
    /// What has to be done now. Pure: asked twice it says the same.
    #[must_use]
    pub fn command(&self) -> Command {
        let Some(run) = &self.run else {
            return Command::Rest;
        };
        if let Some(pause) = run.pause {
            return Command::Wait(Duration::from_millis(pause.ms));
        }
        // Going back waits for nobody: notices are sent when the traffic is back.
        let urgent = matches!(
            run.phase,
            Phase::Shift | Phase::Confirm | Phase::Assess | Phase::Return | Phase::ConfirmReturn
        );
        if let Some(notice) = run.notices.first().filter(|_| !urgent) {
            return Command::Notify(*notice);
        }
        match run.moment {
            Moment::Before => {
                return Command::RunHooks(HookPoint {
                    moment: HookMoment::Before,
                    phase: run.phase,
                });
            }
            Moment::After => {
                return Command::RunHooks(HookPoint {
                    moment: HookMoment::After,
                    phase: run.phase,
                });
            }
            Moment::Act => {}
        }
        match run.phase {
            Phase::Reconcile => Command::Reconcile,
            Phase::Preflight => Command::Preflight,
            Phase::Drain => Command::Drain(run.target),
            Phase::Retire => Command::Retire(run.target),
            Phase::Stage => Command::Stage(run.target),
            Phase::Migrate => Command::Migrate(MigrationPhase::Expand),
            Phase::Prepare => Command::Deploy,
            Phase::AwaitReady => Command::AwaitReady,
            Phase::WarmUp => Command::WarmUp,
            Phase::Verify | Phase::VerifyReturn => Command::Verify,
            Phase::Approval => Command::AwaitApproval,
            Phase::Ready => Command::CheckReady,
            Phase::Shift => Command::Shift(Split::with(run.target, run.weight(run.step))),
            Phase::Confirm => Command::Confirm(Split::with(run.target, run.weight(run.step))),
            Phase::Bake | Phase::Soak => Command::Watch,
            Phase::Quiesce => Command::Quiesce(run.origin),
            Phase::StartWorkers => Command::StartWorkers(run.target),
            Phase::QueueDepth => Command::AwaitQueues,
            Phase::Backfill => Command::Migrate(MigrationPhase::Backfill),
            Phase::Assess => Command::Assess,
            Phase::Return => Command::Shift(Split::all(run.origin)),
            Phase::ConfirmReturn => Command::Confirm(Split::all(run.origin)),
            Phase::ReturnWorkers => Command::ReturnWorkers,
            Phase::Contract => Command::Migrate(MigrationPhase::Contract),
            Phase::Halted => Command::AskOperator,
            Phase::Finish | Phase::Recover | Phase::Ended => Command::Rest,
        }
    }
}
