//! An approver that thinks for a while.

use std::collections::HashMap;

use async_trait::async_trait;
use bluegreen_core::{Answer, ApprovalRequest, Approver, DeploymentId, Fault, Op, Share};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Approver`].
    ApproverCall {
        /// [`Approver::ask`].
        Ask = "ask",
    }
}

/// Answers each question (by deployment and share) after it was asked some times in vain, or as it was
/// told for this question; at first, never.
#[derive(Debug, Clone)]
pub struct FakeApprover {
    fake: Scripted<ApproverCall, State>,
}

#[derive(Debug)]
struct State {
    answer: Answer,
    after: u32,
    asked: HashMap<(DeploymentId, Share), u32>,
    answered: HashMap<(DeploymentId, Share), Answer>,
}

scripted!(FakeApprover, ApproverCall);

impl FakeApprover {
    /// An approver that does not answer.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        let state = State {
            answer: Answer::Pending,
            after: 0,
            asked: HashMap::new(),
            answered: HashMap::new(),
        };
        Self {
            fake: Scripted::new("approver", name, log, state),
        }
    }

    /// From now on a question is answered when it was asked `asks` times in vain.
    pub fn answer_after(&self, asks: u32, answer: Answer) {
        self.fake.with(|state, _| {
            state.answer = answer;
            state.after = asks;
        });
    }

    /// From now on one question is answered so, whatever is said of the others.
    pub fn answer(&self, deployment: DeploymentId, share: Share, answer: Answer) {
        self.fake
            .with(|state, _| state.answered.insert((deployment, share), answer));
    }

    /// How many different questions were put.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.fake.with(|state, _| state.asked.len())
    }
}

#[async_trait]
impl Approver for FakeApprover {
    async fn ask(&self, op: &Op, request: &ApprovalRequest) -> Result<Answer, Fault> {
        let question = (request.deployment, request.share);
        let arguments = format!("{} at {}", request.release, request.share);
        self.fake
            .call(ApproverCall::Ask, op, arguments, move |state, _| {
                let asked = state.asked.entry(question).or_default();
                *asked = asked.saturating_add(1);
                if let Some(answer) = state.answered.get(&question) {
                    return Ok(answer.clone());
                }
                Ok(if *asked > state.after {
                    state.answer.clone()
                } else {
                    Answer::Pending
                })
            })
            .await
    }
}
