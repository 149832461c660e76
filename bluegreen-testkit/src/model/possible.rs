//! What can happen in a state.

use bluegreen_core::lifecycle::{Command, Run};
use bluegreen_core::{Health, Outcome, Phase, Slot, Split};

use super::Twist;
use super::life::{Happening, ROUTERS};
use super::protocol::{Action, Fate, Fates, Protocol};
use super::state::{Seat, Stage, State, index};

impl Protocol {
    /// What can happen. What brings an operation on stands first.
    pub(super) fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.budget;
        for at in 0..state.late.len() {
            actions.extend([Action::Land(at), Action::Drop(at)]);
        }
        for (at, router) in self.routers(state).iter().enumerate() {
            if router.held != router.live {
                actions.push(Action::Propagate(at));
            }
        }
        for seat in 0..state.seats.len() {
            self.actions_of(state, seat, actions);
        }
        let open = state.stored.life.open();
        let ended = open.is_none() && state.begun > 0 && state.begun < self.config.operations.len();
        if ended && !state.later {
            actions.push(Action::Later);
        }
        if left.ills > 0 && open.is_some() {
            for slot in Slot::BOTH {
                if !state.sick[index(slot)] && state.running[index(slot)] {
                    actions.push(Action::Sicken(slot));
                }
            }
        }
        if let Some(run) = open {
            self.requests(state, run, actions);
        }
    }

    fn requests(&self, state: &State, run: &Run, actions: &mut Vec<Action>) {
        if run.phase == Phase::Approval {
            actions.push(Action::Ask(Happening::Approved));
        }
        if state.budget.requests == 0 {
            return;
        }
        if run.phase.is_forward() && run.abort.is_none() {
            actions.push(Action::Ask(Happening::Abort));
        }
        if run.phase == Phase::Halted {
            actions.push(Action::Ask(Happening::Return));
            let seat = state.seats.iter().position(|seat| seat.stage == Stage::Off);
            if let Some(seat) = seat.filter(|_| self.config.resolves && state.is_free()) {
                let told = Slot::BOTH
                    .into_iter()
                    .filter(|slot| self.hold(state, Split::all(*slot)));
                actions.extend(told.map(|slot| Action::Resolve(seat, slot)));
            }
        }
    }

    fn actions_of(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let seat = &state.seats[at];
        let left = state.budget;
        if seat.stage == Stage::Off {
            let halted = state.stored.life.asks();
            let open = state.stored.life.open().is_some() && !halted;
            let more = !halted && state.begun < self.config.operations.len();
            // Of two free seats the first is taken: they are alike.
            let first = at == 0 || state.seats[0].stage != Stage::Off;
            if first && (state.is_free() || self.twisted(Twist::NoLease)) && (open || more) {
                actions.push(Action::Claim(at));
            }
            return;
        }
        if seat.asleep {
            actions.push(Action::Wake(at));
            return;
        }
        match seat.stage {
            Stage::Answered(happening) => {
                actions.push(Action::Commit(at));
                if self.twisted(Twist::ActBeforeStore) && happening != Happening::TakenOver {
                    actions.push(Action::ActUnstored(at));
                }
            }
            _ => self.decide(state, at, seat, actions),
        }
        if left.crashes > 0 {
            actions.push(Action::Crash(at));
            // One that sleeps before it looks at its lease again finds it lost, or good: that is a crash, or
            // nothing.
            if seat.stage != Stage::Deciding || self.twisted(Twist::Oversleeps) {
                actions.push(Action::Sleep(at));
            }
        }
    }

    fn decide(&self, state: &State, at: usize, seat: &Seat, actions: &mut Vec<Action>) {
        let left = state.budget;
        if let Some(live) = seat.resolving() {
            let still = seat.life.asks() && self.hold(state, Split::all(live));
            if still || self.twisted(Twist::ResolvesBlindly) {
                self.call_actions(state, at, seat, actions);
            } else {
                actions.push(Action::Release(at));
            }
            return;
        }
        let Some(run) = seat.life.open() else {
            actions.push(if state.begun < self.config.operations.len() {
                Action::Begin(at)
            } else {
                Action::Release(at)
            });
            return;
        };
        let command = seat.life.command();
        if *command == Command::Rest || seat.life.asks() {
            actions.push(Action::Release(at));
            return;
        }
        if run.abort.is_some() && run.phase.is_forward() {
            actions.push(Action::Look(at, Happening::Interrupted));
            return;
        }
        if run.exposed && run.phase.is_forward() && state.sick[index(run.target)] {
            actions.push(Action::Guard(at));
        }
        if self.effects(seat).is_empty() {
            let seen = self.looks(state, run, command);
            actions.extend(seen.iter().map(|happening| Action::Look(at, *happening)));
        } else {
            self.call_actions(state, at, seat, actions);
            if left.faults > 0 && matches!(command, Command::Shift(_)) {
                actions.push(Action::CallLagging(at));
            }
        }
        if run.time_limit().is_some() && left.faults > 0 {
            actions.push(Action::Look(at, Happening::Expired));
        }
    }

    fn call_actions(&self, state: &State, at: usize, seat: &Seat, actions: &mut Vec<Action>) {
        let count = self.effects(seat).len();
        for fates in Self::fates(count, state.budget.faults) {
            actions.push(Action::Call(at, fates));
        }
        if state.budget.crashes > 0 {
            let broken = Self::fates(count, u8::MAX);
            let broken = broken.into_iter().filter(|fates| {
                let kinds = [Fate::Applied, Fate::Lost, Fate::Late];
                fates.iter().all(|fate| kinds.contains(fate))
            });
            actions.extend(broken.map(|fates| Action::CrashInCall(at, fates)));
        }
    }

    /// Every combination of what may become of requests, each fault counted.
    fn fates(count: usize, faults: u8) -> Vec<Fates> {
        let mut all = vec![([Fate::Applied; ROUTERS], 0)];
        for at in 0..count {
            let mut longer = Vec::new();
            for (fates, spent) in &all {
                for fate in Fate::ALL {
                    let spent = spent + u8::from(fate != Fate::Applied);
                    let mut fates = *fates;
                    if let Some(place) = fates.get_mut(at) {
                        *place = fate;
                    }
                    if spent <= faults {
                        longer.push((fates, spent));
                    }
                }
            }
            all = longer;
        }
        all.into_iter().map(|(fates, _)| fates).collect()
    }

    /// What reading or waiting may come to.
    pub(super) fn looks(&self, state: &State, run: &Run, command: &Command) -> Vec<Happening> {
        let well = |slot: Slot| !state.sick[index(slot)] && state.running[index(slot)];
        let health = |slot| {
            if well(slot) {
                Health::Healthy
            } else {
                Health::Unhealthy
            }
        };
        let watched = |good| Happening::Watched(if good { Outcome::Pass } else { Outcome::Fail });
        let hold = |split| self.hold(state, split);
        let faults = state.budget.faults > 0;
        let mut seen = match command {
            Command::Wait(_) => {
                let settles = run.pause.is_some_and(|pause| pause.settle_ms > 0);
                // The time until nothing of before can act is over when nothing of before is left.
                if settles && !state.late.is_empty() {
                    return Vec::new();
                }
                return vec![Happening::Waited];
            }
            Command::Reconcile => vec![Happening::Reconciled(state.routers.map(|router| router.held))],
            Command::Preflight => vec![Happening::Checked(well(run.origin))],
            Command::CheckReady => vec![Happening::Checked(well(run.target) && hold(run.split()))],
            Command::Drain(slot) if !hold(Split::all(slot.other())) => vec![Happening::Failed],
            Command::AwaitReady if !state.running[index(run.target)] => vec![Happening::Failed],
            Command::Verify if run.phase == Phase::VerifyReturn => vec![watched(well(run.origin))],
            Command::Verify => vec![watched(well(run.target))],
            Command::Watch => vec![watched(well(run.target) && hold(run.split()))],
            Command::AwaitApproval => return vec![Happening::Expired],
            Command::Confirm(split) => {
                let live = self.routers(state).iter().all(|router| router.live == *split);
                if live || self.twisted(Twist::SkipConfirm) {
                    vec![Happening::Verified(true)]
                } else {
                    vec![Happening::Expired, Happening::Verified(false)]
                }
            }
            Command::Assess => vec![Happening::Assessed(health(run.origin), health(run.target))],
            _ => vec![Happening::Done],
        };
        if faults {
            match command {
                Command::Verify | Command::Watch => seen.push(Happening::Watched(Outcome::Inconclusive)),
                Command::Confirm(_) => seen.push(Happening::Verified(false)),
                Command::Assess => seen.push(Happening::Assessed(Health::Unknown, Health::Unknown)),
                Command::Preflight | Command::CheckReady => seen.push(Happening::Checked(false)),
                Command::Migrate(_) => seen.extend([Happening::Failed, Happening::Unknown]),
                _ => seen.push(Happening::Deferred),
            }
        }
        seen.dedup();
        seen
    }
}
