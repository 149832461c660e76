//! What is wrong with an analysis: all of it at once.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::spec::{AnalysisSpec, ErrorsSpec, EventsSpec, LatencySpec, Limit, Margin, MetricSpec};
use crate::plan::{PlanError, Problem, humane};

/// More metrics than this make the state too large for a record, and each makes all others slower to decide.
const MOST_METRICS: usize = 16;
/// Each of these has a histogram in the record.
const MOST_LATENCIES: usize = 4;
/// So close to 1 no alternative is left that could be bet on.
const HIGHEST_LIMIT: f64 = 0.8;

impl AnalysisSpec {
    /// Whether it can be used. `path` is where it stands in its plan, such as `analysis`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn check(&self, path: &str) -> Result<(), PlanError> {
        let problems = self.problems(path);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(PlanError { problems })
        }
    }

    /// Everything that is wrong with it; nothing when it can be used. `path` is where it stands in its plan,
    /// such as `analysis`.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut check = Check(Vec::new());
        check.spec(path, self);
        check.0
    }
}

struct Check(Vec<Problem>);

impl Check {
    fn note(&mut self, path: String, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Problem {
            path,
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    /// A number within limits; NaN is not.
    fn within(&mut self, path: String, value: f64, range: RangeInclusive<f64>) {
        if !range.contains(&value) {
            let remedy = format!("write a number from {} to {}", range.start(), range.end());
            self.note(path, format!("{value} does not fit here"), remedy);
        }
    }

    fn spec(&mut self, path: &str, spec: &AnalysisSpec) {
        let at = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        self.within(at("alpha"), spec.alpha, 1e-9..=0.2);
        self.within(at("beta"), spec.beta, 1e-9..=0.2);
        self.within(
            at("min_evidence_ticks"),
            f64::from(spec.min_evidence_ticks),
            1.0..=60.0,
        );
        if spec.max_missing == 0 {
            let remedy = "write 1 or more";
            self.note(at("max_missing"), "0 ticks in a row are not in a row", remedy);
        }
        let (least, most) = (Duration::from_millis(100), Duration::from_hours(1));
        if !(least..=most).contains(&spec.tick) {
            let message = format!("{} is no time for a tick", humane::format(spec.tick));
            self.note(at("tick"), message, "write a time from 100ms to 1h: \"5s\"");
        }
        let latencies = spec.metrics.iter().filter(|metric| metric.latency.is_some());
        for (count, most, what) in [
            (spec.metrics.len(), MOST_METRICS, "metrics"),
            (latencies.count(), MOST_LATENCIES, "latencies"),
        ] {
            if count > most {
                let message = format!("{count} {what}, and {most} fit into a record");
                self.note(at("metrics"), message, "leave out those that decide nothing");
            }
        }
        let mut names = BTreeSet::new();
        for (index, metric) in spec.metrics.iter().enumerate() {
            let path = at(&format!("metrics[{index}]"));
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            let name = metric.name.as_str();
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                let remedy = "use lower-case letters, digits, _ and -, at most 64 of them";
                self.note(format!("{path}.name"), format!("{name:?} is no name"), remedy);
            } else if !names.insert(name) {
                let message = format!("the list has another {name:?}");
                self.note(format!("{path}.name"), message, "give each a name of its own");
            }
            self.metric(&path, metric);
        }
    }

    fn metric(&mut self, path: &str, metric: &MetricSpec) {
        let given = [
            metric.errors.is_some(),
            metric.latency.is_some(),
            metric.events.is_some(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 => self.note(
                path.to_owned(),
                "it compares nothing",
                "give one of errors, latency or events: errors = {}",
            ),
            1 => {}
            _ => self.note(
                path.to_owned(),
                "it compares several things",
                "make a metric of each",
            ),
        }
        if let Some(errors) = &metric.errors {
            self.errors(&format!("{path}.errors"), errors);
        }
        if let Some(latency) = &metric.latency {
            self.latency(&format!("{path}.latency"), latency);
        }
        if let Some(events) = &metric.events {
            self.events(&format!("{path}.events"), events);
        }
    }

    fn errors(&mut self, path: &str, errors: &ErrorsSpec) {
        self.source(format!("{path}.bad"), &errors.bad);
        self.source(format!("{path}.of"), &errors.of);
        if errors.bad == errors.of {
            self.note(
                format!("{path}.bad"),
                "all of them are bad",
                "name the count of the bad ones",
            );
        }
        self.within(format!("{path}.ratio"), errors.ratio, 0.1..=100.0);
        self.within(format!("{path}.slack"), errors.slack, 0.0..=0.5);
        for (name, limit) in [
            ("normal", errors.normal),
            ("warning", errors.warning),
            ("critical", errors.critical),
        ] {
            if let Some(limit) = limit {
                self.within(format!("{path}.{name}"), limit, 1e-6..=HIGHEST_LIMIT);
            }
        }
        let rising = [
            ("normal", errors.normal, "warning", errors.warning),
            ("normal", errors.normal, "critical", errors.critical),
            ("warning", errors.warning, "critical", errors.critical),
        ];
        for (low_name, low, high_name, high) in rising {
            if let (Some(low), Some(high)) = (low, high)
                && low >= high
            {
                let message = format!("{low_name} ({low}) is not below {high_name} ({high})");
                self.note(
                    format!("{path}.{low_name}"),
                    message,
                    "let normal, warning and critical rise",
                );
            }
        }
        if errors.relative {
            self.margin(
                path,
                errors.margin(),
                Margin {
                    ratio: errors.ratio,
                    slack: errors.slack,
                },
            );
        } else if errors.critical.is_none() {
            self.limitless(path, "0.05");
        }
    }

    fn latency(&mut self, path: &str, latency: &LatencySpec) {
        self.source(format!("{path}.histogram"), &latency.histogram);
        self.within(format!("{path}.ratio"), latency.ratio, 1.0..=100.0);
        self.within(format!("{path}.slack"), latency.slack, 0.0..=0.5);
        for (name, limit) in [("warning", latency.warning), ("critical", latency.critical)] {
            if let Some(Limit { quantile, below }) = limit {
                self.within(format!("{path}.{name}.quantile"), quantile, 0.5..=0.999);
                if below.is_zero() {
                    let remedy = "write a time above 0: \"500ms\"";
                    self.note(format!("{path}.{name}.below"), "nothing takes no time", remedy);
                }
            }
        }
        if latency.relative {
            // A latency's ratio is about times, its margin's about shares.
            let fails = Margin {
                ratio: 1.0,
                slack: latency.slack,
            };
            self.margin(path, latency.margin(), fails);
        } else if latency.critical.is_none() {
            self.limitless(path, "{ quantile = 0.95, below = \"1s\" }");
        }
    }

    fn limitless(&mut self, path: &str, example: &str) {
        let remedy = format!("compare it with live (relative = true), or write critical = {example}");
        self.note(path.to_owned(), "it is compared with nothing", remedy);
    }

    /// What passes must not be what fails: there would be rates that do both.
    fn margin(&mut self, path: &str, pass: Margin, fails: Margin) {
        self.within(format!("{path}.pass.ratio"), pass.ratio, 0.1..=100.0);
        self.within(format!("{path}.pass.slack"), pass.slack, 0.0..=0.6);
        if pass.ratio < fails.ratio || pass.slack < fails.slack {
            let message = format!(
                "a pass asks for less than {} times live's and {}, which is less than what is no regression",
                pass.ratio, pass.slack
            );
            let remedy = format!(
                "let ratio be at least {} and slack at least {}: what lies between is undecided",
                fails.ratio, fails.slack
            );
            self.note(format!("{path}.pass"), message, remedy);
        }
    }

    fn events(&mut self, path: &str, events: &EventsSpec) {
        self.source(format!("{path}.count"), &events.count);
        self.source(format!("{path}.of"), &events.of);
        if events.at_least.is_none() && events.at_most.is_none() {
            let remedy = "write at_least, at_most or both: at_least = 0.8";
            self.note(path.to_owned(), "it has no limit", remedy);
        }
        if let Some(multiple) = events.at_least {
            self.within(format!("{path}.at_least"), multiple, 0.01..=0.99);
        }
        if let Some(multiple) = events.at_most {
            self.within(format!("{path}.at_most"), multiple, 1.01..=100.0);
        }
    }

    fn source(&mut self, path: String, name: &str) {
        if name.trim().is_empty() || name.len() > 256 {
            self.note(
                path,
                "it has no name",
                "write the name that the source of metrics knows",
            );
        }
    }
}
