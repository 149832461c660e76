//! How many answers of a gate in a row decide.

use std::time::Duration;

use crate::plan::GateSpec;
use crate::{Fault, Monotonic, Outcome, Verdict};

/// When a gate is to be asked, and what its answers mean together. Pure: time is an input.
///
/// - *Pass* stands while the last `success_threshold` or more measurements in a row have passed.
/// - *Fail* stands once `failure_threshold` measurements in a row have failed, until one passes.
/// - Everything else is *inconclusive*: nothing measured yet, too few in a row, or too many
///   measurements that said nothing.
///
/// A measurement that says nothing, because it went wrong (a fault) or had no data (inconclusive),
/// neither adds to a row nor ends it: an error between two failures does not excuse the slot. But after
/// `error_threshold` of them in a row nothing is known any more, and the rows begin anew.
///
/// ```
/// use bluegreen_core::gate::Watch;
/// use bluegreen_core::plan::GateSpec;
/// use bluegreen_core::{Monotonic, Outcome, Verdict};
///
/// let spec: GateSpec = toml::from_str("name = \"api\"\ncode = true\nsuccess_threshold = 2")?;
/// let mut watch = Watch::new(&spec, Monotonic::default());
/// assert!(watch.due(Monotonic::default()));
/// for expected in [Outcome::Inconclusive, Outcome::Pass] {
///     watch.record(Monotonic::default(), Ok(Verdict::pass("200")));
///     assert_eq!(watch.standing().outcome, expected);
/// }
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    period: Duration,
    thresholds: Thresholds,
    next_due: Monotonic,
    row: Row,
    /// Measurements in a row that said nothing.
    silent: u32,
    /// What the last measurement said.
    last: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Thresholds {
    success: u32,
    failure: u32,
    error: u32,
}

/// The same answers in a row, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Empty,
    Passes(u32),
    Failures(u32),
}

impl Watch {
    /// A watch that begins now. A threshold of 0 counts as 1.
    #[must_use]
    pub fn new(spec: &GateSpec, started: Monotonic) -> Self {
        Self {
            period: spec.period,
            thresholds: Thresholds {
                success: spec.success_threshold.max(1),
                failure: spec.failure_threshold.max(1),
                error: spec.error_threshold.max(1),
            },
            next_due: later(started, spec.initial_delay),
            row: Row::Empty,
            silent: 0,
            last: None,
        }
    }

    /// Whether the gate is to be asked now.
    #[must_use]
    pub fn due(&self, now: Monotonic) -> bool {
        now >= self.next_due
    }

    /// When the gate is to be asked next.
    #[must_use]
    pub const fn next_due(&self) -> Monotonic {
        self.next_due
    }

    /// Takes in one measurement, which ended now.
    pub fn record(&mut self, now: Monotonic, measured: Result<Verdict, &Fault>) {
        self.next_due = later(now, self.period);
        let (outcome, said) = match measured {
            Ok(verdict) => (verdict.outcome, verdict.evidence),
            Err(fault) => (Outcome::Inconclusive, format!("the measurement failed: {fault}")),
        };
        self.last = Some(said);
        self.silent = if outcome == Outcome::Inconclusive {
            self.silent.saturating_add(1)
        } else {
            0
        };
        self.row = match (outcome, self.row) {
            (Outcome::Pass, Row::Passes(count)) => Row::Passes(count.saturating_add(1)),
            (Outcome::Pass, _) => Row::Passes(1),
            (Outcome::Fail, Row::Failures(count)) => Row::Failures(count.saturating_add(1)),
            (Outcome::Fail, _) => Row::Failures(1),
            (Outcome::Inconclusive, _) if self.silent >= self.thresholds.error => Row::Empty,
            (Outcome::Inconclusive, row) => row,
        };
    }

