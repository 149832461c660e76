//! What is said of itself.

use std::time::Duration;

use bluegreen_core::{Granularity, Op, Split, Token};

use super::RouterSubject;
use crate::conformance::case::{CaseResult, hold};

/// A wait that a rollback could not bear is no bound.
const LONGEST_BOUND: Duration = Duration::from_hours(7 * 24);

/// Capabilities and name are the same with each call, and possible: steps from 1 to 10000, bounds of
/// days at most, a name that fits into a line.
pub async fn capabilities_and_name_are_constant_and_sane(subject: &RouterSubject) -> CaseResult {
    let (before, name) = (subject.capabilities(), subject.router.name().to_owned());
    let live = subject.ready().await?;
    subject.shift(Split::all(live.other())).await?;
    let after = subject.capabilities();
    hold!(
        before == after,
        "the capabilities were {before:?} and are {after:?}"
    );
    let now = subject.router.name();
    hold!(now == name, "the name was {name:?} and is {now:?}");
    let fits = !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
    hold!(fits, "the name {name:?} does not fit into a line of 200 bytes");
    if let Granularity::Steps(steps) = before.granularity {
        hold!(
            (1..=10_000).contains(&steps),
            "it declares {steps} steps; 1 to 10000 mean something"
        );
    }
    for (what, span) in [
        ("propagation", before.propagation),
        ("settle time", before.settle()),
    ] {
        hold!(span <= LONGEST_BOUND, "a {what} of {span:?} is no bound");
    }
    Ok(())
}

/// An [`Op::id`] may be as long as the port allows.
pub async fn the_longest_op_id_is_taken(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let token = Token {
        epoch: u64::from(u32::MAX),
        seq: u64::from(u32::MAX),
    };
    let op = Op::new(token, format!("{}-.9", "x".repeat(125)), subject.around.budget);
    subject
        .around
        .done("stage with a long id", subject.router.stage(&op, live.other()))
        .await?;
    subject.shift_as(&op, Split::all(live.other())).await?;
    subject
        .is_held(Split::all(live.other()), "after a shift with a long id")
        .await
}

/// A secret that the router was given is not in its Debug output. That it is in no error and in no
/// evidence either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &RouterSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.router)?;
    subject.around.debug_is_discreet(&subject.capabilities())
}
