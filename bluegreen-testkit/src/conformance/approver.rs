//! The contract of [`Approver`].
//!
//! A fresh subject was asked nothing, and nobody has answered.

use std::sync::Arc;

use bluegreen_core::{Answer, ApprovalRequest, Approver, Share, Timestamp};
use tokio::task::JoinSet;

use super::around::{Around, Hook, around, hook, through};
use super::case::{CaseResult, Unproven, broken, cases, hold, not_run};
use super::dropped::{MOST_POLLS, polled};
use super::faults::{Call, call, fault_cases, throttling_case};
use super::hostile::HOSTILE;
use super::usual;

/// An approver to be examined, and what can be done around it.
pub struct ApproverSubject {
    approver: Arc<dyn Approver>,
    around: Around,
    people: Option<Hook<(ApprovalRequest, Answer)>>,
    questions: Option<Hook<(), u32>>,
}

around!(ApproverSubject, faults);

impl ApproverSubject {
    /// A fresh approver.
    pub fn new(approver: impl Approver + 'static) -> Self {
        Self {
            approver: Arc::new(approver),
            around: Around::new(),
            people: None,
            questions: None,
        }
    }

    /// Somebody gives this answer to this question, which was put before.
    #[must_use]
    pub fn people(mut self, answer: impl AsyncFn(ApprovalRequest, Answer) + 'static) -> Self {
        self.people = Some(hook(async move |(request, said)| answer(request, said).await));
        self
    }

    /// Tells past the approver how many different questions people see.
    #[must_use]
    pub fn questions(mut self, count: impl AsyncFn() -> u32 + 'static) -> Self {
        self.questions = Some(hook(async move |()| count().await));
        self
    }

    async fn ask(&self, request: &ApprovalRequest) -> Result<Answer, Unproven> {
        let op = self.around.op();
        let answer = self.around.done("ask", self.approver.ask(&op, request)).await?;
        match &answer {
            Answer::Pending => {}
            Answer::Approved { by } => self.around.text("who has approved", by)?,
            Answer::Denied { by, reason } => {
                self.around.text("who has denied", by)?;
                self.around.text("the reason of a denial", reason)?;
            }
        }
        Ok(answer)
    }

    async fn is(&self, request: &ApprovalRequest, expected: &Answer, when: &str) -> CaseResult {
        let answer = self.ask(request).await?;
        hold!(
            answer == *expected,
            "{when}, the answer has to be {expected:?} and is {answer:?}"
        );
        Ok(())
    }

    async fn say(&self, request: &ApprovalRequest, answer: &Answer) -> CaseResult {
        through(self.people.as_ref(), "people", (request.clone(), answer.clone())).await
    }
}

/// A question about a deployment, at a share.
fn request(number: u64, share: Share) -> Result<ApprovalRequest, Unproven> {
    let expires = Timestamp::from_millis(4_000_000_000_000);
    Ok(ApprovalRequest::new(
        usual::service()?,
        usual::deployment(number),
        usual::release("1.1.0")?,
        share,
        expires,
    ))
}

fn yes() -> Answer {
    Answer::Approved { by: "ada".to_owned() }
}

fn no() -> Answer {
    Answer::Denied {
        by: "grace".to_owned(),
        reason: "not before the weekend".to_owned(),
    }
}

/// Until somebody answers it is pending, however often it is asked; asking does not wait.
pub async fn nobody_has_answered_is_pending(subject: &ApproverSubject) -> CaseResult {
    let request = request(1, Share::ALL)?;
    for _ in 0..3 {
        subject
            .is(&request, &Answer::Pending, "before anybody has answered")
            .await?;
    }
    Ok(())
}

/// A yes is a yes, with who said it, each time that it is asked for.
pub async fn a_yes_is_approved_by_somebody(subject: &ApproverSubject) -> CaseResult {
    let request = request(1, Share::ALL)?;
    subject
        .is(&request, &Answer::Pending, "before anybody has answered")
        .await?;
    subject.say(&request, &yes()).await?;
    for _ in 0..2 {
        subject.is(&request, &yes(), "after a yes").await?;
    }
    Ok(())
}

