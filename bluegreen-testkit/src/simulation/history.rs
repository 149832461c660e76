//! What really happened in a world: the input of the invariants. Nothing in it is what a deployer says.

use bluegreen_core::lifecycle::End;
use bluegreen_core::plan::HookPoint;
use bluegreen_core::{InFlight, MigrationPhase, NoticeKind, Outcome, Plan, ReadyState, Slot, Split, Token};

use super::script::{Doing, Mishap, Script, Site};
use super::stored::Stored;

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
        split: Split,
        said: Option<Outcome>,
    },
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
        slot: Slot,
        said: Option<InFlight>,
    },
    /// A hook was run.
    Hook(HookPoint),
    /// Somebody was told.
    Notice(NoticeKind),
    /// An approver was asked.
    Asked,
    /// A record was accepted by the store.
    Stored(Stored),
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

impl History {
    /// Every record that was accepted, in order, with when.
    pub(crate) fn stored(&self) -> impl DoubleEndedIterator<Item = (u64, &Stored)> {
        self.facts.iter().filter_map(|fact| match &fact.what {
            What::Stored(stored) => Some((fact.at_ms, stored)),
            _ => None,
        })
    }

    /// The settle time of a part.
    pub(crate) fn settle_ms(&self, act: Act) -> u64 {
        let script = &self.script;
        match act {
            Act::Stage { .. } | Act::Shift { .. } => script.router_settle_ms(),
            Act::Deploy { .. } | Act::Standby(_) | Act::Retire(_) => script.host_settle_ms,
            Act::Migrate { .. } => script.other_settle_ms,
            Act::Quiesce(_) | Act::StartWorkers(_) => script.other_settle_ms,
        }
    }
}
