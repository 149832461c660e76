//! The contract of [`Observer`].

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::lifecycle::CheckResult;
use bluegreen_core::plan::HookPoint;
use bluegreen_core::{
    Clock, Entry, Event, Health, NoticeKind, Observer, Operation, Outcome, Phase, Release, Signed, Slot,
    Split, SystemClock, Verification, Version,
};

use super::around::{Around, Hook, around, hook};
use super::case::{CaseResult, Unproven, broken, cases, hold, not_run};
use super::hostile::HOSTILE;

/// An observer to be examined, and what can be done around it.
pub struct ObserverSubject {
    observer: Arc<dyn Observer>,
    around: Around,
    seen: Option<Hook<(), usize>>,
    stall: Option<Hook<()>>,
}

around!(ObserverSubject);

impl ObserverSubject {
    /// A fresh observer.
    pub fn new(observer: impl Observer + 'static) -> Self {
        Self {
            observer: Arc::new(observer),
            around: Around::new(),
            seen: None,
            stall: None,
        }
    }

    /// Tells how many entries have come out on the other side.
    #[must_use]
    pub fn seen(mut self, count: impl AsyncFn() -> usize + 'static) -> Self {
        self.seen = Some(hook(async move |()| count().await));
        self
    }

    /// From now on the other side takes nothing: a full pipe, a database that is down.
    #[must_use]
    pub fn stall(mut self, stall: impl AsyncFn() + 'static) -> Self {
        self.stall = Some(hook(async move |()| stall().await));
        self
    }

    async fn has_seen(&self, expected: usize, when: &str) -> CaseResult {
        let Some(count) = &self.seen else { return Ok(()) };
        let seen = super::around::until(
            self.around.budget,
            async || Ok::<_, Unproven>(count(()).await),
            |seen| *seen >= expected,
        )
        .await?;
        hold!(
            seen == expected,
            "{when}, {expected} entries have come out, and {seen} did"
        );
        Ok(())
    }
}

/// One event of every kind, with this text wherever an event holds one.
fn events(text: &str) -> Vec<Event> {
    let by = Signed::new(text, text);
    let release = Version::new("1.1.0")
        .ok()
        .map(|version| Release::new(version).artifact(text).label("note", text));
    let results = vec![CheckResult {
        name: text.to_owned(),
        slot: Slot::Green,
        outcome: Outcome::Fail,
        evidence: text.to_owned(),
    }];
    let split = Split::all(Slot::Green);
    let text = || text.to_owned();
    vec![
        Event::Started {
            operation: Operation::Deploy,
            release,
            by: by.clone(),
        },
        Event::Claimed {
            holder: text(),
            epoch: u64::MAX,
            takeover: true,
            settle_ms: u64::MAX,
        },
        Event::Reconciled {
            routers: vec![(text(), split)],
        },
        Event::Checked {
            results: results.clone(),
        },
        Event::Watched {
            watched_ms: u64::MAX,
            results,
        },
        Event::Done { evidence: text() },
        Event::Verified {
            routers: vec![(text(), Verification::Unknown { why: text() })],
            settle_ms: 0,
        },
        Event::Assessed {
            origin: Health::Unhealthy,
            target: Health::Healthy,
            evidence: text(),
        },
        Event::Deferred {
            reason: text(),
            retry_after_ms: Some(u64::MAX),
        },
        Event::Unknown {
            reason: text(),
            settle_ms: 0,
        },
        Event::Failed { reason: text() },
        Event::Expired,
        Event::Waited,
        Event::Interrupted,
        Event::HooksRun {
            at: HookPoint::before(Phase::Shift),
            failures: vec![text()],
            fatal: true,
        },
        Event::Notified {
            notice: NoticeKind::NeedsOperator,
            failure: Some(text()),
        },
        Event::Approved {
            by: text(),
            step: usize::MAX,
        },
        Event::AbortRequested { by: by.clone() },
        Event::ReturnRequested { by: by.clone() },
        Event::Resolved { by, live: Slot::Blue },
    ]
}

