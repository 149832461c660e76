//! Promise 9: a contract migration never runs while a slot that has or may get traffic runs a release
//! that needs what it removes.

use bluegreen_core::{MigrationPhase, Role, Share};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::Act;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 9,
    name: "contract_needs_nobody",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, _, act, _, stored) in history.sent() {
        let Act::Migrate {
            phase: MigrationPhase::Contract,
            ..
        } = act
        else {
            continue;
        };
        let Some((stored, run)) = stored.and_then(|stored| Some((stored, stored.run?))) else {
            continue;
        };
        let other = run.target.other();
        if matches!(stored.role(other), Role::Standby | Role::Candidate) {
            return Breach::at(
                index,
                format!("{act} was sent while {other} is kept as {}", stored.role(other)),
            );
        }
        let has_traffic = history
            .held(index)
            .iter()
            .any(|(split, ..)| split.share(other) > Share::NONE);
        if has_traffic && !history.by_hand_since_it_began(index) {
            return Breach::at(index, format!("{act} was sent while {other} has traffic"));
        }
    }
    None
}
