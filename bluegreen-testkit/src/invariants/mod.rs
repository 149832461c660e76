//! The promises that a deployment keeps, each as a check of what really happened in a world.
//!
//! A check looks at the true history: what the routers did and when, by whose token, what the store
//! holds, what gates answered. It never looks at what a deployer says of itself. The numbers are those
//! of the list of promises in the design.
//!
//! That the same plan and events give the same bytes (13) is no question to one history: the simulation plays
//! one world in a thousand twice. Of secrets (14) the driver has only those of commands, gates over HTTP and sources of metrics;
//! worlds have commands, the others have tests of their own.

mod abort_never_promotes;
mod contract_needs_nobody;
mod crashes_change_no_end;
mod everything_ends;
mod failure_leads_back;
mod floor_before_weight;
mod gates_before_traffic;
mod guards_watch;
mod never_to_a_broken_slot;
mod no_data_is_no_pass;
mod no_secret_is_seen;
mod one_act_one_record;
mod one_slot_has_all;
mod only_the_holder_acts;
mod providers_tell_the_truth;
mod retire_after_confirm;
mod return_waits_for_nothing;
mod routers_change_together;

use crate::simulation::History;

/// One promise, as a check.
#[derive(Debug, Clone, Copy)]
pub struct Invariant {
    /// Its number in the list of promises.
    pub promise: u8,
    /// Its name: that of its file.
    pub name: &'static str,
    check: fn(&History) -> Option<Breach>,
}

/// How a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    /// The fact in the history that broke it.
    pub(crate) index: usize,
    pub(crate) what: String,
}

impl Breach {
    #[expect(clippy::unnecessary_wraps, reason = "it is what a check returns")]
    pub(crate) fn at(index: usize, what: impl Into<String>) -> Option<Self> {
        let what = what.into();
        Some(Self { index, what })
    }
}

/// All of them. The ones that say most about what went wrong come first.
pub const ALL: &[Invariant] = &[
    only_the_holder_acts::INVARIANT,
    one_act_one_record::INVARIANT,
    routers_change_together::INVARIANT,
    gates_before_traffic::INVARIANT,
    no_data_is_no_pass::INVARIANT,
    floor_before_weight::INVARIANT,
    never_to_a_broken_slot::INVARIANT,
    return_waits_for_nothing::INVARIANT,
    abort_never_promotes::INVARIANT,
    failure_leads_back::INVARIANT,
    contract_needs_nobody::INVARIANT,
    retire_after_confirm::INVARIANT,
    one_slot_has_all::INVARIANT,
    guards_watch::INVARIANT,
    everything_ends::INVARIANT,
    crashes_change_no_end::INVARIANT,
    no_secret_is_seen::INVARIANT,
];

/// What is looked for besides in worlds with a provider.
const OF_PROVIDERS: &[Invariant] = &[providers_tell_the_truth::INVARIANT];

/// The first promise that a history breaks.
pub(crate) fn broken(history: &History) -> Option<(&'static Invariant, Breach)> {
    OF_PROVIDERS
        .iter()
        .chain(ALL)
        .find_map(|invariant| Some((invariant, (invariant.check)(history)?)))
}
