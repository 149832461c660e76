//! What really happened in a world: the input of the invariants. Nothing in it is what a deployer says.

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::HookPoint;
use bluegreen_core::{
    InFlight, MigrationPhase, NoticeKind, Outcome, Phase, Plan, ReadyState, Slot, Split, Token,
};

use super::script::{Call, Doing, Mishap, Script, Site};
use super::stored::{Stored, StoredRun};
use super::time::Ending;

/// Who acts: 0 is the world itself, everybody else a process.
pub(crate) type Actor = u8;

/// The world itself, and people who do something by hand.
pub(crate) const WORLD: Actor = 0;

/// The whole truth about one world, from its beginning to its end.
#[derive(Debug)]
pub struct History {
    pub(crate) plan: std::sync::Arc<Plan>,
    pub(crate) script: Script,
    pub(crate) facts: Vec<Fact>,
    /// The splits that the routers have at the end, and the record.
    pub(crate) end: Picture,
    /// How its time ended.
    pub(crate) ending: Ending,
}

/// How a world looks at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Picture {
    pub(crate) splits: Vec<Split>,
    pub(crate) releases: [Option<u32>; 2],
    pub(crate) claiming: [bool; 2],
    pub(crate) migrations: Vec<(MigrationPhase, u32)>,
    /// A digest of all bodies that were ever stored.
    pub(crate) digest: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact {
    pub(crate) at_ms: u64,
    pub(crate) by: Actor,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// A changing call was sent.
    Sent(Act, Token),
    /// It took effect.
    Landed(Act, Token),
    /// It was to take effect, and the part refused it.
    Bounced(Act, Token),
    /// Its answer was heard.
    Answered(Act, Token, Answer),
    /// A gate's answer was heard; `None` when the measurement failed.
    Judged {
        gate: &'static str,
        slot: Slot,
        said: Option<Outcome>,
    },
    /// A gate is asked, and something will go wrong with its answer.
    Asks(&'static str),
    /// A host's answer about a slot was heard.
    Readiness {
        slot: Slot,
        said: Option<(ReadyState, u32)>,
    },
    /// A router's answer about a split was heard; `None` where it could not tell.
    Verified {
        router: u8,
        split: Split,
        live: Option<bool>,
    },
    /// A router's answer about requests in flight was heard.
    InFlight {
        router: u8,
        slot: Slot,
        said: Option<InFlight>,
    },
    /// A hook was run.
    Hook(HookPoint),
    /// Somebody was told.
    Notice(NoticeKind),
    /// A provider is not as it should be, or a plugin of it does not tell the truth.
    Wrong(&'static str),
    /// A secret can be read in this.
    Leaked(&'static str),
    /// An approver was asked.
    Asked,
    /// A record was accepted by the store.
    Stored(Stored),
    /// The journal has an entry in which an operation is in this phase. Only of what is stored.
    Passed { number: u32, phase: Phase },
    /// A process begins.
    Born(Doing),
    /// A process dies.
    Died,
    /// A process is suspended.
    Froze(u64),
    /// A process ended by itself.
    Ended(Said),
    /// Something goes wrong with a call.
    Mishap(Site, Mishap),
    /// Somebody changes a router by hand.
    ByHand { router: u8, split: Split },
    /// A slot gets sick, or well.
    Sick(Slot, bool),
    /// From here on nothing goes wrong any more.
    FaultsOff,
}

/// A changing call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Stage { router: u8, slot: Slot },
    Shift { router: u8, split: Split },
    Deploy { slot: Slot, release: u32 },
    Standby(Slot),
    Retire(Slot),
    Migrate { phase: MigrationPhase, release: u32 },
    Quiesce(Slot),
    StartWorkers(Slot),
}

/// What a caller heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Rejected,
    Unavailable,
    Unknown,
    Fenced,
}

/// What a process said at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// An operation that came to this; `None`: it needs an operator.
    Report(Option<End>),
    /// Done.
    Fine,
    /// There was nothing to do.
    Nothing,
    /// Another one is at work.
    Held,
    /// The lease was lost.
    LeaseLost,
    /// The store failed.
    StoreFailed,
    /// It may not be done now.
    Refused,
    /// The record cannot be read.
    RecordBroken,
}