    /// What the measurements mean together, now.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self.row {
            Row::Passes(count) if count >= self.thresholds.success => Outcome::Pass,
            Row::Failures(count) if count >= self.thresholds.failure => Outcome::Fail,
            Row::Empty | Row::Passes(_) | Row::Failures(_) => Outcome::Inconclusive,
        }
    }

    /// What is known now. The evidence is that of the last measurement, with how far the row is.
    #[must_use]
    pub fn standing(&self) -> Verdict {
        let Thresholds {
            success,
            failure,
            error,
        } = self.thresholds;
        let Some(last) = &self.last else {
            return Verdict::inconclusive("not measured yet");
        };
        let evidence = match (self.outcome(), self.row) {
            (Outcome::Pass | Outcome::Fail, _) => last.clone(),
            (Outcome::Inconclusive, Row::Passes(count)) => {
                format!("{count} of {success} passes in a row; {last}")
            }
            (Outcome::Inconclusive, Row::Failures(count)) => {
                format!("{count} of {failure} failures in a row; {last}")
            }
            // Who takes every answer as it is wants to hear no more than that.
            (Outcome::Inconclusive, Row::Empty) if error == 1 => last.clone(),
            (Outcome::Inconclusive, Row::Empty) => {
                let silent = self.silent;
                format!("{silent} measurements in a row said nothing (limit {error}); {last}")
            }
        };
        Verdict {
            outcome: self.outcome(),
            evidence,
        }
    }
}

fn later(moment: Monotonic, span: Duration) -> Monotonic {
    Monotonic(moment.0.saturating_add(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `p`: pass, `f`: fail, `n`: no data, `e`: the measurement failed.
    fn standing_after(answers: &str) -> Verdict {
        let text =
            "name = \"g\"\ncode = true\nsuccess_threshold = 2\nfailure_threshold = 3\nerror_threshold = 2";
        let spec: GateSpec = toml::from_str(text).unwrap();
        let fault = Fault::unavailable("test", "read", "no route");
        let mut watch = Watch::new(&spec, Monotonic::default());
        for answer in answers.chars() {
            let measured = match answer {
                'p' => Ok(Verdict::pass("200")),
                'f' => Ok(Verdict::fail("500")),
                'n' => Ok(Verdict::inconclusive("no data")),
                _ => Err(&fault),
            };
            watch.record(Monotonic::default(), measured);
        }
        watch.standing()
    }

    #[test]
    fn rows_of_answers_decide() {
        use Outcome::{Fail, Inconclusive, Pass};
        for (answers, expected) in [
            ("", Inconclusive),
            ("p", Inconclusive),
            ("pp", Pass),
            ("ppppp", Pass),
            ("pfp", Inconclusive),
            ("pfpp", Pass),
            ("ppf", Inconclusive),
            ("ppff", Inconclusive),
            ("ppfff", Fail),
            ("fff", Fail),
            ("ffffff", Fail),
            ("fffp", Inconclusive),
            ("fffpp", Pass),
            ("ffpff", Inconclusive),
            // Nothing said: rows go on for a while, and are never made of it.
            ("n", Inconclusive),
            ("nnnn", Inconclusive),
            ("e", Inconclusive),
            ("eeee", Inconclusive),
            ("pep", Pass),
            ("pnp", Pass),
            ("ppe", Pass),
            ("ppn", Pass),
            ("ppee", Inconclusive),
            ("ppen", Inconclusive),
            ("ppnn", Inconclusive),
            ("ppeep", Inconclusive),
            ("ppeepp", Pass),
            ("fefef", Fail),
            ("feeff", Inconclusive),
            ("fffee", Inconclusive),
        ] {
            let standing = standing_after(answers);
            assert_eq!(standing.outcome, expected, "{answers:?}: {}", standing.evidence);
        }
    }

    #[test]
    fn the_evidence_says_how_far_the_row_is_and_why_nothing_is_known() {
        for (answers, part) in [
            ("", "not measured yet"),
            ("p", "1 of 2 passes in a row; 200"),
            ("ppf", "1 of 3 failures in a row; 500"),
            (
                "ppee",
                "2 measurements in a row said nothing (limit 2); the measurement failed: test: read",
            ),
            ("fff", "500"),
        ] {
            let evidence = standing_after(answers).evidence;
            assert!(evidence.contains(part), "{answers:?}: {evidence}");
        }
    }

    #[test]
    fn a_gate_is_asked_after_the_initial_delay_and_then_each_period() {
        let at = |secs| Monotonic(Duration::from_secs(secs));
        let text = "name = \"g\"\ncode = true\ninitial_delay = \"7s\"\nperiod = \"10s\"";
        let mut watch = Watch::new(&toml::from_str(text).unwrap(), at(100));
        assert!(!watch.due(at(106)) && watch.due(at(107)));
        watch.record(at(109), Ok(Verdict::pass("")));
        assert_eq!(watch.next_due(), at(119));
        assert!(!watch.due(at(118)) && watch.due(at(119)) && watch.due(at(500)));
        watch.record(Monotonic(Duration::MAX), Ok(Verdict::pass("")));
        assert_eq!(watch.next_due(), Monotonic(Duration::MAX));
    }
}
