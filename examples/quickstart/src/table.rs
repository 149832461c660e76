//! The table at the end.

use std::fmt::{self, Write as _};
use std::mem::discriminant;

use bluegreen_core::deployer::PhaseTime;

use crate::Mode;
use crate::deployment::{NEW, OLD};
use crate::scene::Stage;
use crate::summary::Summary;

impl Summary {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self
            .write_phases(&mut text)
            .and_then(|()| self.write_requests(&mut text))
            .and_then(|()| self.write_facts(&mut text));
        text
    }

    fn write_phases(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "\n  {:<10}{:>9}   of which", "stage", "time")?;
        for (stage, phases) in stages(&self.phases) {
            let whole = span(phases.iter().map(|time| time.ms).sum());
            let parts = phases
                .iter()
                .map(|time| format!("{} {}", time.phase, span(time.ms)));
            let parts = parts.collect::<Vec<_>>().join(", ");
            writeln!(text, "  {:<10}{whole:>9}   {parts}", stage.name())?;
        }
        writeln!(text, "  {:<10}{:>9}\n", "in all", span(self.took_ms))
    }

    fn write_requests(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "  {:<18}{:>9}{:>9}", "slot", "requests", "failed")?;
        let mut row = |name: &str, requests: u64, failed: u64, note: &str| {
            writeln!(text, "  {name:<18}{requests:>9}{failed:>9}{note}")
        };
        let (blue, green) = (self.slots.blue, self.slots.green);
        row(
            &format!("blue, release {OLD}"),
            blue.requests,
            blue.failed,
            "   as counted in the clients",
        )?;
        row(&format!("green, release {NEW}"), green.requests, green.failed, "")?;
        let without = self.requests.saturating_sub(blue.requests + green.requests);
        if without > 0 {
            row(
                "answered by none",
                without,
                self.failed.saturating_sub(blue.failed + green.failed),
                "",
            )?;
        }
        row(
            "in all",
            self.requests,
            self.failed,
            &format!("   {} a second", self.requests_per_second),
        )?;
        for example in &self.examples {
            writeln!(text, "    such as {example}")?;
        }
        writeln!(text)
    }

    fn write_facts(&self, text: &mut String) -> fmt::Result {
        let mut fact = |name: &str, what: &str| writeln!(text, "  {name:<10} {what}");
        if let Some(ms) = self.cutover_ms {
            fact(
                "cutover",
                &format!("{ms} ms, from the decision until all traffic is confirmed to be at green"),
            )?;
        }
        if let Some(ms) = self.rollback_ms {
            fact(
                "rollback",
                &format!("{ms} ms, from the decision until all traffic is confirmed to be back"),
            )?;
        }
        if let Some(reason) = &self.reason {
            fact("because", reason)?;
        }
        if let Some(refused) = &self.contract {
            fact("contract", &format!("refused: {refused}"))?;
        }
        if let Some(seed) = self.seed {
            fact(
                "killed",
                &format!("{} time; the same again with --kill --seed {seed}", self.kills),
            )?;
        }
        writeln!(
            text,
            "\n{}\n\nNext, with cargo run --release --bin quickstart --",
            self.sentence
        )?;
        let all = [
            (
                Mode::BadRelease,
                "--bad-release",
                "a release that fails, taken back by itself",
            ),
            (
                Mode::Kill { seed: 0 },
                "--kill",
                "a deployer that dies, and goes on where it was",
            ),
            (
                Mode::Lossy,
                "--lossy",
                "a switch that loses requests, to see that the counting counts",
            ),
        ];
        for (mode, flag, what) in all {
            if discriminant(&mode) != discriminant(&self.mode) {
                writeln!(text, "  {flag:<14} {what}")?;
            }
        }
        write!(
            text,
            "Or read examples/quickstart/src/deployment.rs: it is the part to copy from."
        )
    }
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

fn span(ms: u64) -> String {
    if ms < 1000 {
        format!("{ms} ms")
    } else {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    }
}
