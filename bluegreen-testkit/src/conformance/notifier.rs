//! The contract of [`Notifier`].

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{Clock, FaultKind, Notice, NoticeKind, Notifier, Slot, SystemClock};
use tokio::task::JoinSet;

use super::around::{Around, Hook, around, hook, through};
use super::case::{CaseResult, Unproven, broken, cases, hold};
use super::dropped::{MOST_POLLS, polled};
use super::faults::{Call, call, fault_cases, throttling_case};
use super::hostile::HOSTILE;
use super::usual;

/// A notifier to be examined, and what can be done around it.
pub struct NotifierSubject {
    notifier: Arc<dyn Notifier>,
    around: Around,
    received: Option<Hook<(), Vec<String>>>,
    hanging: Option<Hook<()>>,
}

around!(NotifierSubject, faults);

const KINDS: [NoticeKind; 7] = [
    NoticeKind::Started,
    NoticeKind::ApprovalNeeded,
    NoticeKind::Succeeded,
    NoticeKind::Failed,
    NoticeKind::RollingBack,
    NoticeKind::RolledBack,
    NoticeKind::NeedsOperator,
];

impl NotifierSubject {
    /// A fresh notifier.
    pub fn new(notifier: impl Notifier + 'static) -> Self {
        Self {
            notifier: Arc::new(notifier),
            around: Around::new(),
            received: None,
            hanging: None,
        }
    }

    /// Tells past the notifier what has arrived, oldest first, as text.
    #[must_use]
    pub fn received(mut self, ask: impl AsyncFn() -> Vec<String> + 'static) -> Self {
        self.received = Some(hook(async move |()| ask().await));
        self
    }

    /// From now on the other side takes what is sent and never answers.
    #[must_use]
    pub fn hanging(mut self, hang: impl AsyncFn() + 'static) -> Self {
        self.hanging = Some(hook(async move |()| hang().await));
        self
    }
}

fn notice(kind: NoticeKind, message: impl Into<String>) -> Result<Notice, Unproven> {
    Ok(Notice::new(
        kind,
        usual::service()?,
        usual::deployment(17),
        usual::release("1.1.0")?,
        Slot::Green,
        message.into(),
    ))
}

/// Every kind of notice arrives, in the order in which they were sent, with its message.
pub async fn every_kind_arrives_with_its_message(subject: &NotifierSubject) -> CaseResult {
    for kind in KINDS {
        let (op, notice) = (subject.around.op(), notice(kind, format!("message of {kind:?}"))?);
        let sent = subject.notifier.notify(&op, &notice);
        subject.around.done(&format!("notify of {kind:?}"), sent).await?;
    }
    let received = through(subject.received.as_ref(), "received", ()).await?;
    hold!(
        received.len() == KINDS.len(),
        "{} notices were sent, and arrived are {received:?}",
        KINDS.len()
    );
    for (kind, text) in KINDS.into_iter().zip(&received) {
        let said = text.contains(&format!("message of {kind:?}"));
        hold!(said, "a notice of {kind:?} arrived without its message: {text:?}");
    }
    Ok(())
}

/// A notice that is sent again, as after a crash, is no error.
pub async fn a_notice_sent_again_is_no_error(subject: &NotifierSubject) -> CaseResult {
    let (op, notice) = (subject.around.op(), notice(NoticeKind::Succeeded, "again")?);
    for what in ["notify", "notify again"] {
        subject
            .around
            .done(what, subject.notifier.notify(&op, &notice))
            .await?;
    }
    Ok(())
}

