//! Promise 5: once weight has moved, every failure, expiry or abort leads back, also after a crash and a
//! resume.

use bluegreen_core::lifecycle::End;
use bluegreen_core::{Operation, Outcome};

use super::{Breach, Invariant};
use crate::simulation::History;
use crate::simulation::history::{Fact, What};
use crate::simulation::script::{Call, Mishap};

pub(super) const INVARIANT: Invariant = Invariant {
    promise: 5,
    name: "failure_leads_back",
    check,
};

fn check(history: &History) -> Option<Breach> {
    for turn in history.turns() {
        let Some((run, end)) = turn.ended() else { continue };
        if run.exposed && matches!(end, End::Failed | End::Aborted) {
            return Breach::at(turn.index, format!("it ended as {end:?} after traffic had moved"));
        }
        if end == End::Promoted && run.operation == Operation::Deploy {
            let epoch = turn.after.token.epoch;
            if let Some(gate) = failed(history, turn.index, run.number, epoch) {
                return Breach::at(
                    turn.index,
                    format!("it was promoted after {gate:?} had failed under traffic"),
                );
            }
        }
    }
    None
}

/// The gate that has decided against an operation under traffic, as the deployer of an epoch heard.
fn failed(history: &History, to: usize, number: u32, epoch: u64) -> Option<&'static str> {
    // An answer that comes while another one is waited for may be given up together with that one.
    let slow = |(site, mishap): &(_, Mishap)| {
        let site: &crate::simulation::script::Site = site;
        let waits = matches!(mishap, Mishap::Delay(_) | Mishap::Hang(_) | Mishap::Vanish);
        waits
            && matches!(
                site.call,
                Call::Gate | Call::Metric | Call::Observe | Call::Readiness
            )
    };
    // One failure decides where one is enough; where it takes two in a row, another watch of the same
    // gate may have heard the first.
    let slow = |fact: &Fact| matches!(fact.what, What::Mishap(site, mishap) if slow(&(site, mishap)));
    if history.script.features().failures > 1 || history.between(0, to).iter().any(slow) {
        return None;
    }
    let mut open = None;
    for fact in history.between(0, to) {
        match fact.what {
            What::Stored(stored) => {
                open = stored
                    .run
                    .filter(|run| run.number == number && stored.token.epoch == epoch);
            }
            What::Judged {
                gate,
                slot,
                said: Some(Outcome::Fail),
                ..
            } => {
                let guards = matches!(gate, "up" | "errors" | "latency");
                if guards
                    && open.is_some_and(|run| run.exposed && run.phase.is_forward() && run.target == slot)
                {
                    return Some(gate);
                }
            }
            _ => {}
        }
    }
    None
}