/// A no is a no, with who said it and why.
pub async fn a_no_is_denied_with_its_reason(subject: &ApproverSubject) -> CaseResult {
    let request = request(1, Share::ALL)?;
    subject
        .is(&request, &Answer::Pending, "before anybody has answered")
        .await?;
    subject.say(&request, &no()).await?;
    for _ in 0..2 {
        subject.is(&request, &no(), "after a no").await?;
    }
    Ok(())
}

/// An answer is to one deployment at one share: a yes to a tenth is no yes to everything, and none to
/// the next deployment.
pub async fn an_answer_is_to_its_own_question(subject: &ApproverSubject) -> CaseResult {
    let Ok(tenth) = Share::from_percent(10) else {
        return not_run("10 % is no share");
    };
    let asked = request(1, tenth)?;
    let others = [request(1, Share::ALL)?, request(2, tenth)?];
    subject
        .is(&asked, &Answer::Pending, "before anybody has answered")
        .await?;
    subject.say(&asked, &yes()).await?;
    for other in &others {
        let when = format!(
            "after a yes to {} at {tenth} only, to {} at {}",
            asked.deployment, other.deployment, other.share
        );
        subject.is(other, &Answer::Pending, &when).await?;
    }
    subject.is(&asked, &yes(), "after other questions").await
}

/// A question that is put again, at once with others or after a call that was given up, is one question.
pub async fn a_question_put_again_is_one(subject: &ApproverSubject) -> CaseResult {
    let request = request(1, Share::ALL)?;
    for polls in 1..=MOST_POLLS {
        let op = subject.around.op();
        if polled(polls, subject.approver.ask(&op, &request)).await.is_some() {
            break;
        }
    }
    let mut asks = JoinSet::new();
    for _ in 0..4 {
        let (approver, op, request) = (
            Arc::clone(&subject.approver),
            subject.around.op(),
            request.clone(),
        );
        asks.spawn(async move { approver.ask(&op, &request).await });
    }
    while let Some(ended) = asks.join_next().await {
        match ended {
            Ok(Ok(Answer::Pending)) => {}
            other => {
                return broken(format!(
                    "nobody has answered, and a question beside others says {other:?}"
                ));
            }
        }
    }
    let seen = through(subject.questions.as_ref(), "questions", ()).await?;
    hold!(
        seen == 1,
        "one question was put several times, and people see {seen}"
    );
    Ok(())
}

/// Names and labels that mean something to a chat, a shell or a terminal do no harm.
pub async fn hostile_text_is_taken_or_rejected(subject: &ApproverSubject) -> CaseResult {
    for (number, text) in (1..).zip(HOSTILE) {
        let mut request = request(number, Share::ALL)?;
        request.release = request.release.artifact(*text).label("note", *text);
        let op = subject.around.op();
        match subject
            .around
            .call("ask about hostile text", subject.approver.ask(&op, &request))
            .await?
        {
            Ok(Answer::Pending) => {}
            Err(fault) if fault.kind == bluegreen_core::FaultKind::Rejected => {}
            other => return broken(format!("nobody was there to answer, and ask says {other:?}")),
        }
    }
    Ok(())
}

/// A secret that the approver was given is not in its Debug output. That it is in no error and in no
/// answer either is looked at in every case.
pub async fn secrets_are_not_in_debug(subject: &ApproverSubject) -> CaseResult {
    subject.around.debug_is_discreet(&subject.approver)
}

fn calls(subject: &ApproverSubject) -> Vec<Call<'_>> {
    let (approver, around) = (&subject.approver, &subject.around);
    let ask = async {
        match request(1, Share::ALL) {
            Ok(request) => approver.ask(&around.op(), &request).await,
            Err(unproven) => Err(usual::uncalled(&unproven)),
        }
    };
    vec![call("ask", ask)]
}

fault_cases!(ApproverSubject, calls);
throttling_case!(ApproverSubject, calls);

cases! {
    $ approver_conformance, approver, ApproverSubject:
    nobody_has_answered_is_pending,
    a_yes_is_approved_by_somebody,
    a_no_is_denied_with_its_reason,
    an_answer_is_to_its_own_question,
    a_question_put_again_is_one,
    hostile_text_is_taken_or_rejected,
    secrets_are_not_in_debug,
    a_refused_connection_is_unavailable,
    a_refused_request_is_rejected,
    throttling_is_unavailable_with_its_wait,
}
