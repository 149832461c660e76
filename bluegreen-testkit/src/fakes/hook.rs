//! A hook that counts.

use async_trait::async_trait;
use bluegreen_core::{Fault, HookAction, HookContext, Op};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`HookAction`].
    HookCall {
        /// [`HookAction::run`].
        Run = "run",
    }
}

/// A hook that does its work once for each [`Op::id`]: called again, it has nothing to do.
#[derive(Debug, Clone)]
pub struct FakeHook {
    fake: Scripted<HookCall, Vec<(String, HookContext)>>,
}

scripted!(FakeHook, HookCall);

impl FakeHook {
    /// A hook that has not run.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        Self {
            fake: Scripted::new("hook", name, log, Vec::new()),
        }
    }

    /// What it was told each time that it did its work, oldest first. How often it was called is in
    /// [`calls`](Self::calls).
    #[must_use]
    pub fn ran(&self) -> Vec<HookContext> {
        let contexts =
            |ran: &[(String, HookContext)]| ran.iter().map(|(_, context)| context.clone()).collect();
        self.fake.with(|ran, _| contexts(ran))
    }
}

#[async_trait]
impl HookAction for FakeHook {
    async fn run(&self, op: &Op, context: &HookContext) -> Result<String, Fault> {
        let (id, context) = (op.id.clone(), context.clone());
        let arguments = context.at.to_string();
        self.fake
            .call(HookCall::Run, op, arguments, move |ran, _| {
                if ran.iter().any(|(done, _)| *done == id) {
                    return Ok("nothing to do".to_owned());
                }
                ran.push((id, context));
                Ok("done".to_owned())
            })
            .await
    }
}
