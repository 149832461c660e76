//! Calls that end badly, and calls at once.

use std::sync::Arc;

use bluegreen_core::{FaultKind, Fencing, InFlight, Split, Token};
use tokio::task::JoinSet;

use super::{RouterSubject, is_live};
use crate::conformance::around::{ProviderFault, wait};
use crate::conformance::case::{CaseResult, broken, hold, not_run};
use crate::conformance::dropped::{GRACE, polled, polls};

/// A shift that is dropped, at each of its polls, leaves the old or the new split; after the settle time
/// nothing of it lands any more, and with tokens nothing lands after a newer shift.
pub async fn a_dropped_shift_leaves_the_old_or_the_new_split(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let (old, new) = (Split::all(live), Split::all(live.other()));
    let capabilities = subject.capabilities();
    for polls in polls(capabilities.settle()) {
        let op = subject.around.op();
        let ended = polled(polls, subject.router.shift(&op, new)).await.is_some();
        wait(capabilities.settle()).await;
        let left = subject.observe().await?;
        hold!(
            left == old || left == new,
            "a shift from {old} to {new} was dropped and left {left}"
        );
        if matches!(capabilities.fencing, Fencing::Settle(_)) {
            wait(GRACE).await;
            let settle = capabilities.settle();
            subject
                .is_held(
                    left,
                    &format!("{GRACE:?} after the settle time of {settle:?} of a dropped shift"),
                )
                .await?;
        }
        subject.shift(old).await?;
        subject.is_held(old, "after a newer shift").await?;
        if ended {
            break;
        }
    }
    wait(GRACE).await;
    subject
        .is_held(old, "some time after shifts that were dropped")
        .await
}

/// A stage that is dropped, at each of its polls, has moved no traffic, and may be sent again.
pub async fn a_dropped_stage_moves_no_traffic(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    for polls in polls(subject.capabilities().settle()) {
        let op = subject.around.op();
        let ended = polled(polls, subject.router.stage(&op, live.other()))
            .await
            .is_some();
        wait(subject.capabilities().settle()).await;
        subject
            .is_held(Split::all(live), "after a stage that was dropped")
            .await?;
        if ended {
            break;
        }
    }
    subject.stage(live.other()).await?;
    subject.shift(Split::all(live.other())).await
}

/// A connection that is refused is `Unavailable`: nothing was sent, it may be tried again. A router that
/// sets the split without that connection may say `Ok`, and then has set it; `verify` does not say live.
pub async fn a_refused_connection_is_unavailable(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let split = Split::all(live.other());
    let (router, around) = (&subject.router, &subject.around);
    around.inject(ProviderFault::Refused).await?;
    for (name, answer) in [
        (
            "observe",
            around
                .call("observe", router.observe(&around.op()))
                .await?
                .map(drop),
        ),
        (
            "stage",
            around
                .call("stage", router.stage(&around.op(), live.other()))
                .await?,
        ),
    ] {
        match answer {
            Err(fault) if matches!(fault.kind, FaultKind::Unavailable { .. }) => {}
            other => return broken(format!("{name} met a refused connection and says {other:?}")),
        }
    }
    let answer = around.call("verify", router.verify(&around.op(), split)).await?;
    let said_live = answer.as_ref().is_ok_and(is_live);
    hold!(!said_live, "verify met a refused connection and says {answer:?}");
    let shifted = around.call("shift", router.shift(&around.op(), split)).await?;
    around.heal().await?;
    match shifted {
        Ok(()) => {
            subject
                .is_held(split, "after a shift that did without the connection")
                .await
        }
        Err(fault) if matches!(fault.kind, FaultKind::Unavailable { .. }) => {
            subject
                .is_held(Split::all(live), "after a shift that was not sent")
                .await
        }
        Err(fault) => broken(format!(
            "shift met a refused connection and says {:?}: {fault}",
            fault.kind
        )),
    }
}