/// The record changes: what stood in it, and what stands in it now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// Which fact it is.
    pub(crate) index: usize,
    pub(crate) at_ms: u64,
    pub(crate) before: Option<&'a Stored>,
    pub(crate) after: &'a Stored,
}

/// How far a deployment is on its way forward under traffic: the step, and the place in it.
fn place(run: &StoredRun, steps: usize) -> Option<(usize, u8)> {
    let last = steps.saturating_sub(1);
    Some(match run.phase {
        Phase::Approval | Phase::Ready | Phase::Shift | Phase::Confirm => (run.step, 0),
        Phase::Bake => (run.step, 1),
        Phase::Quiesce | Phase::StartWorkers | Phase::QueueDepth => (last, 2),
        Phase::Soak => (last, 3),
        Phase::Backfill | Phase::Finish => (last, 4),
        Phase::Ended if run.end == Some(End::Promoted) => (last, 5),
        _ => return None,
    })
}

impl Turn<'_> {
    /// The step whose bake is over with this record, and whether the soak is.
    pub(crate) fn left(&self, steps: usize) -> (Option<usize>, bool) {
        let before = self.same_before().and_then(|run| place(run, steps));
        let after = self.after.run.as_ref().and_then(|run| place(run, steps));
        let (Some(before), Some(after)) = (before, after) else {
            return (None, false);
        };
        let bake = (before.0, 1);
        let last = steps.saturating_sub(1);
        let soak = before <= (last, 3) && after > (last, 3);
        ((before <= bake && after > bake).then_some(before.0), soak)
    }

    /// The operation, where it has come into another phase or step, or has begun.
    pub(crate) fn entered(&self) -> Option<&StoredRun> {
        let place = |stored: &Stored| stored.run.map(|run| (run.number, run.phase, run.step));
        let run = self.after.run.as_ref()?;
        (self.before.and_then(place) != place(self.after)).then_some(run)
    }

    /// The operation, where this is its end.
    pub(crate) fn ended(&self) -> Option<(&StoredRun, End)> {
        let end_of = |stored: &Stored| stored.run.and_then(|run| Some((run.number, run.end?)));
        let run = self.after.run.as_ref()?;
        let new = self.before.and_then(end_of) != end_of(self.after);
        run.end.filter(|_| new).map(|end| (run, end))
    }

    /// The operation as it was before, if it is the same one.
    pub(crate) fn same_before(&self) -> Option<&StoredRun> {
        let run = self.after.run.as_ref()?;
        self.before?
            .run
            .as_ref()
            .filter(|before| before.number == run.number)
    }
}

