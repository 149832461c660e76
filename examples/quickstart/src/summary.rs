//! What it came to: a table for people, an object for programs, a status for the shell.

use std::fmt::Write as _;
use std::process::ExitCode;

use bluegreen_core::deployer::PhaseTime;
use bluegreen_core::lifecycle::End;
use bluegreen_core::{Report, Slot};
use bluegreen_testkit::load::{self, Reason};
use bluegreen_testkit::loopback::PerSlot;
use serde::Serialize;

use crate::Mode;
use crate::deployment::{NEW, OLD};
use crate::scene::Stage;
use crate::world::Aftermath;

/// What it came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// How the deployment ended: `promoted`, `rolled_back`, …; `null`: it needs an operator.
    outcome: Option<End>,
    /// Whether that, and everything else, is what the flags asked for.
    as_asked: bool,
    /// The same for people.
    sentence: String,
    /// What is not as it was asked for.
    problems: Vec<String>,
    /// Why the deployment ended otherwise than it was meant to.
    reason: Option<String>,
    /// Counted in the clients, by the slot that answered.
    slots: PerSlot<SlotCount>,
    /// All requests of the clients.
    requests: u64,
    /// Those that failed, for whatever reason.
    failed: u64,
    /// Those of them that the new release answered with an error itself.
    failed_by_release: u64,
    /// All others: what was lost on the way. Must be none.
    lost: u64,
    requests_per_second: f64,
    /// From the decision to give all traffic to the new release to the confirmation.
    cutover_ms: Option<u64>,
    /// From the decision to go back to the confirmation.
    rollback_ms: Option<u64>,
    phases: Vec<PhaseTime>,
    /// From the first event to the last.
    took_ms: u64,
    seed: Option<u64>,
    kills: u32,
    #[serde(skip)]
    mode: Mode,
    #[serde(skip)]
    examples: Vec<String>,
}

/// The requests that a slot has answered.
#[derive(Debug, Clone, Copy, Serialize)]
struct SlotCount {
    requests: u64,
    failed: u64,
}

impl Summary {
    /// Judges what is there at the end.
    pub(crate) fn new(mode: Mode, report: Report, after: Aftermath, kills: u32) -> Self {
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
        let mut problems = what_is_wrong(mode, &report, &after, kills);
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
            requests_per_second: rate(load),
            cutover_ms: report.cutover_ms,
            rollback_ms: report.rollback_ms,
            phases: report.phases,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
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
            (Mode::Lossy, false) => ExitCode::from(2),
            (_, true) => ExitCode::SUCCESS,
            (_, false) => ExitCode::FAILURE,
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        // Nothing in it can fail to be written: no maps, no foreign types.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n  {:<10}{:>9}   of which", "stage", "time")?;
        for (stage, phases) in stages(&self.phases) {
            let whole: u64 = phases.iter().map(|time| time.ms).sum();
            let parts: Vec<_> = phases
                .iter()
                .map(|time| format!("{} {}", time.phase, span(time.ms)))
                .collect();
            writeln!(
                text,
                "  {:<10}{:>9}   {}",
                stage.name(),
                span(whole),
                parts.join(", ")
            )?;
        }
        writeln!(text, "  {:<10}{:>9}", "in all", span(self.took_ms))?;
        writeln!(
            text,
            "\n  {:<16}{:>9}{:>9}   counted in the clients",
            "slot", "requests", "failed"
        )?;
        for (slot, release, count) in [("blue", OLD, self.slots.blue), ("green", NEW, self.slots.green)] {
            let name = format!("{slot}, release {release}");
            writeln!(text, "  {name:<16}{:>9}{:>9}", count.requests, count.failed)?;
        }
        let in_no_slot = self.failed - self.slots.blue.failed - self.slots.green.failed;
        let answered = self.slots.blue.requests + self.slots.green.requests;
        writeln!(
            text,
            "  {:<16}{:>9}{:>9}",
            "without answer",
            self.requests.saturating_sub(answered),
            in_no_slot
        )?;
        writeln!(
            text,
            "  {:<16}{:>9}{:>9}   {:.0} requests a second",
            "all", self.requests, self.failed, self.requests_per_second
        )?;
        for example in &self.examples {
            writeln!(text, "    such as {example}")?;
        }
        writeln!(text)?;
        if let Some(ms) = self.cutover_ms {
            writeln!(
                text,
                "  cutover    {ms} ms, from the decision until all traffic is confirmed to be at green"
            )?;
        }
        if let Some(ms) = self.rollback_ms {
            writeln!(
                text,
                "  rollback   {ms} ms, from the decision until all traffic is confirmed to be back"
            )?;
        }
        if let Some(reason) = &self.reason {
            writeln!(text, "  because    {reason}")?;
        }
        if let Some(seed) = self.seed {
            writeln!(
                text,
                "  killed     {} time; the same again with --kill --seed {seed}",
                self.kills
            )?;
        }
        writeln!(text, "\n{}", self.sentence)?;
        write!(text, "{}", self.next())
    }

    fn next(&self) -> &'static str {
        match self.mode {
            Mode::Plain => {
                "Next: --bad-release to watch it go back, --kill to end the deployer on the way, --lossy to see the counting count."
            }
            Mode::BadRelease => {
                "Next: --kill ends the deployer on the way; deployment.rs is the part to copy from."
            }
            Mode::Kill { .. } => {
                "Next: --bad-release to watch a rollback; deployment.rs is the part to copy from."
            }
            Mode::Lossy => "Next: the same without --lossy loses none.",
        }
    }
}

/// Everything, requests apart, that is not as the flags asked for.
fn what_is_wrong(mode: Mode, report: &Report, after: &Aftermath, kills: u32) -> Vec<String> {
    let (end, winner) = match mode {
        Mode::BadRelease => (End::RolledBack, Slot::Blue),
        Mode::Plain | Mode::Kill { .. } | Mode::Lossy => (End::Promoted, Slot::Green),
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

/// The phases, put together by stage, in their order.
fn stages(phases: &[PhaseTime]) -> Vec<(Stage, Vec<&PhaseTime>)> {
    let mut stages: Vec<(Stage, Vec<&PhaseTime>)> = Vec::new();
    for time in phases {
        let stage = Stage::of(time.phase, time.step);
        match stages.last_mut() {
            Some((last, of_it)) if *last == stage => of_it.push(time),
            _ => stages.push((stage, vec![time])),
        }
    }
    stages
}

fn rate(load: &load::Report) -> f64 {
    let sent = f64::from(u32::try_from(load.sent).unwrap_or(u32::MAX));
    (sent / load.elapsed.as_secs_f64().max(0.001)).round()
}

fn span(ms: u64) -> String {
    if ms < 1000 {
        format!("{ms} ms")
    } else {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    }
}
