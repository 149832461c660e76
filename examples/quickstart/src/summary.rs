//! What it came to, and whether that is what the flags asked for.

use std::process::ExitCode;

use bluegreen_core::deployer::PhaseTime;
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Report, Slot};
use bluegreen_testkit::load::Reason;
use bluegreen_testkit::loopback::PerSlot;
use serde::Serialize;

use crate::Mode;
use crate::deployment::NEW;
use crate::world::Aftermath;

/// What it came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// How the deployment ended: `promoted`, `rolled_back`, …; `null`: it needs an operator.
    pub(crate) outcome: Option<End>,
    /// Whether that, and everything else, is what the flags asked for.
    pub(crate) as_asked: bool,
    /// The same for people.
    pub(crate) sentence: String,
    /// What is not as it was asked for.
    pub(crate) problems: Vec<String>,
    /// Why the deployment ended otherwise than it was meant to.
    pub(crate) reason: Option<String>,
    /// Counted in the clients, by the slot that answered.
    pub(crate) slots: PerSlot<SlotCount>,
    /// All requests of the clients.
    pub(crate) requests: u64,
    /// Those that failed, for whatever reason.
    pub(crate) failed: u64,
    /// Those of them that the new release answered with an error itself.
    pub(crate) failed_by_release: u64,
    /// All others: what was lost on the way. Must be none.
    pub(crate) lost: u64,
    pub(crate) requests_per_second: f64,
    /// From the decision to give all traffic to the new release to the confirmation.
    pub(crate) cutover_ms: Option<u64>,
    /// From the decision to go back to the confirmation.
    pub(crate) rollback_ms: Option<u64>,
    pub(crate) phases: Vec<PhaseTime>,
    /// From the first event to the last.
    pub(crate) took_ms: u64,
    /// Why what only the old release uses was not taken away.
    pub(crate) contract: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) kills: u32,
    #[serde(skip)]
    pub(crate) mode: Mode,
    #[serde(skip)]
    pub(crate) examples: Vec<String>,
}

/// The requests that a slot has answered.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SlotCount {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}

impl Summary {
    /// Judges what is there at the end.
    pub(crate) fn new(mode: Mode, report: Report, after: &Aftermath, kills: u32) -> Self {
        let load = &after.load;
        let of = |slot| {
            let seen = load.slots.get(&slot);
            seen.map_or(
                SlotCount {
                    requests: 0,
                    failed: 0,
                },
                |seen| SlotCount {
                    requests: seen.answered + seen.failed,
                    failed: seen.failed,
                },
            )
        };
        let slots = PerSlot {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        };
        let failed_by_release = match mode {
            Mode::BadRelease => slots
                .green
                .failed
                .min(load.failures.get(&Reason::Status).copied().unwrap_or(0)),
            Mode::Plain | Mode::Kill { .. } | Mode::Lossy => 0,
        };
        let lost = load.failed() - failed_by_release;
        let mut problems = what_is_wrong(mode, &report, after, kills);
        if mode == Mode::Lossy {
            if lost == 0 {
                problems.push(
                    "connections were dropped, and no client noticed: the counting does not count".to_owned(),
                );
            }
        } else if lost > 0 {
            problems.push(format!("{lost} requests were lost"));
        }
        if mode == Mode::BadRelease && failed_by_release == 0 {
            problems.push("the bad release has answered no request with an error".to_owned());
        }
        let took = report.took().unwrap_or_default();
        let mut summary = Self {
            outcome: report.end,
            as_asked: problems.is_empty(),
            sentence: String::new(),
            problems,
            reason: report.reason,
            slots,
            requests: load.sent,
            failed: load.failed(),
            failed_by_release,
            lost,
            requests_per_second: after.requests_per_second,
            cutover_ms: report.cutover_ms,
            rollback_ms: report.rollback_ms,
            phases: report.phases,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            contract: None,
            seed: match mode {
                Mode::Kill { seed } => Some(seed),
                Mode::Plain | Mode::BadRelease | Mode::Lossy => None,
            },
            kills,
            mode,
            examples: load
                .examples
                .iter()
                .take(3)
                .map(|one| format!("{}: {}", one.kind, one.detail))
                .collect(),
        };
        summary.sentence = summary.in_one_sentence();
        summary
    }

    fn in_one_sentence(&self) -> String {
        let (requests, lost) = (self.requests, self.lost);
        if !self.as_asked {
            return format!("Not as it should be: {}.", self.problems.join("; "));
        }
        match self.mode {
            Mode::Plain => {
                format!("Release {NEW} has all traffic; {requests} requests, none of them failed.")
            }
            Mode::BadRelease => format!(
                "Release {NEW} was taken back by itself; it answered {} requests with errors, and none of the \
                 other {} failed.",
                self.failed_by_release,
                requests - self.failed_by_release
            ),
            Mode::Kill { .. } => format!(
                "The deployer was killed and went on where it was; release {NEW} has all traffic; {requests} \
                 requests, none of them failed."
            ),
            Mode::Lossy => format!(
                "{lost} of {requests} requests failed, as they should with a proxy that drops connections: the \
                 counting counts."
            ),
        }
    }

    /// For the shell.
    pub(crate) fn status(&self) -> ExitCode {
        match (self.mode, self.as_asked) {
            (Mode::Lossy, true) => ExitCode::from(1),
            (Mode::Lossy, false) => ExitCode::from(3),
            (_, true) => ExitCode::SUCCESS,
            (_, false) => ExitCode::FAILURE,
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        // Nothing in it can fail to be written: no maps, no foreign types.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Everything, requests apart, that is not as the flags asked for.
fn what_is_wrong(mode: Mode, report: &Report, after: &Aftermath, kills: u32) -> Vec<String> {
    let (end, winner) = match mode {
        Mode::BadRelease => (End::RolledBack, Slot::Blue),
        Mode::Plain | Mode::Kill { .. } => (End::Promoted, Slot::Green),
        // The losses may be enough for the guard to take everything back, or not. What is asked is
        // whether they are seen.
        Mode::Lossy => return Vec::new(),
    };
    let mut problems = Vec::new();
    if report.end != Some(end) {
        let why = report.reason.as_deref().unwrap_or("no reason was given");
        problems.push(format!(
            "the deployment ended as {:?}, not {end:?}: {why}",
            report.end
        ));
    }
    if let Some(unverified) = &report.unverified {
        problems.push(format!("the public address is not as it should be: {unverified}"));
    }
    if after.split.only() != Some(winner) {
        problems.push(format!("the traffic is divided by {}", after.split));
    }
    let late = after.load.slots.get(&winner.other()).zip(report.ended);
    if late.is_some_and(|(seen, ended)| seen.last_begun_at > ended) {
        problems.push(format!("{} got requests after the end", winner.other()));
    }
    if after.claiming != Some(winner) {
        problems.push(format!("the workers are at {:?}", after.claiming));
    }
    if matches!(mode, Mode::Kill { .. }) != (kills == 1) {
        problems.push(format!("the deployer was killed {kills} times"));
    }
    problems
}