impl History {
    /// Every accepted record, in order.
    pub(crate) fn turns(&self) -> impl Iterator<Item = Turn<'_>> {
        let mut before = None;
        self.facts
            .iter()
            .enumerate()
            .filter_map(move |(index, fact)| match &fact.what {
                What::Stored(after) => {
                    let turn = Turn {
                        index,
                        at_ms: fact.at_ms,
                        before,
                        after,
                    };
                    before = Some(after);
                    Some(turn)
                }
                _ => None,
            })
    }

    /// Every changing call that was sent, with the record as it was then.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (usize, &Fact, Act, Token, Option<&Stored>)> {
        let mut stored = None;
        self.facts
            .iter()
            .enumerate()
            .filter_map(move |(index, fact)| match &fact.what {
                What::Stored(after) => {
                    stored = Some(after);
                    None
                }
                What::Sent(act, token) => Some((index, fact, *act, *token, stored)),
                _ => None,
            })
    }

    /// The facts from one to another.
    pub(crate) fn between(&self, from: usize, to: usize) -> &[Fact] {
        self.facts.get(from..to).unwrap_or_default()
    }

    /// Where the record last came into a phase (and step) before a fact. What only reads is not stored
    /// before it is done, so a phase of this kind may never be found.
    pub(crate) fn entry_of(&self, to: usize, phase: Phase, step: Option<usize>) -> Option<usize> {
        let mut found = None;
        for turn in self.turns().take_while(|turn| turn.index <= to) {
            if let Some(run) = turn.entered()
                && run.phase == phase
                && step.is_none_or(|step| step == run.step)
            {
                found = Some(turn.index);
            }
        }
        found
    }

    /// Where the operation that is under way at a fact began.
    pub(crate) fn began(&self, to: usize) -> usize {
        let began = |turn: &Turn<'_>| turn.after.run.is_some() && turn.same_before().is_none();
        self.turns()
            .take_while(|turn| turn.index <= to)
            .filter(began)
            .last()
            .map_or(0, |turn| turn.index)
    }

    /// What each router holds at a fact, and since when: what it is told once more it holds already.
    pub(crate) fn held(&self, to: usize) -> Vec<(Split, u64, usize)> {
        let mut held = vec![(Split::all(Slot::Blue), 0, 0); self.script.routers.len()];
        for (index, fact) in self.between(0, to).iter().enumerate() {
            if let What::Landed(Act::Shift { router, split }, _) | What::ByHand { router, split } = fact.what
                && let Some(place) = held.get_mut(usize::from(router))
                && place.0 != split
            {
                *place = (split, fact.at_ms, index);
            }
        }
        held
    }

    /// Whether somebody had changed a router by hand before a fact.
    pub(crate) fn by_hand(&self, to: usize) -> bool {
        self.between(0, to)
            .iter()
            .any(|fact| matches!(fact.what, What::ByHand { .. }))
    }

    /// Whether somebody has changed a router by hand since the operation that is under way began. What was
    /// changed before, it has seen when it read the routers.
    pub(crate) fn by_hand_since_it_began(&self, to: usize) -> bool {
        let by_hand = |fact: &Fact| matches!(fact.what, What::ByHand { .. });
        self.between(self.began(to), to).iter().any(by_hand)
    }

    /// Whether somebody who asks how a slot is may have heard nothing between two facts.
    pub(crate) fn could_not_ask(&self, from: usize, to: usize) -> bool {
        let wrong = |fact: &Fact| match fact.what {
            What::Mishap(site, _) => matches!(site.call, Call::Gate | Call::Readiness),
            What::Froze(_) => true,
            _ => false,
        };
        self.between(from, to).iter().any(wrong)
    }

    /// For how long at most a fact keeps its process from doing anything: while it is suspended, and while
    /// the store is out of its reach.
    pub(crate) const fn holds_up_ms(fact: &Fact) -> u64 {
        /// A deployer's pause between two tries to reach the store, twice: for the write, and to read it back.
        const PAUSES_MS: u64 = 500;
        match fact.what {
            What::Froze(ms) => ms,
            What::Mishap(site, mishap) if site.call.is_store() => match mishap {
                Mishap::Delay(ms) => ms,
                _ => PAUSES_MS,
            },
            _ => 0,
        }
    }

    /// What a gate has said of a slot between two facts, with when; `None` where it said nothing.
    pub(crate) fn judged(
        &self,
        from: usize,
        to: usize,
        gate: &str,
        of: Slot,
    ) -> impl DoubleEndedIterator<Item = Option<Outcome>> {
        self.between(from, to)
            .iter()
            .filter_map(move |fact| match fact.what {
                What::Judged {
                    gate: asked,
                    slot,
                    said,
                    ..
                } if asked == gate && slot == of => Some(said.filter(|said| *said != Outcome::Inconclusive)),
                _ => None,
            })
    }

    /// How long after it was given up a call may take effect.
    pub(crate) fn settle_ms(&self, act: Act) -> u64 {
        let script = &self.script;
        match act {
            Act::Stage { router, .. } | Act::Shift { router, .. } => {
                let shape = script.routers.get(usize::from(router));
                shape
                    .filter(|shape| !shape.fenced)
                    .map_or(0, |shape| shape.settle_ms)
            }
            Act::Deploy { .. } | Act::Standby(_) | Act::Retire(_) => script.host_settle_ms,
            Act::Migrate { .. } | Act::Quiesce(_) | Act::StartWorkers(_) => script.other_settle_ms,
        }
    }
}
