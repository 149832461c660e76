//! Waiting for a command, and what it came to.

use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use aws_sdk_ssm::types::{CommandInvocation, CommandInvocationStatus};
use bluegreen_core::{Fault, FaultKind};

use super::fleet::{Fleet, Sent};
use super::outcome;
use crate::account::{Call, SdkFailure};

/// Of so many machines the output is read when something failed.
const TOLD: usize = 3;

/// What a command wrote, where it ran on one machine, and what it came to.
pub(super) struct Ran {
    pub(super) output: Option<GetCommandInvocationOutput>,
    pub(super) evidence: String,
}

impl Fleet {
    /// Waits until a command is over on all its machines.
    pub(super) async fn result(&self, call: &Call, sent: &Sent) -> Result<Ran, Fault> {
        let invocations = loop {
            // Right after it was sent it has none.
            let invocations = self.invocations(call, &sent.id).await?;
            let over = |invocation: &CommandInvocation| invocation.status().is_some_and(outcome::is_over);
            if !invocations.is_empty() && invocations.len() >= sent.machines && invocations.iter().all(over) {
                break invocations;
            }
            if !call.pause(self.poll).await {
                let message = format!("command {} is still at work", sent.id);
                return Err(call.fault(FaultKind::Unknown, "ListCommandInvocations", message));
            }
        };
        self.judge(call, &sent.id, &invocations).await
    }

    async fn invocations(&self, call: &Call, id: &str) -> Result<Vec<CommandInvocation>, Fault> {
        let mut found = Vec::new();
        let mut pages = None;
        loop {
            let request = self
                .client
                .list_command_invocations()
                .command_id(id)
                .set_next_token(pages);
            let page = call.read("ListCommandInvocations", request.send()).await?;
            found.extend(page.command_invocations().iter().cloned());
            pages = page.next_token;
            if pages.is_none() {
                return Ok(found);
            }
        }
    }

    async fn judge(&self, call: &Call, id: &str, invocations: &[CommandInvocation]) -> Result<Ran, Fault> {
        let succeeded =
            |invocation: &&CommandInvocation| invocation.status() == Some(&CommandInvocationStatus::Success);
        let failed: Vec<_> = invocations
            .iter()
            .filter(|invocation| !succeeded(invocation))
            .collect();
        if failed.is_empty() {
            let output = match invocations {
                [only] => self.output(call, id, only).await?,
                _ => None,
            };
            let told = output.as_ref().map(outcome::told).filter(|told| !told.is_empty());
            let told = told.map_or_else(String::new, |told| format!(": {told}"));
            let machines: Vec<_> = invocations
                .iter()
                .filter_map(CommandInvocation::instance_id)
                .take(TOLD)
                .collect();
            let evidence = format!(
                "command {id} succeeded on {} ({}){told}",
                invocations.len(),
                machines.join(", ")
            );
            return Ok(Ran { output, evidence });
        }
        let mut worst = None;
        let mut message = format!(
            "command {id} failed on {} of {} machines",
            failed.len(),
            invocations.len()
        );
        for invocation in failed.iter().take(TOLD) {
            let output = self.output(call, id, invocation).await?;
            let code = output.as_ref().map(GetCommandInvocationOutput::response_code);
            worst = Some(heavier(worst, outcome::kind(invocation, code)));
            let details = invocation.status_details().unwrap_or("without a status");
            let told = output.as_ref().map(outcome::told).unwrap_or_default();
            let machine = invocation.instance_id().unwrap_or("a machine");
            message = format!(
                "{message}; {machine}: {details}, exit code {}: {told}",
                code.unwrap_or(-1)
            );
        }
        let kind = worst.unwrap_or(FaultKind::Unknown);
        Err(call.fault(kind, "GetCommandInvocation", message))
    }

    /// What a command wrote on a machine; as soon as it can be found.
    async fn output(
        &self,
        call: &Call,
        id: &str,
        invocation: &CommandInvocation,
    ) -> Result<Option<GetCommandInvocationOutput>, Fault> {
        let Some(machine) = invocation.instance_id() else {
            return Ok(None);
        };
        loop {
            let request = self
                .client
                .get_command_invocation()
                .command_id(id)
                .instance_id(machine);
            let get = async {
                match request.send().await {
                    Err(error) if error.code() == Some("InvocationDoesNotExist") => Ok(None),
                    answer => answer.map(Some),
                }
            };
            let output = call.read("GetCommandInvocation", get).await?;
            if output.is_some() || !call.pause(self.poll).await {
                return Ok(output);
            }
        }
    }
}

/// Of two ends the one that says less good of the effect: what is not known, then what will not work.
fn heavier(one: Option<FaultKind>, other: FaultKind) -> FaultKind {
    match (one, other) {
        (Some(FaultKind::Unknown), _) | (_, FaultKind::Unknown) => FaultKind::Unknown,
        (Some(FaultKind::Rejected), _) => FaultKind::Rejected,
        (_, other) => other,
    }
}
