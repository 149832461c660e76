//! The promises, as far as the model can express them: where a step could break one, and what a state must
//! never look like.

use bluegreen_core::lifecycle::{Command, End, Run};
use bluegreen_core::{Health, MigrationPhase, Operation, Outcome, Phase, Role, Slot, Split};

use super::life::{Happening, Life};
use super::protocol::Protocol;
use super::state::{Stage, State, index};

/// The bits of [`State::passed`]: verify, then ready and bake of each step, up to four.
const VERIFIED: u16 = 1;
const fn ready(step: usize) -> u16 {
    1 << (1 + step % 4)
}
const fn baked(step: usize) -> u16 {
    1 << (5 + step % 4)
}
const UNASKED: u16 = 1 << 15;

/// Whether a state keeps a promise, beside what its history has broken.
pub(super) fn keeps(protocol: &Protocol, state: &State, number: u32) -> bool {
    if state.broken & (1 << number) != 0 {
        return false;
    }
    let Some(run) = state.stored.life.run() else {
        return true;
    };
    let all = |slot: Slot| {
        let routers = protocol.routers(state);
        routers
            .iter()
            .all(|router| router.live == Split::all(slot) && router.held == router.live)
    };
    match number {
        // Nobody is sent to where nothing runs.
        2 => protocol.routers(state).iter().all(|router| {
            let runs = |slot: Slot| router.live.share(slot).basis_points() == 0 || state.running[index(slot)];
            Slot::BOTH.into_iter().all(runs)
        }),
        3 => match run.end {
            Some(End::Promoted) => all(run.target),
            // The operator's word is held against what the routers were told.
            Some(End::Resolved) => {
                let told = |slot| {
                    protocol
                        .routers(state)
                        .iter()
                        .all(|router| router.held == Split::all(slot))
                };
                state.stored.life.lifecycle().slots().live().is_none_or(told)
            }
            Some(End::Failed) if run.operation == Operation::Deploy => {
                // It was refused because the routers disagree: nothing was touched.
                all(run.origin) || !run.occupied
            }
            Some(End::Adopted | End::Failed) | None => true,
            Some(End::RolledBack | End::Aborted | End::Retired | End::Contracted) => all(run.origin),
        },
        6 => match run.phase {
            Phase::Assess | Phase::Return | Phase::ConfirmReturn => match state.stored.life.command() {
                Command::Wait(_) => run
                    .pause
                    .is_some_and(|pause| pause.settle_ms > 0 || run.attempt > 0),
                Command::Assess => true,
                Command::Shift(split) | Command::Confirm(split) => *split == Split::all(run.origin),
                _ => false,
            },
            _ => true,
        },
        17 => run.abort.is_none() || run.end != Some(End::Promoted),
        _ => true,
    }
}

impl Protocol {
    /// 1, 7, 8, 12: what has to hold when requests are sent.
    pub(super) fn promises_of_call(&self, state: &mut State, at: usize, run: &Run) {
        let seat = state.seats[at].clone();
        let same = seat.resolves.is_some() || seat.life.command() == state.stored.life.command();
        let stored = seat.token == state.stored.token && same;
        state.break_promise(7, !stored);
        let holds = state.holds(at);
        state.break_promise(8, !holds);
        let settling = !self.config.fenced && !state.late.is_empty();
        state.break_promise(7, settling);
        if run.phase != Phase::Shift {
            return;
        }
        let mut needed = VERIFIED | ready(run.step);
        for step in 0..run.step {
            needed |= ready(step) | baked(step);
        }
        let passed = state.passed & needed == needed && state.passed & UNASKED == 0;
        state.break_promise(1, !passed);
        let approved = run.plan.steps.get(run.step).is_some_and(|step| {
            step.approval.is_none() || run.approvals.iter().any(|(step, _)| *step == run.step + 1)
        });
        state.break_promise(1, !approved);
        let staged = self.routers(state).iter().all(|router| router.staged);
        state.break_promise(12, !staged);
    }

    /// 2: weight is never raised where nothing runs.
    #[expect(clippy::unused_self, reason = "it stands beside its likes")]
    pub(super) fn promises_of_shift(&self, state: &mut State, at: usize, green: u16) {
        let held = state.routers[at].held.share(Slot::Green).basis_points();
        let raised = if green > held {
            Some(Slot::Green)
        } else {
            (green < held).then_some(Slot::Blue)
        };
        let gone = raised.is_some_and(|slot| !state.running[index(slot)]);
        state.break_promise(2, gone);
    }

