//! Promise 17: an abort stored before the end of a deployment never ends in promotion. Once a slot is
//! being retired there is no way back to it by traffic alone.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{Share, Slot};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Act, What};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 17,
    name: "abort_never_promotes",
    check,
};

fn check(history: &History) -> Option<Breach> {
    let mut aborted = None;
    let promoted = history.turns().find_map(|turn| {
        let run = turn.after.run.as_ref()?;
        if run.aborted {
            aborted = Some(run.number);
        }
        let (run, end) = turn.ended()?;
        (end == End::Promoted && aborted == Some(run.number)).then_some(turn.index)
    });
    if let Some(index) = promoted {
        return Breach::at(index, "it was promoted, and somebody had aborted it before");
    }
    let mut stopped: Vec<Slot> = Vec::new();
    for (index, fact) in history.facts.iter().enumerate() {
        match fact.what {
            What::Landed(Act::Retire(slot), _) => stopped.push(slot),
            What::Landed(Act::Deploy { slot, .. }, _) => stopped.retain(|other| *other != slot),
            // Whoever gives a stopped slot traffic by hand makes it a way back again.
            What::ByHand { split, .. } => stopped.retain(|slot| split.share(*slot) == Share::NONE),
            What::Sent(act @ Act::Shift { split, .. }, _) => {
                if let Some(slot) = stopped.iter().find(|slot| split.share(**slot) > Share::NONE) {
                    return Breach::at(index, format!("{act} was sent, and {slot} was stopped before"));
                }
            }
            _ => {}
        }
    }
    None
}
