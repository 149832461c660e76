//! What deployers, requests and operators do: the deployer's protocol, one atomic step at a time.

use bluegreen_core::lifecycle::{Command, Run};
use bluegreen_core::{Health, Operation, Outcome, Phase, Slot, Split};

use super::life::{Book, Happening, Life, ROUTERS};
use super::state::{Budget, Effect, Request, Router, Seat, Stage, State, Stored, Token, index};
use super::{Config, ModelError, Twist};

/// The model: a configuration, and the lifecycles that were reached under it.
#[derive(Debug)]
pub(super) struct Protocol {
    pub(super) config: Config,
    pub(super) book: Book,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// Applied and answered.
    Applied,
    /// Refused, to be tried again.
    Refused,
    /// Refused for good.
    Rejected,
    /// Applied, and the answer lost.
    AnswerLost,
    /// Lost.
    Lost,
    /// It acts later, or never.
    Late,
}

const FATES: [Fate; 6] = [
    Fate::Applied,
    Fate::Refused,
    Fate::Rejected,
    Fate::AnswerLost,
    Fate::Lost,
    Fate::Late,
];

/// What several requests came to.
pub(super) type Fates = [Fate; ROUTERS];

/// One atomic step. Of two things that may happen at once, both orders are explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Land(usize),
    Drop(usize),
    Propagate(usize),
    Wake(usize),
    Commit(usize),
    Begin(usize),
    /// Reads or waits, and what comes of it.
    Look(usize, Happening),
    /// Sends requests, and what becomes of each.
    Call(usize, Fates),
    /// A call that is accepted, and live only later.
    CallLagging(usize),
    Release(usize),
    Claim(usize),
    Later,
    Guard(usize),
    ActUnstored(usize),
    Crash(usize),
    CrashInCall(usize, Fates),
    Sleep(usize),
    Sicken(Slot),
    Ask(Happening),
}

impl Protocol {
    pub(super) fn new(config: Config) -> Result<Self, ModelError> {
        if !(1..=ROUTERS).contains(&config.routers) {
            return Err(ModelError::Routers(config.routers));
        }
        let settles = !config.fenced && config.twist != Some(Twist::NoSettle);
        let book = Book::new(&config, settles)?;
        Ok(Self { config, book })
    }

    pub(super) fn beginning(&self) -> State {
        let life = self.book.nothing();
        let seat = Seat {
            stage: Stage::Off,
            token: Token::default(),
            life: life.clone(),
            asleep: false,
            overslept: false,
        };
        let split = Split::all(Slot::Blue);
        let router = Router {
            held: split,
            live: split,
            staged: false,
            seen: Token::default(),
        };
        let config = &self.config;
        State {
            stored: Stored {
                token: Token::default(),
                holder: None,
                life,
            },
            seats: [seat.clone(), seat],
            routers: [router; ROUTERS],
            late: Vec::new(),
            running: [true, false],
            sick: [false; 2],
            later: false,
            begun: 0,
            budget: Budget {
                crashes: config.crashes,
                faults: config.faults,
                ills: config.ills,
                requests: config.requests,
            },
            passed: 0,
            broken: 0,
        }
    }

    fn twisted(&self, twist: Twist) -> bool {
        self.config.twist == Some(twist)
    }