    /// 4: nothing is stopped that has traffic, or may get some, or is kept.
    pub(super) fn promises_of_retire(&self, state: &mut State, slot: Slot) {
        let none = |split: Split| split.share(slot).basis_points() == 0;
        let idle = self
            .routers(state)
            .iter()
            .all(|router| none(router.live) && none(router.held));
        state.break_promise(4, !idle);
        let run = state.stored.life.run();
        let kept = run.is_some_and(|run| run.exposed && run.end.is_none());
        let standby = state.stored.life.lifecycle().slots().get(slot).role == Role::Standby;
        let over = state.later || self.config.give_up_standby;
        // Once it is being retired its role is gone. Blue was live at first, so where it is retired it was the
        // standby of a deployment; green is also retired after a deployment that went back, and not kept then.
        let was_standby = state.begun > 1 && slot == Slot::Blue;
        state.break_promise(4, kept || ((standby || was_standby) && !over));
    }

    /// 9: nothing is taken away that another slot may need.
    pub(super) fn promises_of_migrate(&self, state: &mut State, at: usize) {
        let life = &state.seats[at].life;
        let kept = life.lifecycle().slots().standby().is_some();
        let whole = life.run().map(|run| Split::all(run.target));
        let alone = self
            .routers(state)
            .iter()
            .all(|router| Some(router.live) == whole);
        let needed = *life.command() == Command::Migrate(MigrationPhase::Contract) && (kept || !alone);
        state.break_promise(9, needed);
        let holds = state.holds(at);
        state.break_promise(8, !holds);
    }

    /// 5, 6, 10, 11, 12, 17, 18: what may follow from what.
    pub(super) fn promises_of_commit(
        &self,
        state: &mut State,
        before: &Life,
        happened: Happening,
        after: &Life,
    ) {
        let (Some(was), Some(is)) = (before.open(), after.run()) else {
            return;
        };
        self.note_what_passed(state, was, happened, is);
        let moved = (was.phase, was.step) != (is.phase, is.step);
        let onward = moved && is.phase.is_forward();
        let bad = match happened {
            Happening::Failed | Happening::Watched(Outcome::Fail) | Happening::Checked(false) => true,
            Happening::Expired => was.phase != Phase::Approval,
            _ => false,
        };
        let goes_back =
            is.phase.is_way_back() || is.phase == Phase::Halted || is.end == Some(End::RolledBack);
        if was.phase.is_forward() && was.exposed && bad {
            state.break_promise(5, !goes_back);
            state.break_promise(11, happened == Happening::Watched(Outcome::Fail) && !goes_back);
        }
        if was.abort.is_some() && was.phase.is_forward() {
            state.break_promise(17, is.phase.is_forward() || is.end == Some(End::Promoted));
            state.break_promise(5, was.exposed && !goes_back);
        }
        let no_yes = matches!(happened, Happening::Watched(Outcome::Inconclusive))
            || (happened == Happening::Expired && was.phase != Phase::Approval);
        state.break_promise(
            10,
            no_yes && was.phase.is_forward() && (onward || is.end == Some(End::Promoted)),
        );
        if was.phase.is_forward() && is.phase.is_way_back() {
            state.break_promise(6, is.pause.is_some_and(|pause| pause.ms > pause.settle_ms));
        }
        let (confirmed, split) = match was.phase {
            Phase::Confirm => (onward, was.split()),
            Phase::ConfirmReturn => (moved && is.phase != Phase::Halted, Split::all(was.origin)),
            _ => (false, was.split()),
        };
        let live = self.routers(state).iter().all(|router| router.live == split);
        state.break_promise(12, confirmed && !live);
        let only_target = happened == Happening::Assessed(Health::Unhealthy, Health::Healthy);
        let assesses = was.phase == Phase::Assess && was.pause.is_none();
        state.break_promise(18, only_target && assesses && is.phase != Phase::Halted);
    }

    #[expect(clippy::unused_self, reason = "it stands beside its likes")]
    fn note_what_passed(&self, state: &mut State, was: &Run, happened: Happening, is: &Run) {
        if (was.phase, was.step) == (is.phase, is.step) {
            return;
        }
        match (was.phase, happened) {
            (Phase::Verify, Happening::Watched(Outcome::Pass)) => state.passed |= VERIFIED,
            (Phase::Ready, Happening::Checked(true)) => state.passed |= ready(was.step),
            (Phase::Bake, Happening::Watched(Outcome::Pass)) => state.passed |= baked(was.step),
            _ => {}
        }
    }

    /// 15: from here, if nothing more goes wrong, the operation ends, or an operator is asked.
    pub(super) fn is_over(&self, state: &State) -> bool {
        let life = &state.stored.life;
        let done = life.open().is_none() && state.begun >= self.config.operations.len();
        (done || life.asks())
            && state.late.is_empty()
            && state.seats.iter().all(|seat| seat.stage == Stage::Off)
    }
}
