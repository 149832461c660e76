//! Promise 8: only the holder of the lease acts. One that lost it does nothing more.

use super::{Breach, Invariant};
use crate::simulation::History;

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 8,
    name: "only_the_holder_acts",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for (index, fact, act, _, stored) in history.sent() {
        let holder = stored.and_then(|stored| stored.holder);
        if holder != Some(fact.by) {
            let holder = holder.map_or_else(|| "nobody".to_owned(), |holder| format!("p{holder}"));
            return Breach::at(
                index,
                format!("p{} sent {act}, and the lease is held by {holder}", fact.by),
            );
        }
    }
    for turn in history.turns() {
        let Some(before) = turn.before else { continue };
        let writer = history.facts.get(turn.index).map(|fact| fact.by);
        // A claim begins a new epoch; people write beside the lease and leave the token as it is.
        let same_epoch = before.token.epoch == turn.after.token.epoch;
        if same_epoch && before.token != turn.after.token && writer != before.holder {
            let what = format!(
                "{} wrote step {} under somebody else's lease",
                turn.after.token,
                writer.unwrap_or(0)
            );
            return Breach::at(turn.index, what);
        }
    }
    None
}