/// Whatever a message holds, and however long it is, it is sent or `Rejected`; the next one arrives.
pub async fn hostile_messages_are_sent_or_rejected(subject: &NotifierSubject) -> CaseResult {
    let long = "ü".repeat(100_000);
    for text in HOSTILE.iter().copied().chain([long.as_str()]) {
        let mut hostile = notice(NoticeKind::Failed, text)?;
        hostile.release = hostile.release.artifact(text).label("note", text);
        let op = subject.around.op();
        match subject
            .around
            .call(
                "notify of a hostile message",
                subject.notifier.notify(&op, &hostile),
            )
            .await?
        {
            Ok(()) => {}
            Err(fault) if fault.kind == FaultKind::Rejected => {}
            Err(fault) => return broken(format!("a hostile message is no reason to try again: {fault}")),
        }
    }
    let (op, notice) = (
        subject.around.op(),
        notice(NoticeKind::Succeeded, "the one after")?,
    );
    subject
        .around
        .done(
            "notify after hostile messages",
            subject.notifier.notify(&op, &notice),
        )
        .await?;
    if let Some(ask) = &subject.received {
        let last = ask(()).await.pop().unwrap_or_default();
        hold!(
            last.contains("the one after"),
            "after hostile messages the next one arrived as {last:?}"
        );
    }
    Ok(())
}

/// A receiver that never answers ends the call within its budget.
pub async fn a_receiver_that_hangs_ends_within_the_budget(subject: &NotifierSubject) -> CaseResult {
    through(subject.hanging.as_ref(), "hanging", ()).await?;
    let clock = SystemClock::new();
    let (op, notice) = (
        subject.around.op(),
        notice(NoticeKind::RollingBack, "nobody listens")?,
    );
    let answer = subject
        .around
        .call("notify", subject.notifier.notify(&op, &notice))
        .await?;
    let took = clock.monotonic().0;
    let longest = subject.around.budget + Duration::from_secs(1);
    hold!(
        took <= longest,
        "notify had {:?} and took {took:?}",
        subject.around.budget
    );
    match answer {
        Ok(()) => broken("nobody has answered, and notify says that it was sent"),
        Err(_) => Ok(()),
    }
}

/// Notices that are sent at once all arrive; one that was given up is in nobody's way.
pub async fn notices_at_once_all_arrive(subject: &NotifierSubject) -> CaseResult {
    for polls in 1..=MOST_POLLS {
        let (op, notice) = (subject.around.op(), notice(NoticeKind::Started, "given up")?);
        if polled(polls, subject.notifier.notify(&op, &notice))
            .await
            .is_some()
        {
            break;
        }
    }
    let mut sends = JoinSet::new();
    for number in 0..8 {
        let (notifier, op) = (Arc::clone(&subject.notifier), subject.around.op());
        let notice = notice(NoticeKind::Started, format!("at once, number {number}."))?;
        sends.spawn(async move { notifier.notify(&op, &notice).await });
    }
    while let Some(ended) = sends.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            other => return broken(format!("a notice beside others: {other:?}")),
        }
    }
    if let Some(ask) = &subject.received {
        let received = ask(()).await;
        for number in 0..8 {
            let wanted = format!("at once, number {number}.");
            let arrived = received.iter().any(|text| text.contains(&wanted));
            hold!(arrived, "{wanted:?} did not arrive: {received:?}");
        }
    }
    Ok(())
}

/// A secret that the notifier was given is not in its Debug output. That it is in no error either is
/// looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &NotifierSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.notifier)
}

fn calls(subject: &NotifierSubject) -> Vec<Call<'_>> {
    let (notifier, around) = (&subject.notifier, &subject.around);
    let notify = async {
        match notice(NoticeKind::Started, "a message") {
            Ok(notice) => notifier.notify(&around.op(), &notice).await,
            Err(_) => Ok(()),
        }
    };
    vec![call("notify", notify)]
}

fault_cases!(NotifierSubject, calls);
throttling_case!(NotifierSubject, calls);

cases! {
    $ notifier_conformance, notifier, NotifierSubject:
    every_kind_arrives_with_its_message,
    a_notice_sent_again_is_no_error,
    hostile_messages_are_sent_or_rejected,
    a_receiver_that_hangs_ends_within_the_budget,
    notices_at_once_all_arrive,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