    pub(super) fn routers<'s>(&self, state: &'s State) -> &'s [Router] {
        state.routers.get(..self.config.routers).unwrap_or_default()
    }

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
            for slot in Slot::BOTH {
                // Who resolves takes the lease, waits for what settles, and has all routers confirm.
                let whole = Split::all(slot);
                let agree = self
                    .routers(state)
                    .iter()
                    .all(|router| router.held == whole && router.live == whole);
                let settled = state.late.iter().all(|request| {
                    self.config.fenced && matches!(request.effect, Effect::Shift(..) | Effect::Stage(_))
                });
                if self.config.resolves && agree && settled && state.is_free() {
                    actions.push(Action::Ask(Happening::Resolved(slot)));
                }
            }
        }
    }

    fn actions_of(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let seat = &state.seats[at];
        let left = state.budget;
        if seat.stage == Stage::Off {
            let halted = *state.stored.life.command() == Command::AskOperator;
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
        let Some(run) = seat.life.open() else {
            actions.push(if state.begun < self.config.operations.len() {
                Action::Begin(at)
            } else {
                Action::Release(at)
            });
            return;
        };
        let command = seat.life.command();
        if matches!(command, Command::Rest | Command::AskOperator) {
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
        let effects = self.effects(run, command);
        if effects.is_empty() {
            let seen = self.looks(state, run, command);
            actions.extend(seen.iter().map(|happening| Action::Look(at, *happening)));
        } else {
            for fates in Self::fates(effects.len(), left.faults) {
                actions.push(Action::Call(at, fates));
            }
            if left.faults > 0 && matches!(command, Command::Shift(_)) {
                actions.push(Action::CallLagging(at));
            }
            if left.crashes > 0 {
                let broken = Self::fates(effects.len(), u8::MAX);
                let broken = broken.into_iter().filter(|fates| {
                    let kinds = [Fate::Applied, Fate::Lost, Fate::Late];
                    fates.iter().all(|fate| kinds.contains(fate))
                });
                actions.extend(broken.map(|fates| Action::CrashInCall(at, fates)));
            }
        }
        if run.time_limit().is_some() && left.faults > 0 {
            actions.push(Action::Look(at, Happening::Expired));
        }
    }

    /// The requests that a command sends.
    fn effects(&self, run: &Run, command: &Command) -> Vec<Effect> {
        let each = 0..self.config.routers;
        match command {
            Command::Stage(_) => each.map(Effect::Stage).collect(),
            Command::Shift(split) => {
                let green = split.share(Slot::Green).basis_points();
                each.map(|router| Effect::Shift(router, green)).collect()
            }
            Command::Deploy => vec![Effect::Deploy(run.target)],
            Command::Retire(slot) => vec![Effect::Retire(*slot)],
            _ => Vec::new(),
        }
    }

    /// Every combination of what may become of requests, each fault counted.
    fn fates(count: usize, faults: u8) -> Vec<Fates> {
        let mut all = vec![([Fate::Applied; ROUTERS], 0)];
        for at in 0..count {
            let mut longer = Vec::new();
            for (fates, spent) in &all {
                for fate in FATES {
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
    fn looks(&self, state: &State, run: &Run, command: &Command) -> Vec<Happening> {
        let well = |slot: Slot| !state.sick[index(slot)] && state.running[index(slot)];
        let health = |slot| {
            if well(slot) {
                Health::Healthy
            } else {
                Health::Unhealthy
            }
        };
        let watched = |good| Happening::Watched(if good { Outcome::Pass } else { Outcome::Fail });
        let hold = |split| self.routers(state).iter().all(|router| router.held == split);
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
                if matches!(happening, Happening::Resolved(_)) {
                    shut_out(&mut state);
                }
                state.stored.life = self.book.after(&state.stored.life, happening, state.later);
            }
            Action::Crash(at) => {
                state.budget.crashes -= 1;
                state.seats[at].stage = Stage::Off;
            }
            Action::Sleep(at) => {
                state.budget.crashes -= 1;
                state.seats[at].asleep = true;
            }
            Action::Release(at) => {
                if state.holds(at) {
                    state.stored.holder = None;
                }
                state.seats[at].stage = Stage::Off;
            }
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
        let life = state.seats[at].life.clone();
        let Some(run) = life.open() else { return };
        let token = state.seats[at].token;
        let effects = self.effects(run, life.command());
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
        asleep: false,
        overslept: false,
    };
}

/// Who resolves has a token of its own, tells all routers the split once more, and gives the lease back.
fn shut_out(state: &mut State) {
    state.stored.token = Token {
        epoch: state.stored.token.epoch.saturating_add(1),
        seq: 0,
    };
    state.stored.holder = None;
    for router in &mut state.routers {
        router.seen = state.stored.token;
    }
}
