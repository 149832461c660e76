//! What an operation came to, for people: what is, what was done, what to do.

use bluegreen_core::lifecycle::{End, SlotState, Slots};
use bluegreen_core::{Report, Role, Slot};

use crate::Exit;
use crate::screen::Ended;
use crate::words::{clock, millis, table, time};

/// What whoever ran the command wanted to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// That the operation succeeds.
    Success,
    /// That all traffic is where it was, whatever operation was open.
    WayBack,
}

/// The end of a command that was an operation.
pub(crate) fn ended(report: &Report, wanted: Wanted) -> Ended {
    let is_back = match report.end {
        Some(End::RolledBack) => report.unverified.is_none(),
        Some(End::Aborted) => true,
        _ => false,
    };
    let exit = match (report.end, wanted) {
        (None, _) => Exit::NeedsOperator,
        (Some(End::Resolved), _) => Exit::AsMeant,
        (Some(_), Wanted::WayBack) if is_back => Exit::AsMeant,
        (Some(_), Wanted::Success) if report.succeeded() => Exit::AsMeant,
        (Some(_), _) => Exit::NotAsMeant,
    };
    Ended::new(exit, text(report)).with("report", report)
}

fn text(report: &Report) -> String {
    let mut rows = vec![["phase", "step", "began", "took"].map(str::to_owned).to_vec()];
    for phase in &report.phases {
        rows.push(vec![
            phase.phase.to_string(),
            phase.step.map(|step| step.to_string()).unwrap_or_default(),
            clock(phase.began),
            millis(phase.ms),
        ]);
    }
    format!(
        "\n{}\n{}\n  what is:       {}\n  what was done: {}\n  what to do:    {}\n",
        table(&rows),
        headline(report),
        slots(&report.slots),
        done(report),
        remedy(report),
    )
}

/// One line: what, and how it ended.
pub(crate) fn headline(report: &Report) -> String {
    let release = report
        .release
        .as_ref()
        .map(|release| format!(" {release}"))
        .unwrap_or_default();
    let took = report
        .took()
        .map(|took| format!(" after {}", time(took)))
        .unwrap_or_default();
    format!(
        "{}: {}{release} ({}): {}{took}",
        report.service,
        report.operation,
        report.deployment,
        end(report.end)
    )
}

fn end(end: Option<End>) -> &'static str {
    match end {
        None => "HALTED, needs an operator",
        Some(End::Promoted) => "promoted",
        Some(End::RolledBack) => "rolled back",
        Some(End::Failed) => "failed before any traffic had moved",
        Some(End::Aborted) => "aborted before any traffic had moved",
        Some(End::Retired) => "the standby is retired",
        Some(End::Contracted) => "the contract migrations have run",
        Some(End::Adopted) => "adopted",
        Some(End::Resolved) => "resolved by an operator",
    }
}

fn done(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(ms) = report.cutover_ms {
        parts.push(format!("the cutover took {}", millis(ms)));
    }
    if let Some(ms) = report.rollback_ms {
        parts.push(format!("all traffic was back after {}", millis(ms)));
    }
    for (step, by) in &report.approvals {
        parts.push(format!("{by} approved step {step}"));
    }
    if let Some(reason) = &report.reason {
        parts.push(reason.clone());
    }
    if let Some(unverified) = &report.unverified {
        parts.push(format!("but it is not as it should be there: {unverified}"));
    }
    if parts.is_empty() {
        parts.push(format!("begun by {}: {}", report.by.by, report.by.reason));
    }
    parts.join("; ")
}

fn remedy(report: &Report) -> String {
    match report.end {
        None => "`rollback` gives all traffic back whatever the slots' health; or move the traffic by hand and `resolve`".to_owned(),
        Some(End::Promoted) => match report.slots.standby() {
            Some(_) => "nothing; `rollback` is possible while the standby is kept, `retire` stops it then".to_owned(),
            None => "nothing".to_owned(),
        },
        Some(End::RolledBack | End::Failed) if report.unverified.is_some() => {
            "look at the live slot now".to_owned()
        }
        Some(End::RolledBack) if report.succeeded() => "nothing; find out why it was needed".to_owned(),
        Some(End::RolledBack | End::Failed) => "mend the reason, then deploy again".to_owned(),
        Some(End::Aborted | End::Retired | End::Contracted | End::Adopted | End::Resolved) => "nothing".to_owned(),
    }
}

/// Both slots, one sentence each.
pub(crate) fn slots(slots: &Slots) -> String {
    Slot::BOTH.map(|slot| of_slot(slot, slots.get(slot))).join("; ")
}

fn of_slot(slot: Slot, state: &SlotState) -> String {
    let release = state
        .release
        .as_ref()
        .map(|release| format!(" ({release})"))
        .unwrap_or_default();
    match (state.role, state.retained_until) {
        (Role::Live, _) => format!("{slot}{release} has the traffic"),
        (Role::Standby, Some(until)) => format!("{slot}{release} is standby until {until}"),
        (role, _) => format!("{slot}{release} is {role}"),
    }
}
