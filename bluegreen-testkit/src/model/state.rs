//! A state of the model: the store, the deployers, the world, and what may still go wrong.

use bluegreen_core::{Slot, Split};

use super::life::{Happening, Life, ROUTERS};

/// `(epoch, seq)`. Only their order counts: states in which it is the same are one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Token {
    pub(super) epoch: u16,
    pub(super) seq: u16,
}

/// The record in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    pub(super) token: Token,
    /// Which seat holds the lease; whether its process still lives shows the epoch.
    pub(super) holder: Option<usize>,
    pub(super) life: Life,
}

/// Where a deployer is in its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// No process runs.
    Off,
    /// It has stored, and will carry out the command.
    Deciding,
    /// It has carried it out, and will store what came of it.
    Answered(Happening),
}

/// A seat for a deployer's process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Seat {
    pub(super) stage: Stage,
    pub(super) token: Token,
    /// The lifecycle as this deployer last saw it in the store.
    pub(super) life: Life,
    /// It is an operator's, who tells that this slot has all traffic.
    pub(super) resolves: Option<Slot>,
    pub(super) asleep: bool,
    /// It slept after it had checked its lease.
    pub(super) overslept: bool,
}

impl Seat {
    /// The slot that is told to have all traffic, where it is time to tell: nothing else is left to do.
    pub(super) fn resolving(&self) -> Option<Slot> {
        self.resolves
            .filter(|_| self.life.asks() || self.life.open().is_none())
    }
}

/// One router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Router {
    /// The split that it was told.
    pub(super) held: Split,
    /// The split by which it routes.
    pub(super) live: Split,
    pub(super) staged: bool,
    /// The token of the last change.
    pub(super) seen: Token,
}

/// What a request changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Effect {
    /// The weight of green on a router, in basis points.
    Shift(usize, u16),
    Stage(usize),
    Deploy(Slot),
    Retire(Slot),
}

/// A request that nobody waits for any more, and that may still act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Request {
    pub(super) effect: Effect,
    pub(super) token: Token,
}

/// What may still go wrong, and what operators may still ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) crashes: u8,
    pub(super) faults: u8,
    pub(super) ills: u8,
    pub(super) requests: u8,
}

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) stored: Stored,
    pub(super) seats: [Seat; 2],
    pub(super) routers: [Router; ROUTERS],
    pub(super) late: Vec<Request>,
    pub(super) running: [bool; 2],
    pub(super) sick: [bool; 2],
    /// The retention of the standby is over.
    pub(super) later: bool,
    /// How many of the operations were begun.
    pub(super) begun: usize,
    pub(super) budget: Budget,
    /// Which gates have passed in this deployment: verify, and ready and bake of each step.
    pub(super) passed: u16,
    /// The promises that were broken, a bit each.
    pub(super) broken: u32,
}

pub(super) const fn index(slot: Slot) -> usize {
    match slot {
        Slot::Blue => 0,
        Slot::Green => 1,
    }
}

impl State {
    pub(super) fn break_promise(&mut self, number: u32, when: bool) {
        if when {
            self.broken |= 1 << number;
        }
    }

    /// Whether a seat's process holds the lease, as the store says.
    pub(super) fn holds(&self, seat: usize) -> bool {
        self.stored.holder == Some(seat) && self.stored.token.epoch == self.seats[seat].token.epoch
    }

    /// Whether the lease can be taken: nobody has it, or who has it is dead or sleeps, so that its time is
    /// over sooner or later.
    pub(super) fn is_free(&self) -> bool {
        self.stored.holder.is_none_or(|holder| {
            let seat = &self.seats[holder];
            !self.holds(holder) || seat.stage == Stage::Off || seat.asleep
        })
    }

    /// Numbers the tokens anew, so that only their order is left of them.
    pub(super) fn renumber(&mut self) {
        self.late.sort_unstable();
        for seat in &mut self.seats {
            if seat.stage == Stage::Off {
                seat.token = Token::default();
                seat.life = self.stored.life.clone();
                seat.resolves = None;
                seat.asleep = false;
                seat.overslept = false;
            }
        }
        // The seats are alike: one that is free stands last.
        if self.seats[0].stage == Stage::Off && self.seats[1].stage != Stage::Off {
            self.seats.swap(0, 1);
            self.stored.holder = self.stored.holder.map(|holder| 1 - holder);
        }
        if self.stored.holder.is_some() && self.is_free() && !self.sleeps() {
            self.stored.holder = None;
        }
        let mut tokens: Vec<Token> = self.tokens_mut().iter().map(|token| **token).collect();
        tokens.sort_unstable();
        tokens.dedup();
        let mut numbered = Vec::with_capacity(tokens.len());
        let mut next = Token::default();
        for (position, token) in tokens.iter().enumerate() {
            if let Some(before) = position.checked_sub(1).and_then(|at| tokens.get(at)) {
                next = if before.epoch == token.epoch {
                    Token {
                        seq: next.seq + 1,
                        ..next
                    }
                } else {
                    Token {
                        epoch: next.epoch + 1,
                        seq: 0,
                    }
                };
            }
            numbered.push((*token, next));
        }
        for token in self.tokens_mut() {
            if let Some((_, new)) = numbered.iter().find(|(old, _)| old == token) {
                *token = *new;
            }
        }
    }

    /// Whether the holder sleeps, and may find its lease still good.
    fn sleeps(&self) -> bool {
        let holder = self.stored.holder.and_then(|holder| self.seats.get(holder));
        holder.is_some_and(|seat| seat.asleep && seat.stage != Stage::Off)
    }

    fn tokens_mut(&mut self) -> Vec<&mut Token> {
        let mut all = vec![&mut self.stored.token];
        all.extend(self.seats.iter_mut().map(|seat| &mut seat.token));
        all.extend(self.routers.iter_mut().map(|router| &mut router.seen));
        all.extend(self.late.iter_mut().map(|request| &mut request.token));
        all
    }
}
