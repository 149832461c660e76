//! Broken approvers, notifiers and observers.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{
    Answer, ApprovalRequest, Approver, Entry, Event, Fault, Notice, Notifier, Observer, Op, Share,
};
use bluegreen_testkit::conformance::approver::{self, ApproverSubject};
use bluegreen_testkit::conformance::notifier::{self, NotifierSubject};
use bluegreen_testkit::conformance::observer::{self, ObserverSubject};
use bluegreen_testkit::fakes::{CallLog, FakeApprover, FakeNotifier, RecordingObserver};

use super::{caught, sound};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ApproverDefect {
    None,
    SilenceIsConsent,
    OneYesIsAYesToAll,
    ForgetsWhatWasSaid,
    WaitsForAnAnswer,
}

#[derive(Debug)]
struct BentApprover(FakeApprover, ApproverDefect, Mutex<bool>);

#[async_trait]
impl Approver for BentApprover {
    async fn ask(&self, op: &Op, request: &ApprovalRequest) -> Result<Answer, Fault> {
        let mut request = request.clone();
        if self.1 == ApproverDefect::OneYesIsAYesToAll {
            request.share = Share::ALL;
            request.deployment = bluegreen_core::DeploymentId::new(1, request.deployment.began());
        }
        let answer = self.0.ask(op, &request).await?;
        match self.1 {
            ApproverDefect::SilenceIsConsent if answer == Answer::Pending => Ok(Answer::Approved {
                by: "silence".to_owned(),
            }),
            ApproverDefect::WaitsForAnAnswer if answer == Answer::Pending => std::future::pending().await,
            ApproverDefect::ForgetsWhatWasSaid if answer != Answer::Pending => {
                let said = std::mem::replace(&mut *self.2.lock().unwrap(), true);
                Ok(if said { Answer::Pending } else { answer })
            }
            _ => Ok(answer),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_an_approver_is_caught() {
    let subject = |defect| {
        let fake = FakeApprover::new("chat", &CallLog::default());
        let (people, questions) = (fake.clone(), fake.clone());
        let merges = defect == ApproverDefect::OneYesIsAYesToAll;
        ApproverSubject::new(BentApprover(fake, defect, Mutex::new(false)))
            .people(async move |request, answer| {
                let share = if merges { Share::ALL } else { request.share };
                people.answer(request.deployment, share, answer);
            })
            .questions(async move || u32::try_from(questions.questions()).unwrap())
    };
    sound(&approver::prove_all(async || subject(ApproverDefect::None)).await);
    for (defect, by) in [
        (ApproverDefect::SilenceIsConsent, "nobody_has_answered_is_pending"),
        (
            ApproverDefect::OneYesIsAYesToAll,
            "an_answer_is_to_its_own_question",
        ),
        (
            ApproverDefect::ForgetsWhatWasSaid,
            "a_yes_is_approved_by_somebody",
        ),
        (ApproverDefect::WaitsForAnAnswer, "nobody_has_answered_is_pending"),
    ] {
        caught(
            &approver::prove_all(async || subject(defect)).await,
            defect,
            &[by],
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotifierDefect {
    None,
    DropsWhatItCannotSend,
    QuotesTheMessageInItsError,
    WaitsForTheReceiver,
    SendsTheKindOnly,
}

#[derive(Debug)]
struct BentNotifier(FakeNotifier, NotifierDefect, std::sync::Arc<Mutex<bool>>);

#[async_trait]
impl Notifier for BentNotifier {
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault> {
        let mut notice = notice.clone();
        let is_hanging = *self.2.lock().unwrap();
        if is_hanging && self.1 == NotifierDefect::WaitsForTheReceiver {
            std::future::pending::<()>().await;
        } else if is_hanging {
            return Err(Fault::unknown("bent", "notify", "no answer in time"));
        }
        match self.1 {
            NotifierDefect::DropsWhatItCannotSend if notice.message.contains("number 3") => return Ok(()),
            NotifierDefect::QuotesTheMessageInItsError if notice.message.len() > 1_000 => {
                return Err(Fault::rejected("bent", "notify", notice.message));
            }
            NotifierDefect::SendsTheKindOnly => notice.message.clear(),
            _ => {}
        }
        self.0.notify(op, &notice).await
    }
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_a_notifier_is_caught() {
    let subject = |defect| {
        let fake = FakeNotifier::new("chat", &CallLog::default());
        let (received, hanging) = (fake.clone(), std::sync::Arc::new(Mutex::new(false)));
        NotifierSubject::new(BentNotifier(fake, defect, hanging.clone()))
            .received(async move || {
                received
                    .notices()
                    .into_iter()
                    .map(|notice| notice.message)
                    .collect()
            })
            .hanging(async move || *hanging.lock().unwrap() = true)
    };
    sound(&notifier::prove_all(async || subject(NotifierDefect::None)).await);
    for (defect, by) in [
        (
            NotifierDefect::DropsWhatItCannotSend,
            "notices_at_once_all_arrive",
        ),
        (
            NotifierDefect::QuotesTheMessageInItsError,
            "hostile_messages_are_sent_or_rejected",
        ),
        (
            NotifierDefect::WaitsForTheReceiver,
            "a_receiver_that_hangs_ends_within_the_budget",
        ),
        (
            NotifierDefect::SendsTheKindOnly,
            "every_kind_arrives_with_its_message",
        ),
    ] {
        caught(
            &notifier::prove_all(async || subject(defect)).await,
            defect,
            &[by],
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObserverDefect {
    None,
    Blocks,
    PanicsOnSomeEvents,
    NeedsARuntime,
    CutsTextsInTheMiddleOfALetter,
}

#[derive(Debug)]
struct BentObserver(RecordingObserver, ObserverDefect);

impl Observer for BentObserver {
    fn observe(&self, entry: &Entry) {
        match self.1 {
            ObserverDefect::Blocks => std::thread::sleep(Duration::from_millis(15)),
            ObserverDefect::PanicsOnSomeEvents if entry.event == Event::Expired => {
                panic!("nobody thought of it")
            }
            ObserverDefect::NeedsARuntime => drop(tokio::runtime::Handle::current()),
            ObserverDefect::CutsTextsInTheMiddleOfALetter => {
                if let Event::Failed { reason } = &entry.event {
                    let _ = reason.len() > 101 && !reason[..101].is_empty();
                }
            }
            _ => {}
        }
        self.0.observe(entry);
    }
}

#[tokio::test]
async fn each_defect_of_an_observer_is_caught() {
    let subject = |defect| {
        let recording = RecordingObserver::new();
        let seen = recording.clone();
        ObserverSubject::new(BentObserver(recording, defect)).seen(async move || seen.entries().len())
    };
    sound(&observer::prove_all(async || subject(ObserverDefect::None)).await);
    for (defect, by) in [
        (
            ObserverDefect::PanicsOnSomeEvents,
            "every_event_in_every_phase_is_taken",
        ),
        (ObserverDefect::NeedsARuntime, "it_may_be_called_from_any_thread"),
        (
            ObserverDefect::CutsTextsInTheMiddleOfALetter,
            "hostile_texts_are_taken",
        ),
    ] {
        caught(
            &observer::prove_all(async || subject(defect)).await,
            defect,
            &[by],
        );
    }
    let blocks = observer::it_returns_at_once(&subject(ObserverDefect::Blocks)).await;
    assert!(blocks.is_err(), "an observer that blocks was not caught");
}