/// An entry of the journal with this event, as it is read from one.
fn entry(event: &Event, phase: Phase) -> Result<Entry, Unproven> {
    let mut value = serde_json::json!({
        "deployment": "17-20261121T083000Z",
        "at": "2026-11-21T08:30:00.000Z",
        "phase": phase,
        "step": 1,
    });
    let fields = serde_json::to_value(event).unwrap_or_default();
    if let (Some(entry), Some(fields)) = (value.as_object_mut(), fields.as_object()) {
        entry.extend(fields.clone());
    }
    serde_json::from_value(value)
        .or_else(|error| not_run(format!("the entry of this case cannot be made: {error}")))
}

/// Every kind of event, in every phase, is taken without a panic, and comes out.
pub async fn every_event_in_every_phase_is_taken(subject: &ObserverSubject) -> CaseResult {
    let mut sent = 0;
    for phase in Phase::ALL {
        for event in events("a text") {
            subject.observer.observe(&entry(&event, *phase)?);
            sent += 1;
        }
    }
    subject.has_seen(sent, "after every event").await
}

/// Whatever texts the events hold, and however long they are, they are taken without a panic.
pub async fn hostile_texts_are_taken(subject: &ObserverSubject) -> CaseResult {
    let long = "ü".repeat(50_000);
    let mut sent = 0;
    for text in HOSTILE.iter().copied().chain([long.as_str()]) {
        for event in events(text) {
            subject.observer.observe(&entry(&event, Phase::Bake)?);
            sent += 1;
        }
    }
    subject.has_seen(sent, "after events with hostile texts").await
}

/// How many entries are sent where the time matters, and how long all of them may take: a tenth of a
/// millisecond each would do, this is a hundred times as much and notices who waits for anything.
const MANY: usize = 200;
const LONGEST: Duration = Duration::from_secs(2);

fn at_once(subject: &ObserverSubject, what: &str) -> CaseResult {
    let clock = SystemClock::new();
    let event = entry(&Event::Waited, Phase::Bake)?;
    for _ in 0..MANY {
        subject.observer.observe(&event);
    }
    let took = clock.monotonic().0;
    hold!(took <= LONGEST, "{what}, {MANY} entries took {took:?}");
    Ok(())
}

/// It returns at once: the deployment goes on.
pub async fn it_returns_at_once(subject: &ObserverSubject) -> CaseResult {
    at_once(subject, "when nothing hinders")?;
    subject.has_seen(MANY, "after many entries").await
}

/// It returns at once also when the other side takes nothing.
pub async fn it_returns_at_once_also_when_the_other_side_is_stalled(subject: &ObserverSubject) -> CaseResult {
    super::around::through(subject.stall.as_ref(), "stall", ()).await?;
    at_once(subject, "when the other side is stalled")
}

/// It may be called from several threads, and from one without a runtime.
pub async fn it_may_be_called_from_any_thread(subject: &ObserverSubject) -> CaseResult {
    let event = entry(&Event::Waited, Phase::Bake)?;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (observer, event) = (Arc::clone(&subject.observer), event.clone());
            std::thread::spawn(move || {
                for _ in 0..100 {
                    observer.observe(&event);
                }
            })
        })
        .collect();
    for thread in threads {
        if thread.join().is_err() {
            return broken("it panicked on a thread without a runtime");
        }
    }
    subject.has_seen(400, "after four threads").await
}

/// A secret that the observer was given is not in its Debug output.
pub async fn secrets_are_not_in_debug(subject: &ObserverSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.observer)
}

cases! {
    $ observer_conformance, observer, ObserverSubject:
    every_event_in_every_phase_is_taken,
    hostile_texts_are_taken,
    it_returns_at_once,
    it_returns_at_once_also_when_the_other_side_is_stalled,
    it_may_be_called_from_any_thread,
    secrets_are_not_in_debug,
}
