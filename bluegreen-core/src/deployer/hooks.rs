//! What runs beside the deployment: warm-up commands, hooks, notices.

use std::time::Duration;

use futures_util::future::join_all;

use super::DeployError;
use super::act::{Act, done};
use super::parts::event_of;
use super::watch::EVIDENCE_BYTES;
use crate::command::{CommandHook, CommandSpec};
use crate::lifecycle::Event;
use crate::plan::{HookFailure, HookPoint};
use crate::text::bounded;
use crate::{Fault, FaultKind, HookContext, Notice, NoticeKind, Op};

impl Act<'_> {
    pub(super) async fn warm_up(&self) -> Result<Event, DeployError> {
        for (number, spec) in self.run.plan.warm_up.iter().enumerate() {
            if let Err(fault) = self.run_command(&format!("warm-up-{}", number + 1), spec).await {
                return event_of(&fault, Duration::ZERO);
            }
        }
        Ok(done(format!("{} commands", self.run.plan.warm_up.len())))
    }

    async fn run_command(&self, name: &str, spec: &CommandSpec) -> Result<String, Fault> {
        let context = self.parts.command_context(self.run);
        let mut values = context.of_slot(self.run.target).deployment(self.run.id);
        if let Some(release) = &self.run.release {
            values = values.release(release);
        }
        CommandHook::new(context)
            .run(name, spec, &values, self.left)
            .await
    }

    pub(super) async fn run_hooks(&self, at: HookPoint) -> Event {
        const TRIES: u32 = 3;
        let mut failures = Vec::new();
        let mut fatal = false;
        for hook in self.run.plan.hooks.iter().filter(|hook| hook.at == at) {
            let mut attempt = 0;
            let failure = loop {
                attempt += 1;
                let answer = match (&hook.command, self.parts.hooks.get(&hook.name)) {
                    (Some(spec), _) => self.run_command(&hook.name, spec).await,
                    (None, Some(action)) => {
                        let (service, release) = (self.parts.service.clone(), self.run.release.clone());
                        let context = HookContext::new(service, self.run.id, at, self.run.target, release);
                        let op = Op {
                            id: format!("{}.{}", self.op.id, hook.name),
                            ..self.long()
                        };
                        self.parts
                            .bounded(op.budget, "hook", action.run(&op, &context))
                            .await
                    }
                    (None, None) => Err(Fault::rejected("hook", "run", "it has no command and no code")),
                };
                match answer {
                    Ok(_) => break None,
                    Err(fault) if matches!(fault.kind, FaultKind::Unavailable { .. }) && attempt < TRIES => {
                        self.parts
                            .clock
                            .sleep(self.run.plan.retry.wait(attempt, self.run.id.number()))
                            .await;
                    }
                    Err(fault) => break Some(format!("{}: {fault}", hook.name)),
                }
            };
            if let Some(failure) = failure {
                failures.push(bounded(failure, EVIDENCE_BYTES));
                fatal |= hook.on_failure == HookFailure::Fail;
            }
        }
        Event::HooksRun { at, failures, fatal }
    }

    pub(super) async fn notify(&self, kind: NoticeKind) -> Event {
        let parts = self.parts;
        let release = self.run.release.clone();
        let mut failures = Vec::new();
        if let Some(release) = release {
            let message = super::report::announcement(self.run, kind);
            let notice = Notice::new(
                kind,
                parts.service.clone(),
                self.run.id,
                release,
                self.run.target,
                message,
            );
            let id = format!("{}.{kind:?}", self.op.id);
            let op = Op {
                id,
                budget: self.op.budget,
                token: self.op.token,
            };
            let answers = join_all(
                parts
                    .notifiers
                    .iter()
                    .map(|notifier| parts.bounded(op.budget, "notify", notifier.notify(&op, &notice))),
            )
            .await;
            failures.extend(
                answers
                    .into_iter()
                    .filter_map(Result::err)
                    .map(|fault| fault.to_string()),
            );
        }
        let failure = (!failures.is_empty()).then(|| bounded(failures.join("; "), EVIDENCE_BYTES));
        Event::Notified {
            notice: kind,
            failure,
        }
    }
}
