//! One figure, with its goal and what others reach.

use std::io::{self, Write};

use serde::Serialize;

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) figure: String,
    /// What it should be.
    pub(crate) goal: String,
    /// What it is.
    pub(crate) measured: String,
    /// Whether the goal is met; none where there is no goal.
    pub(crate) met: Option<bool>,
    /// Others in the same simulation.
    pub(crate) field: String,
    /// How often it was simulated.
    pub(crate) runs: u64,
    pub(crate) seed: u64,
}

pub(crate) fn heading(out: &mut impl Write, runs: u64, seed: u64) -> io::Result<()> {
    writeln!(
        out,
        "A stage of an hour, Poisson arrivals, {runs} runs a setting, seed {seed}. The analysis has its defaults, but for \
         the\nwarm-up, which would add 10 s to each detection. Flagger: 99 % success, 5 failed \
         checks;\nArgo: the same condition, failureLimit 0; Kayenta: Mann-Whitney at 98 %, every 5 minutes; z: two \
         proportions\nat 1 %, every minute; 2x: a minute above twice live's share.\n"
    )
}

impl Row {
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mark = match self.met {
            Some(true) => "met   ",
            Some(false) => "MISSED",
            None => "      ",
        };
        writeln!(out, "{mark} {}", self.figure)?;
        let goal = if self.goal.is_empty() {
            String::new()
        } else {
            format!(" (goal {})", self.goal)
        };
        writeln!(out, "         {}{goal}", self.measured)?;
        if !self.field.is_empty() {
            writeln!(out, "         others: {}", self.field)?;
        }
        Ok(())
    }
}

/// A share as percent.
pub(crate) fn percent(share: f64) -> String {
    let digits = usize::from(share > 0.0 && share < 0.1) + usize::from(share > 0.0 && share < 0.01);
    format!("{:.digits$} %", share * 100.0)
}

/// Seconds, or never.
pub(crate) fn seconds(at: f64) -> String {
    if at.is_finite() {
        format!("{at:.0} s")
    } else {
        "never".to_owned()
    }
}
