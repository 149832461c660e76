//! What is printed.

use std::io::Write;

use bluegreen_core::analysis::{Action, Analysis, Report, Why};
use serde::Serialize;

use crate::Failure;

/// One decision.
#[derive(Debug, Serialize)]
struct Line<'a> {
    t: f64,
    decision: Action,
    #[serde(flatten)]
    report: &'a Report,
    /// The same for people.
    text: String,
}

/// Prints decisions.
pub(crate) struct Show<'a, W> {
    out: &'a mut W,
    json: bool,
    last: Option<(Action, Why)>,
    moments: u64,
}

impl<'a, W: Write> Show<'a, W> {
    pub(crate) const fn new(out: &'a mut W, json: bool) -> Self {
        Self {
            out,
            json,
            last: None,
            moments: 0,
        }
    }

    /// A line for each moment as JSON; as text, when something has changed.
    pub(crate) fn moment(&mut self, t: f64, analysis: &Analysis) -> Result<(), Failure> {
        let report = analysis.report();
        self.moments += 1;
        if self.json {
            let line = Line {
                t,
                decision: report.action,
                report: &report,
                text: report.to_string(),
            };
            serde_json::to_writer(&mut *self.out, &line)?;
            writeln!(self.out)?;
            return Ok(());
        }
        let now = (report.action, report.why.clone());
        if self.last.as_ref() != Some(&now) {
            writeln!(self.out, "t = {t} s  {report}")?;
            self.last = Some(now);
        }
        Ok(())
    }

    /// How it ended, as text.
    pub(crate) fn end(&mut self, analysis: &Analysis) -> Result<(), Failure> {
        if !self.json {
            writeln!(
                self.out,
                "\nAfter {} moments:\n{}",
                self.moments,
                analysis.report()
            )?;
        }
        Ok(())
    }
}
