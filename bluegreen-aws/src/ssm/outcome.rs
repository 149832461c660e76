//! What a command came to on its machines.

use std::fmt::Write as _;

use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use aws_sdk_ssm::types::{CommandInvocation, CommandInvocationStatus};
use bluegreen_core::FaultKind;

use crate::account::bounded;

/// What the service keeps of an output, in characters.
const KEPT: usize = 24_000;

/// "Nothing was done, try again": `EX_TEMPFAIL` of `sysexits.h`, as for all commands.
const TRY_AGAIN: i32 = 75;

/// Whether a command is over on a machine.
pub(super) const fn is_over(status: &CommandInvocationStatus) -> bool {
    matches!(
        status,
        CommandInvocationStatus::Success
            | CommandInvocationStatus::Failed
            | CommandInvocationStatus::TimedOut
            | CommandInvocationStatus::Cancelled
    )
}

/// What the end of a command on a machine that did not succeed says of its effect.
pub(super) fn kind(invocation: &CommandInvocation, code: Option<i32>) -> FaultKind {
    let not_done = FaultKind::Unavailable { retry_after: None };
    match (invocation.status(), invocation.status_details()) {
        // It never reached the machine.
        (Some(CommandInvocationStatus::TimedOut), Some("DeliveryTimedOut" | "Delivery Timed Out")) => {
            not_done
        }
        (Some(CommandInvocationStatus::Failed), _) if code == Some(TRY_AGAIN) => not_done,
        (Some(CommandInvocationStatus::Failed), _) => FaultKind::Rejected,
        // It was ended in the middle.
        _ => FaultKind::Unknown,
    }
}

/// Whether a command that ended so may be sent again for the same act.
pub(super) fn may_be_sent_again(kind: FaultKind) -> bool {
    kind != FaultKind::Rejected
}

/// The last lines of an output, for people.
pub(super) fn told(output: &GetCommandInvocationOutput) -> String {
    let stdout = output.standard_output_content().unwrap_or_default();
    let stderr = output.standard_error_content().unwrap_or_default();
    let mut text = String::new();
    for (name, written) in [("", stdout), ("errors: ", stderr)] {
        let lines: Vec<_> = written
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let last = lines.len().saturating_sub(3);
        let end = lines.get(last..).unwrap_or_default().join(" | ");
        if !end.is_empty() {
            let gap = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{gap}{name}{}", bounded(&end));
        }
    }
    if is_cut(output) {
        text += " (the output is cut after 24,000 characters: its end is not known)";
    }
    text
}

/// Whether there was more than the service keeps.
pub(super) fn is_cut(output: &GetCommandInvocationOutput) -> bool {
    let stdout = output.standard_output_content().unwrap_or_default();
    stdout.chars().count() >= KEPT
}
