//! Deploys that end badly, and what they carry.

use bluegreen_core::{FaultKind, ReadyState, Slot};

use super::{HostSubject, assignment};
use crate::conformance::around::{ProviderFault, until, wait};
use crate::conformance::case::{CaseResult, hold};
use crate::conformance::dropped::{GRACE, MOST_POLLS, polled, polls};
use crate::conformance::usual;

/// A deploy that is dropped, at each of its polls, leaves what was there, or its own release, or nothing
/// yet; sent again it is there. After the settle time nothing of it changes the slot any more.
pub async fn a_dropped_deploy_can_be_sent_again(subject: &HostSubject) -> CaseResult {
    for polls in 1..=MOST_POLLS {
        let number = polls as u64;
        let assignment = subject.assignment(Slot::Green, number)?;
        let op = subject.around.op();
        let ended = polled(polls, subject.host.deploy(&op, &assignment))
            .await
            .is_some();
        subject.readiness(Slot::Green).await?;
        subject.deploy(&assignment).await?;
        subject.ready(&assignment).await?;
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

/// A deploy that is dropped does nothing more after the settle time: a slot that is retired then stays
/// stopped.
pub async fn nothing_of_a_dropped_deploy_lands_after_the_settle_time(subject: &HostSubject) -> CaseResult {
    for polls in polls(subject.host.settle()) {
        let assignment = subject.assignment(Slot::Green, polls as u64)?;
        let op = subject.around.op();
        let ended = polled(polls, subject.host.deploy(&op, &assignment))
            .await
            .is_some();
        wait(subject.host.settle()).await;
        subject.retire(Slot::Green).await?;
        wait(GRACE).await;
        let settle = subject.host.settle();
        let when = format!("after a dropped deploy, its settle time of {settle:?}, and a retire");
        subject.stopped(Slot::Green, &when).await?;
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

/// A deploy whose answer is lost is `Unknown`; sent again it is there, and has not begun anew if it had begun.
pub async fn a_deploy_whose_answer_is_lost_is_unknown_and_can_be_ensured(
    subject: &HostSubject,
) -> CaseResult {
    let assignment = subject.assignment(Slot::Green, 1)?;
    subject.around.inject(ProviderFault::LostAnswer).await?;
    let op = subject.around.op();
    let deploy = subject.host.deploy(&op, &assignment);
    let fault = subject
        .around
        .fault("a deploy whose answer is lost", deploy)
        .await?;
    let kind = fault.kind;
    hold!(
        kind == FaultKind::Unknown,
        "the answer was lost, and deploy says {kind:?}: {fault}"
    );
    subject.around.heal().await?;
    wait(subject.host.settle()).await;
    subject.deploy(&assignment).await?;
    subject.ready(&assignment).await?;
    if let Some(count) = &subject.begun {
        let begun = count(()).await;
        hold!(
            begun == 1,
            "a deploy was lost and sent again, and {begun} have begun"
        );
    }
    Ok(())
}

/// The longest version with every character that one may hold, an artifact and labels in which a shell,
/// a template or a path would see something: they are run as they are or `Rejected`, and nothing else happens.
pub async fn hostile_names_are_run_as_they_are_or_rejected(subject: &HostSubject) -> CaseResult {
    let long = format!("9._-+/:@{}", "x".repeat(120));
    let artifacts = [
        "$(touch pwned) `id` ; rm -rf / #",
        "../../etc/passwd",
        "{slot}\n--help\r\n\"' \\ %s ü",
        "",
    ];
    for (number, artifact) in (1..).zip(artifacts) {
        let release = usual::release(&long)?.artifact(artifact).label("note", artifact);
        let assignment = assignment(Slot::Green, release, number);
        let op = subject.around.op();
        let deploy = subject.host.deploy(&op, &assignment);
        match subject
            .around
            .call("deploy of a release with hostile names", deploy)
            .await?
        {
            Ok(()) => {
                let asked = async || subject.readiness(Slot::Green).await;
                let seen = until(subject.ready_within, asked, |seen| {
                    seen.state != ReadyState::Starting
                })
                .await?;
                if seen.state == ReadyState::Ready {
                    let version = Some(&assignment.release.version);
                    subject
                        .runs(Slot::Green, version, "after a release with hostile names")
                        .await?;
                }
            }
            Err(fault) => {
                let kind = fault.kind;
                hold!(
                    kind == FaultKind::Rejected,
                    "a release that cannot be run says {kind:?}: {fault}"
                );
            }
        }
    }
    subject.retire(Slot::Green).await?;
    subject
        .stopped(Slot::Green, "after releases with hostile names")
        .await
}
