//! What is set, seen and verified.

use bluegreen_core::{FaultKind, Share, Split};

use super::{RouterSubject, is_live, shares};
use crate::conformance::around::through;
use crate::conformance::case::{CaseResult, hold, not_run};

/// What a shift has set, `observe` says: the smallest share that the router can hold, some between,
/// everything, and all the way back.
pub async fn what_was_shifted_is_observed(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let next = live.other();
    let mut splits: Vec<Split> = shares(&subject.capabilities())
        .into_iter()
        .map(|share| Split::with(next, share))
        .collect();
    splits.extend([Split::all(next), Split::all(live)]);
    for split in splits {
        subject.shift(split).await?;
        subject
            .is_held(split, &format!("after a shift to {split}"))
            .await?;
    }
    Ok(())
}

/// `verify` says live of the split that is, in the time that the router declares; and never of another,
/// the nearest ones included.
pub async fn only_the_split_that_is_live_is_verified(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let next = live.other();
    let mut splits: Vec<Split> = shares(&subject.capabilities())
        .into_iter()
        .map(|share| Split::with(next, share))
        .collect();
    splits.extend([Split::all(next), Split::all(live)]);
    for split in &splits {
        subject.shift(*split).await?;
        subject.live(*split).await?;
        for other in splits.iter().filter(|other| *other != split) {
            let answer = subject.verify(*other).await?;
            let said_live = is_live(&answer);
            hold!(
                !said_live,
                "{split} is live, and verify says live of {other}: {answer:?}"
            );
        }
    }
    Ok(())
}

/// `stage` changes nobody's traffic, and may be called again, with the same token and with a newer one.
pub async fn staging_moves_no_traffic_and_twice_is_once(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let all = Split::all(live);
    let op = subject.around.op();
    for what in ["stage", "stage again"] {
        subject
            .around
            .done(what, subject.router.stage(&op, live.other()))
            .await?;
    }
    subject.stage(live.other()).await?;
    subject.is_held(all, "after staging").await?;
    subject.live(all).await?;
    if let Some(send) = &subject.traffic {
        let moved = send(200).await.into_iter().filter(|slot| *slot != live).count();
        hold!(
            moved == 0,
            "{moved} of 200 requests went to the slot that was staged at weight 0"
        );
    }
    Ok(())
}

/// A shift says where the traffic is to go, not how much more: sent again, with the same token and with
/// newer ones, it changes nothing.
pub async fn a_shift_is_absolute_and_twice_is_once(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let share = shares(&subject.capabilities())
        .first()
        .copied()
        .unwrap_or(Share::ALL);
    let split = Split::with(live.other(), share);
    let op = subject.around.op();
    for when in ["after a shift", "after the same shift again"] {
        subject.shift_as(&op, split).await?;
        subject.is_held(split, when).await?;
    }
    for _ in 0..2 {
        subject.shift(split).await?;
    }
    subject
        .is_held(split, "after the same shift with newer tokens")
        .await?;
    subject.live(split).await
}

/// A split that is finer than the router's granularity is `Rejected`, not rounded, and nothing changes.
pub async fn a_split_that_it_cannot_hold_is_rejected_and_changes_nothing(
    subject: &RouterSubject,
) -> CaseResult {
    let live = subject.ready().await?;
    let capabilities = subject.capabilities();
    let all = (1..10_000).filter_map(|points| Share::from_basis_points(points).ok());
    let mut splits = all.map(|share| Split::with(live.other(), share));
    let Some(split) = splits.find(|split| !capabilities.can_hold(*split)) else {
        return not_run("this router can hold every split");
    };
    let op = subject.around.op();
    let fault = subject
        .around
        .fault(&format!("shift to {split}"), subject.router.shift(&op, split))
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Rejected,
        "it cannot hold {split} and says {kind:?}: {fault}"
    );
    subject
        .is_held(Split::all(live), "after a split that it cannot hold")
        .await
}

/// How many requests are sent to see where they go.
const REQUESTS: u32 = 400;

/// Requests go where the split says: none to a slot without a share, and to one with a share about as
/// many (within five standard deviations of a binomial count, so that chance fails one run in a million).
pub async fn traffic_follows_the_split(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let next = live.other();
    let middle = shares(&subject.capabilities());
    let middle = middle.get(middle.len() / 2).copied().unwrap_or(Share::ALL);
    for split in [
        Split::all(live),
        Split::with(next, middle),
        Split::all(next),
        Split::all(live),
    ] {
        subject.shift(split).await?;
        subject.live(split).await?;
        let answered = through(subject.traffic.as_ref(), "traffic", REQUESTS as usize).await?;
        let count = u32::try_from(answered.len()).unwrap_or(u32::MAX);
        hold!(
            count == REQUESTS,
            "{count} of {REQUESTS} requests were answered under {split}"
        );
        let got = answered.iter().filter(|slot| **slot == next).count();
        let got = f64::from(u32::try_from(got).unwrap_or(u32::MAX));
        let share = split.share(next).fraction();
        let (mean, deviation) = (
            f64::from(REQUESTS) * share,
            (f64::from(REQUESTS) * share * (1.0 - share)).sqrt(),
        );
        let is_near = (got - mean).abs() <= 5.0 * deviation + f64::EPSILON;
        hold!(
            is_near,
            "under {split}, {got} of {REQUESTS} requests went to {next}"
        );
    }
    Ok(())
}

/// What somebody else has changed, `observe` says, and `verify` does not go on saying that the old split
/// is live. The next shift is not hindered by it.
pub async fn a_change_by_somebody_else_is_seen(subject: &RouterSubject) -> CaseResult {
    let live = subject.ready().await?;
    let (ours, theirs) = (Split::all(live), Split::all(live.other()));
    subject.shift(ours).await?;
    subject.live(ours).await?;
    through(subject.by_hand.as_ref(), "by_hand", theirs).await?;
    subject
        .is_held(theirs, "after somebody else has changed it")
        .await?;
    subject.live(theirs).await?;
    let answer = subject.verify(ours).await?;
    let said_live = is_live(&answer);
    hold!(
        !said_live,
        "somebody else has set {theirs}, and verify says live of {ours}: {answer:?}"
    );
    subject.shift(ours).await?;
    subject.is_held(ours, "after setting it right again").await
}

/// What is there and is no split is told: `observe` answers `Rejected`, and `verify` does not say live.
pub async fn a_foreign_configuration_is_told_and_not_taken_for_a_split(
    subject: &RouterSubject,
) -> CaseResult {
    let live = subject.ready().await?;
    through(subject.foreign.as_ref(), "foreign", ()).await?;
    let op = subject.around.op();
    let fault = subject
        .around
        .fault("observe of a foreign configuration", subject.router.observe(&op))
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Rejected,
        "observe met a foreign configuration and says {kind:?}: {fault}"
    );
    for slot in [live, live.other()] {
        let op = subject.around.op();
        let answer = subject
            .around
            .call("verify", subject.router.verify(&op, Split::all(slot)))
            .await?;
        let said_live = answer.as_ref().is_ok_and(is_live);
        hold!(
            !said_live,
            "a foreign configuration is there, and verify says live: {answer:?}"
        );
    }
    Ok(())
}
