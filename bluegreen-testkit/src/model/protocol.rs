//! The deployer's protocol: its atomic steps, and what it begins with. What can happen is in
//! [`possible`](super::possible), what follows from it in [`step`](super::step).

use bluegreen_core::{Slot, Split};

use super::life::{Book, Happening, ROUTERS};
use super::state::{Budget, Router, Seat, Stage, State, Stored, Token};
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

impl Fate {
    pub(super) const ALL: [Self; 6] = [
        Self::Applied,
        Self::Refused,
        Self::Rejected,
        Self::AnswerLost,
        Self::Lost,
        Self::Late,
    ];
}

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
    /// An operator takes the lease to tell that a slot has all traffic.
    Resolve(usize, Slot),
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
            resolves: None,
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

    pub(super) fn twisted(&self, twist: Twist) -> bool {
        self.config.twist == Some(twist)
    }

    pub(super) fn routers<'s>(&self, state: &'s State) -> &'s [Router] {
        state.routers.get(..self.config.routers).unwrap_or_default()
    }

    /// Whether all routers hold a split.
    pub(super) fn hold(&self, state: &State, split: Split) -> bool {
        self.routers(state).iter().all(|router| router.held == split)
    }
}
