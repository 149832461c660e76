//! Promise 3: a finished deployment has exactly one slot with all traffic: the candidate if it
//! succeeded, the formerly live one if not.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{Operation, Role, Split};

use super::{Breach, Invariant};
use crate::simulation::History;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 3,
    name: "one_slot_has_all",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for turn in history.turns() {
        let Some((run, end)) = turn.ended() else { continue };
        // What has moved traffic has moved all of it, whatever was changed by hand before it began.
        let by_hand = if matches!(end, End::Promoted | End::RolledBack) {
            history.by_hand_since_it_began(turn.index)
        } else {
            history.by_hand(turn.index)
        };
        if !matches!(run.operation, Operation::Deploy | Operation::Rollback) || by_hand {
            continue;
        }
        let live = match end {
            End::Promoted => run.target,
            End::RolledBack => run.origin,
            // A rollback that could not begin has moved nothing: the slot that it is about is live.
            End::Failed | End::Aborted if run.operation == Operation::Deploy => run.origin,
            _ => continue,
        };
        if let Some((split, ..)) = history
            .held(turn.index)
            .into_iter()
            .find(|(split, ..)| *split != Split::all(live))
        {
            return Breach::at(
                turn.index,
                format!("it ended as {end:?}, and a router holds {split} instead of all for {live}"),
            );
        }
        // Before the routers were read for the first time nothing is known of any slot.
        let known = turn.after.roles.iter().any(|role| *role != Role::Empty);
        if known && turn.after.role(live) != Role::Live {
            return Breach::at(
                turn.index,
                format!(
                    "it ended as {end:?}, and the record says that {live} is {}",
                    turn.after.role(live)
                ),
            );
        }
    }
    None
}
