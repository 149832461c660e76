//! Going through the whole space, and what was found.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Mutex, PoisonError, RwLock};

use bluegreen_core::Split;
use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use super::life::ROUTERS;
use super::promise::keeps;
use super::protocol::{Action, Protocol};
use super::state::{Budget, State};
use super::{Config, ModelError};

/// What was found of one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromiseChecked {
    /// Its number.
    pub number: u32,
    /// What it says.
    pub text: &'static str,
    /// The steps that break it, if it is broken.
    pub trace: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many different states there are.
    pub states: usize,
    /// How many steps the longest of the shortest ways to a state has.
    pub depth: usize,
    /// Whether the whole space was explored: not if the search ended with what it found.
    pub whole: bool,
    /// Each promise.
    pub promises: Vec<PromiseChecked>,
    /// The different worlds in which runs end.
    pub ends: BTreeSet<String>,
}

impl Checked {
    /// The promises that are broken.
    #[must_use]
    pub fn broken(&self) -> Vec<u32> {
        let broken = self.promises.iter().filter(|promise| promise.trace.is_some());
        broken.map(|promise| promise.number).collect()
    }
}

struct Explored {
    protocol: Protocol,
    /// States from which an end was seen to be reached.
    ending: RwLock<HashSet<u64>>,
    ends: Mutex<BTreeSet<String>>,
}

/// More steps than this without a new fault are no way to an end.
const STEPS_TO_AN_END: usize = 400;

fn fingerprint(state: &State) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
}

impl Explored {
    /// Whether the operation ends from here if nothing more goes wrong.
    fn ends(&self, state: &State) -> bool {
        let mut state = state.clone();
        state.budget = Budget {
            crashes: 0,
            faults: 0,
            ills: 0,
            requests: 0,
        };
        let mut seen = Vec::new();
        let mut actions = Vec::new();
        for _ in 0..STEPS_TO_AN_END {
            let here = fingerprint(&state);
            let known = self
                .ending
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&here);
            seen.push(here);
            if known || self.protocol.is_over(&state) {
                let mut ending = self.ending.write().unwrap_or_else(PoisonError::into_inner);
                ending.extend(seen);
                return true;
            }
            actions.clear();
            self.protocol.actions(&state, &mut actions);
            let next = actions
                .iter()
                .find_map(|action| self.protocol.next(&state, *action));
            match next {
                Some(next) => state = next,
                None => return false,
            }
        }
        false
    }

    fn note_end(&self, state: &State) {
        if !self.protocol.is_over(state) {
            return;
        }
        let routers: Vec<String> = self
            .protocol
            .routers(state)
            .iter()
            .map(|r| r.held.to_string())
            .collect();
        let slots = state.stored.life.lifecycle().slots();
        let end = format!(
            "{:?}; routers {}; running {:?}; {:?} {:?}",
            state.stored.life,
            routers.join(", "),
            state.running,
            slots.blue.role,
            slots.green.role
        );
        self.ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(end);
    }
}

fn kept<const NUMBER: u32>(explored: &Explored, state: &State) -> bool {
    keeps(&explored.protocol, state, NUMBER)
}

fn ends(explored: &Explored, state: &State) -> bool {
    explored.note_end(state);
    explored.ends(state)
}

/// A promise, and how a state is held against it.
type Claimed = (u32, &'static str, fn(&Explored, &State) -> bool);

const PROMISES: [Claimed; 15] = [
    (
        1,
        "traffic only after every gate that guards the step has passed",
        kept::<1>,
    ),
    (
        2,
        "weight is never raised where nothing runs, and none stays there",
        kept::<2>,
    ),
    (
        3,
        "a finished operation has one slot with all traffic: the right one",
        kept::<3>,
    ),
    (
        4,
        "nothing is retired that has traffic, or may get some, or is kept",
        kept::<4>,
    ),
    (
        5,
        "once weight has moved every failure, expiry and abort leads back",
        kept::<5>,
    ),
    (6, "the way back waits for nothing but what settles", kept::<6>),
    (
        7,
        "a call's record is stored; effects in token order; nothing before the settle time is over",
        kept::<7>,
    ),
    (8, "only the holder of the lease acts", kept::<8>),
    (9, "nothing is contracted that a slot may need", kept::<9>),
    (
        10,
        "no data is not a pass, and no timer overrides a gate",
        kept::<10>,
    ),
    (
        11,
        "a guard that fails is heard wherever the candidate has traffic",
        kept::<11>,
    ),
    (
        12,
        "all routers are staged, then changed, then confirmed, before anything goes on",
        kept::<12>,
    ),
    (
        15,
        "from every state an end is reached when nothing more goes wrong",
        ends,
    ),
    (
        17,
        "an abort never ends in promotion, and what is retired is never gone back to",
        kept::<17>,
    ),
    (
        18,
        "nobody is routed to a broken slot while the candidate is the only healthy one",
        kept::<18>,
    ),
];

impl Model for Explored {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.protocol.beginning()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What is broken already is not followed any further.
        if state.broken == 0 {
            self.protocol.actions(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.protocol.next(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = |(_, text, condition): Claimed| Property::always(text, condition);
        PROMISES.map(always).to_vec()
    }
}

/// Explores everything, or for a twist until something is found.
///
/// # Errors
/// When the configuration describes no model.
pub fn check(config: &Config) -> Result<Checked, ModelError> {
    let model = Explored {
        protocol: Protocol::new(config.clone())?,
        ending: RwLock::default(),
        ends: Mutex::default(),
    };
    let stop = if config.twist.is_some() {
        HasDiscoveries::AnyFailures
    } else {
        HasDiscoveries::All
    };
    let checker = model
        .checker()
        .threads(config.threads)
        .finish_when(stop)
        .spawn_bfs()
        .join();
    let mut found = checker.discoveries();
    let promises = PROMISES.map(|(number, text, _)| PromiseChecked {
        number,
        text,
        trace: found.remove(text).map(told),
    });
    let ends = checker
        .model()
        .ends
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Ok(Checked {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        whole: config.twist.is_none(),
        promises: promises.to_vec(),
        ends,
    })
}

/// A trace for people: each step, and what is different after it.
fn told(path: Path<State, Action>) -> Vec<String> {
    let mut lines = Vec::new();
    let steps = path.into_vec();
    for pair in steps.windows(2) {
        let [(before, Some(action)), (after, _)] = pair else {
            continue;
        };
        let mut line = format!("{action:?}");
        if before.stored.life != after.stored.life {
            let _ = write!(line, " -> {:?}", after.stored.life);
        }
        let splits = |state: &State| -> [(Split, Split); ROUTERS] { state.routers.map(|r| (r.held, r.live)) };
        if splits(before) != splits(after) {
            let each = after
                .routers
                .iter()
                .map(|r| format!("{} (live {})", r.held, r.live));
            let _ = write!(line, " | routers: {}", each.collect::<Vec<_>>().join(", "));
        }
        if before.late.len() < after.late.len() {
            let _ = write!(line, " | may act later: {:?}", after.late.last());
        }
        lines.push(line);
    }
    lines
}