/// A shift whose answer is lost is `Unknown`; the old or the new split is there; sent again it is right.
pub async fn a_shift_whose_answer_is_lost_is_unknown_and_can_be_ensured(
    subject: &RouterSubject,
) -> CaseResult {
    let live = subject.ready().await?;
    let (old, new) = (Split::all(live), Split::all(live.other()));
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let op = subject.around.op();
    let fault = subject
        .around
        .fault("a shift whose answer is lost", subject.router.shift(&op, new))
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "the answer was lost, and the shift says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    wait(subject.capabilities().settle()).await;
    let left = subject.observe().await?;
    hold!(
        left == old || left == new,
        "a shift from {old} to {new} was lost and left {left}"
    );
    subject.shift_as(&op, new).await?;
    subject.is_held(new, "after sending the lost shift again").await
}

/// Where tokens are compared: a shift that lands after a newer one changes nothing.
pub async fn a_shift_that_lands_late_does_not_undo_a_newer_one(subject: &RouterSubject) -> CaseResult {
    let capabilities = subject.capabilities();
    if let Fencing::Settle(time) = capabilities.fencing {
        return not_run(format!(
            "it compares no tokens; nothing is sent for {time:?} instead"
        ));
    }
    let live = subject.ready().await?;
    let (old, new) = (Split::all(live), Split::all(live.other()));
    subject
        .around
        .inject(ProviderFault::LandsLate { by: GRACE })
        .await?;
    let op = subject.around.op();
    let fault = subject
        .around
        .fault("a shift that lands late", subject.router.shift(&op, new))
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "nothing was answered, and the shift says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    subject.shift(old).await?;
    wait(GRACE * 2).await;
    subject.is_held(old, "after an older shift has landed late").await
}

/// Calls that run at once: reads answer with splits that were set, and the shift with the newest token
/// wins where tokens are compared. Where they are not, the same shift several times at once is one.
pub async fn calls_at_once_end_at_the_newest_split(subject: &RouterSubject) -> CaseResult {
    const AT_ONCE: u8 = 8;
    let live = subject.ready().await?;
    let (old, new) = (Split::all(live), Split::all(live.other()));
    let tokens = subject.capabilities().fencing == Fencing::Token;
    let mut shifts = JoinSet::new();
    let mut reads = JoinSet::new();
    for number in 1..=AT_ONCE {
        // With tokens each second one goes back, and the newest one goes forth.
        let split = if tokens && number % 2 == 1 { old } else { new };
        let (router, op) = (Arc::clone(&subject.router), subject.around.op());
        shifts.spawn(async move { (number, router.shift(&op, split).await) });
        let (router, op) = (
            Arc::clone(&subject.router),
            subject.around.op_with(Token::default()),
        );
        reads.spawn(async move { router.observe(&op).await });
    }
    while let Some(read) = reads.join_next().await {
        match subject
            .around
            .call("observe", async { read.map_err(|error| error.to_string()) })
            .await?
        {
            Ok(Ok(seen)) => {
                hold!(
                    seen.split == old || seen.split == new,
                    "observe says {} between {old} and {new}",
                    seen.split
                );
            }
            Ok(Err(fault)) => return broken(format!("observe beside a shift failed: {fault}")),
            Err(panic) => return broken(format!("observe beside a shift: {panic}")),
        }
    }
    while let Some(shift) = shifts.join_next().await {
        let (number, answer) = match shift {
            Ok(ended) => ended,
            Err(error) => return broken(format!("a shift beside others: {error}")),
        };
        match answer {
            Ok(()) => {}
            Err(fault) if tokens && number < AT_ONCE && fault.kind == FaultKind::Fenced => {}
            Err(fault) => return broken(format!("shift {number} of {AT_ONCE} at once failed: {fault}")),
        }
    }
    subject.is_held(new, "after all shifts at once").await
}

/// Requests in flight are counted or unknown: both slots are answered for, and no request is made up
/// where none was sent.
pub async fn requests_in_flight_are_counted_or_unknown(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    for slot in [live, live.other()] {
        let op = subject.around.op();
        let count = subject
            .around
            .done("in_flight", subject.router.in_flight(&op, slot))
            .await?;
        let made_up = slot != live && matches!(count, InFlight::AtLeast(1..));
        hold!(!made_up, "{slot} never had traffic, and in_flight says {count:?}");
    }
    subject.is_held(Split::all(live), "after counting").await
}
