//! What follows from what happens.

use bluegreen_core::lifecycle::Command;
use bluegreen_core::{Operation, Outcome, Phase, Slot, Split};

use super::Twist;
use super::life::{Happening, Life, ROUTERS};
use super::protocol::{Action, Fate, Fates, Protocol};
use super::state::{Effect, Request, Seat, Stage, State, Token, index};

impl Protocol {
    /// The state after an action; `None` where it changes nothing.
    pub(super) fn next(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Land(at) => {
                let request = state.late.remove(at);
                self.land(&mut state, request);
            }
            Action::Drop(at) => drop(state.late.remove(at)),
            Action::Propagate(at) => state.routers[at].live = state.routers[at].held,
            Action::Wake(at) => {
                state.seats[at].asleep = false;
                state.seats[at].overslept = self.twisted(Twist::Oversleeps);
            }
            Action::Claim(at) => claim(&mut state, at),
            Action::Later => state.later = true,
            Action::Sicken(slot) => {
                state.budget.ills -= 1;
                state.sick[index(slot)] = true;
            }
            Action::Ask(happening) => {
                if happening != Happening::Approved {
                    state.budget.requests -= 1;
                }
                state.stored.life = self.book.after(&state.stored.life, happening, state.later);
            }
            Action::Resolve(at, live) => {
                state.budget.requests -= 1;
                claim(&mut state, at);
                state.seats[at].resolves = Some(live);
            }
            Action::Crash(at) => {
                state.budget.crashes -= 1;
                state.seats[at].stage = Stage::Off;
            }
            Action::Sleep(at) => {
                state.budget.crashes -= 1;
                state.seats[at].asleep = true;
            }
            Action::Release(at) => release(&mut state, at),
            Action::Commit(at) => {
                if let Stage::Answered(happening) = state.seats[at].stage {
                    self.commit(&mut state, at, happening);
                }
            }
            Action::Begin(at) => self.begin(&mut state, at),
            Action::Guard(at) => {
                if self.may_act(&mut state, at) {
                    state.seats[at].stage = Stage::Answered(Happening::Watched(Outcome::Fail));
                }
            }
            Action::Look(at, happening) => self.look(&mut state, at, happening),
            Action::Call(at, fates) => {
                let spent = fates.iter().filter(|fate| **fate != Fate::Applied).count();
                state.budget.faults -= u8::try_from(spent).unwrap_or(u8::MAX);
                self.call(&mut state, at, fates);
            }
            Action::CallLagging(at) => {
                state.budget.faults -= 1;
                let live = state.routers.map(|router| router.live);
                self.call(&mut state, at, [Fate::Applied; ROUTERS]);
                for (router, live) in state.routers.iter_mut().zip(live) {
                    router.live = live;
                }
            }
            Action::CrashInCall(at, fates) => {
                state.budget.crashes -= 1;
                self.call(&mut state, at, fates);
                state.seats[at].stage = Stage::Off;
            }
            Action::ActUnstored(at) => {
                if let Stage::Answered(happening) = state.seats[at].stage {
                    let seat = &mut state.seats[at];
                    seat.life = self.book.after(&seat.life, happening, state.later);
                    seat.token.seq += 1;
                    if seat.life.open().is_some() {
                        self.call(&mut state, at, [Fate::Applied; ROUTERS]);
                    }
                    state.seats[at].stage = Stage::Off;
                }
            }
        }
        state.renumber();
        (state != *before).then_some(state)
    }

    /// Looks whether the lease is still good, and renews it; steps down where it is lost.
    fn may_act(&self, state: &mut State, at: usize) -> bool {
        let overslept = std::mem::take(&mut state.seats[at].overslept);
        if overslept || self.twisted(Twist::NoLease) {
            return true;
        }
        if !state.holds(at) {
            state.seats[at].stage = Stage::Off;
            return false;
        }
        true
    }

    fn look(&self, state: &mut State, at: usize, happening: Happening) {
        if !self.may_act(state, at) {
            return;
        }
        let life = state.seats[at].life.clone();
        let truth = life.open().map(|run| self.looks(state, run, life.command()));
        let told = truth.and_then(|truth| truth.first().copied());
        if happening != Happening::Interrupted && told != Some(happening) {
            state.budget.faults = state.budget.faults.saturating_sub(1);
        }
        if matches!(life.command(), Command::Migrate(_)) {
            self.promises_of_migrate(state, at);
        }
        let twisted = self.twisted(Twist::TimerOverGate) && happening == Happening::Expired;
        let watches = life.run().is_some_and(|run| run.phase == Phase::Bake);
        state.seats[at].stage = Stage::Answered(if twisted && watches {
            Happening::Watched(Outcome::Pass)
        } else {
            happening
        });
        if twisted && watches {
            // Nobody has asked the gates.
            state.passed |= 1 << 15;
        }
    }

    fn call(&self, state: &mut State, at: usize, fates: Fates) {
        if !self.may_act(state, at) {
            return;
        }
        let resolving = state.seats[at].resolving();
        if let Some(live) = resolving {
            // What somebody has asked meanwhile is taken in first.
            state.seats[at].life = state.stored.life.clone();
            let still = state.stored.life.asks() && self.hold(state, Split::all(live));
            if !still && !self.twisted(Twist::ResolvesBlindly) {
                return;
            }
        }
        let life = state.seats[at].life.clone();
        let Some(run) = life.run() else { return };
        let token = state.seats[at].token;
        let effects = self.effects(&state.seats[at]);
        if effects.is_empty() {
            return;
        }
        self.promises_of_call(state, at, run);
        let mut worst = (3, Happening::Done);
        let mut fenced = false;
        for (effect, fate) in effects.into_iter().zip(fates) {
            let request = Request { effect, token };
            let (rank, answer) = match fate {
                Fate::Applied => {
                    fenced |= !self.land(state, request);
                    (3, Happening::Done)
                }
                Fate::AnswerLost => {
                    self.land(state, request);
                    (0, Happening::Unknown)
                }
                Fate::Lost => (0, Happening::Unknown),
                Fate::Late => {
                    state.late.push(request);
                    (0, Happening::Unknown)
                }
                Fate::Rejected => (1, Happening::Failed),
                Fate::Refused => (2, Happening::Deferred),
            };
            if rank < worst.0 {
                worst = (rank, answer);
            }
        }
        let last = *life.command() == Command::Shift(Split::all(run.target));
        if self.twisted(Twist::DrainBeforeConfirm) && last {
            let effect = Effect::Retire(run.origin);
            self.land(state, Request { effect, token });
        }
        state.seats[at].stage = if fenced {
            Stage::Off
        } else {
            Stage::Answered(worst.1)
        };
        if let Some(live) = resolving {
            let all_live = self
                .routers(state)
                .iter()
                .all(|router| router.live == Split::all(live));
            if !fenced && worst.1 == Happening::Done && all_live {
                state.seats[at].stage = Stage::Answered(Happening::Resolved(live));
            } else {
                release(state, at);
            }
        }
    }

    /// The requests that a seat sends next.
    pub(super) fn effects(&self, seat: &Seat) -> Vec<Effect> {
        let each = 0..self.config.routers;
        let shift = |split: Split| {
            let green = split.share(Slot::Green).basis_points();
            each.clone().map(|router| Effect::Shift(router, green)).collect()
        };
        if let Some(live) = seat.resolving() {
            return shift(Split::all(live));
        }
        let Some(run) = seat.life.open() else {
            return Vec::new();
        };
        match seat.life.command() {
            Command::Stage(_) => each.map(Effect::Stage).collect(),
            Command::Shift(split) => shift(*split),
            Command::Deploy => vec![Effect::Deploy(run.target)],
            Command::Retire(slot) => vec![Effect::Retire(*slot)],
            _ => Vec::new(),
        }
    }

    /// A request acts. `false` where a router refuses it, because it has seen a newer one.
    fn land(&self, state: &mut State, request: Request) -> bool {
        let token = request.token;
        match request.effect {
            Effect::Shift(at, _) | Effect::Stage(at) => {
                let seen = state.routers[at].seen;
                let older = if self.twisted(Twist::EpochOnly) {
                    token.epoch < seen.epoch
                } else {
                    token < seen
                };
                if self.config.fenced && older {
                    return false;
                }
                state.break_promise(7, token < seen);
                state.routers[at].seen = token;
                if let Effect::Shift(_, green) = request.effect {
                    self.promises_of_shift(state, at, green);
                    let share = bluegreen_core::Share::from_basis_points(green).unwrap_or_default();
                    state.routers[at].held = Split::with(Slot::Green, share);
                    state.routers[at].live = state.routers[at].held;
                } else {
                    state.routers[at].staged = true;
                }
            }
            Effect::Deploy(slot) => {
                if !state.running[index(slot)] {
                    state.sick[index(slot)] = false;
                }
                state.running[index(slot)] = true;
            }
            Effect::Retire(slot) => {
                self.promises_of_retire(state, slot);
                state.running[index(slot)] = false;
            }
        }
        true
    }

    /// Stores what follows, if nobody else has the lease; what an operator wrote meanwhile is kept.
    fn commit(&self, state: &mut State, at: usize, happening: Happening) {
        if !state.holds(at) {
            state.seats[at].stage = Stage::Off;
            return;
        }
        let before = state.stored.life.clone();
        let after = self.book.after(&before, happening, state.later);
        self.promises_of_commit(state, &before, happening, &after);
        self.store(state, at, after);
        if matches!(happening, Happening::Resolved(_)) {
            // Somebody may have asked for the way back first: then that is done.
            state.seats[at].resolves = None;
            if state.stored.life.open().is_none() {
                release(state, at);
            }
        }
    }

    fn begin(&self, state: &mut State, at: usize) {
        if !state.holds(at) {
            state.seats[at].stage = Stage::Off;
            return;
        }
        let Some(operation) = self.config.operations.get(state.begun).copied() else {
            return;
        };
        state.begun += 1;
        let Some(after) = self.book.begin(&state.stored.life, operation, state.later) else {
            state.seats[at].life = state.stored.life.clone();
            return;
        };
        if let Some(run) = after.run().filter(|_| operation == Operation::Rollback) {
            let gone = !state.running[index(run.origin)];
            state.break_promise(17, gone);
        }
        state.passed = 0;
        for router in &mut state.routers {
            router.staged = false;
        }
        self.store(state, at, after);
    }

    #[expect(clippy::unused_self, reason = "it stands beside its likes")]
    fn store(&self, state: &mut State, at: usize, life: Life) {
        state.stored.token.seq += 1;
        state.stored.life = life.clone();
        let token = state.stored.token;
        let seat = &mut state.seats[at];
        seat.life = life;
        seat.token = token;
        seat.stage = Stage::Deciding;
        seat.overslept = false;
    }
}

fn claim(state: &mut State, at: usize) {
    let epoch = state.stored.token.epoch + 1;
    state.stored.token = Token { epoch, seq: 0 };
    state.stored.holder = Some(at);
    let resumes = state.stored.life.open().is_some();
    state.seats[at] = Seat {
        stage: if resumes {
            Stage::Answered(Happening::TakenOver)
        } else {
            Stage::Deciding
        },
        token: state.stored.token,
        life: state.stored.life.clone(),
        resolves: None,
        asleep: false,
        overslept: false,
    };
}

fn release(state: &mut State, at: usize) {
    if state.holds(at) {
        state.stored.holder = None;
    }
    state.seats[at].stage = Stage::Off;
}
