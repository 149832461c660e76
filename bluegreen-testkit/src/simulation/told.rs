//! What came of a run, for people.

use std::fmt::{self, Display, Write as _};

use super::many::{Summary, Violation};

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            promise,
            name,
            what,
            seed,
            trace,
        } = self;
        write!(
            f,
            "PROMISE {promise} IS BROKEN ({name}): {what}\nseed {seed}: see all of it with --replay {seed}\n\n\
             The smallest world found that breaks it:\n{trace}"
        )
    }
}

impl Summary {
    /// All of it, for people, with how long it took.
    #[must_use]
    pub fn told(&self, seconds: f64) -> String {
        let coverage = &self.coverage;
        let mut text = String::new();
        counts("Outcomes", &coverage.outcomes, &mut text);
        counts("Faults", &coverage.faults, &mut text);
        counts("Crash points", &coverage.crash_points, &mut text);
        let states = "States (records stored, by phase and moment)";
        counts(states, &coverage.states, &mut text);
        let transitions = coverage.transitions.iter();
        let transitions = transitions.map(|((from, to), count)| (format!("{from} -> {to}"), *count));
        counts("Transitions", &transitions.collect(), &mut text);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = coverage.deployments as f64 / seconds;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} deployments ({} operations) in {} worlds, {} processes died; {seconds:.1} s, \
             {rate:.0} deployments a second",
            coverage.deployments, coverage.operations, coverage.worlds, coverage.deaths
        );
        let missing: Vec<String> = coverage
            .missing()
            .iter()
            .map(|(from, to)| format!("{from} -> {to}"))
            .collect();
        if missing.is_empty() {
            text.push_str("Every transition of the lifecycle was made.\n");
        } else {
            let _ = writeln!(text, "Transitions that were not made: {}", missing.join(", "));
        }
        let end = self.violation.as_ref().map(ToString::to_string);
        text.push_str(end.as_deref().unwrap_or("No promise was broken."));
        text.push('\n');
        text
    }
}

fn counts<K: Display>(title: &str, counts: &std::collections::BTreeMap<K, u64>, text: &mut String) {
    let _ = writeln!(text, "\n{title}");
    for (name, count) in counts {
        let _ = writeln!(text, "  {count:>10}  {name}");
    }
}
