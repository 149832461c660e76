//! What an analysis will be able to see, told before anything is touched.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Parts;
use super::analyst::ANALYSIS_BYTES;
use crate::analysis::{AnalysisSpec, Meter, OnInconclusive, Side};
use crate::lifecycle::{ANALYSIS, CheckResult, Run};
use crate::metrics::Sources;
use crate::plan::humane::format as time;
use crate::plan::{Step, nearest};
use crate::text::bounded;
use crate::{FaultKind, Op, Outcome, Sample, Share, Verdict};

/// Live's traffic is counted for no longer than this.
const COUNTED_FOR: Duration = Duration::from_secs(5);

impl Parts {
    /// Whether the analysis finds its metrics, and what each step will be able to see at live's traffic.
    pub(super) async fn foresee(&self, run: &Run, op: &Op) -> Vec<CheckResult> {
        let Some(spec) = &run.plan.analysis else {
            return Vec::new();
        };
        let result = |name: String, verdict: &Verdict| CheckResult {
            name,
            slot: run.origin,
            outcome: verdict.outcome,
            evidence: bounded(&verdict.evidence, ANALYSIS_BYTES),
        };
        let found = match self.sources(run) {
            Ok(sources) if sources.is_empty() => Err(Verdict::fail(
                "the plan has an analysis, but there is no source of metrics: write [[sources]]",
            )),
            Ok(sources) => self.look_at_live(run, op, &sources, spec).await,
            Err(error) => Err(Verdict::fail(error.to_string())),
        };
        let (side, counted_for) = match found {
            Ok(found) => found,
            Err(verdict) => return vec![result(ANALYSIS.to_owned(), &verdict)],
        };
        let names = needed(spec).len();
        let first = Verdict::pass(format!("{names} metrics are there; {}", policy(spec)));
        let mut results = vec![result(ANALYSIS.to_owned(), &first)];
        for step in run.plan.steps.iter().filter(|step| step.weight < Share::ALL) {
            let text = side.as_ref().map_or_else(
                || "live has no traffic that could be counted: nothing will be seen".to_owned(),
                |side| sight(spec, step, side, counted_for),
            );
            results.push(result(
                format!("{ANALYSIS} {}", step.weight),
                &Verdict::pass(text),
            ));
        }
        results
    }

    /// What live did in some seconds, and in how many.
    async fn look_at_live(
        &self,
        run: &Run,
        op: &Op,
        sources: &Sources,
        spec: &AnalysisSpec,
    ) -> Result<(Option<Side>, Duration), Verdict> {
        let mut meter = Meter::default();
        let answers = sources.sample_each(op, run.origin, &*self.clock).await;
        let began = self.clock.monotonic();
        let mut faults = Vec::new();
        let mut samples = Vec::new();
        for (name, sample) in answers {
            match sample {
                Ok(sample) => samples.push(Some(sample)),
                Err(fault) => {
                    faults.push((fault.kind == FaultKind::Rejected, format!("{name}: {fault}")));
                    samples.push(None);
                }
            }
        }
        if let Some((rejected, text)) = faults.into_iter().max_by_key(|(rejected, _)| *rejected) {
            let outcome = if rejected {
                Outcome::Fail
            } else {
                Outcome::Inconclusive
            };
            return Err(Verdict {
                outcome,
                evidence: text,
            });
        }
        let missing = missing(spec, &samples);
        if !missing.is_empty() {
            return Err(Verdict::fail(missing.join("; ")));
        }
        meter.read(samples);
        self.clock.sleep(spec.tick.min(COUNTED_FOR)).await;
        let answers = sources.sample_each(op, run.origin, &*self.clock).await;
        let side = meter.read(answers.into_iter().map(|(_, sample)| sample.ok()));
        Ok((side, self.clock.monotonic().since(began)))
    }
}

/// The counters and histograms that an analysis asks for, each with whether it is a histogram.
fn needed(spec: &AnalysisSpec) -> BTreeSet<(&str, bool)> {
    let mut names = BTreeSet::new();
    for metric in &spec.metrics {
        if let Some(errors) = &metric.errors {
            names.extend([(errors.bad.as_str(), false), (errors.of.as_str(), false)]);
        }
        if let Some(events) = &metric.events {
            names.extend([(events.count.as_str(), false), (events.of.as_str(), false)]);
        }
        if let Some(latency) = &metric.latency {
            names.insert((latency.histogram.as_str(), true));
        }
    }
    names
}

/// A source that answers and does not show what is asked for: a name that nobody counts under.
fn missing(spec: &AnalysisSpec, samples: &[Option<Sample>]) -> Vec<String> {
    let readings = || {
        samples
            .iter()
            .flatten()
            .flat_map(|sample| sample.instances.values())
    };
    let counters: BTreeSet<&str> = readings()
        .flat_map(|one| one.counters.keys())
        .map(String::as_str)
        .collect();
    let histograms: BTreeSet<&str> = readings()
        .flat_map(|one| one.histograms.keys())
        .map(String::as_str)
        .collect();
    let lacking = needed(spec).into_iter().filter_map(|(name, is_histogram)| {
        let (shown, what) = if is_histogram {
            (&histograms, "histogram")
        } else {
            (&counters, "counter")
        };
        if shown.contains(name) {
            return None;
        }
        let shown: Vec<&str> = shown.iter().copied().collect();
        let there = match (nearest::nearest(name, &shown), shown.as_slice()) {
            (Some(meant), _) => format!("did you mean {meant:?}?"),
            (None, []) => format!("live shows no {what} at all: is what the source looks for misnamed?"),
            (None, shown) => format!("live shows {}", shown.join(", ")),
        };
        Some(format!("live shows no {what} {name:?}; {there}"))
    });
    lacking.collect()
}

/// What follows when it cannot be told.
fn policy(spec: &AnalysisSpec) -> String {
    let hold = format!(
        "held for up to {} for somebody to approve, and then goes back",
        time(spec.hold)
    );
    match spec.on_inconclusive {
        OnInconclusive::Hold => format!("a step of which it cannot be told is {hold}"),
        OnInconclusive::Extend => format!(
            "a step of which it cannot be told is watched for {} more, then {hold}",
            time(spec.extend_by)
        ),
        OnInconclusive::Rollback => "a step of which it cannot be told goes back".to_owned(),
        OnInconclusive::BakeSuffices => {
            "a step of which it cannot be told passes: the plan says that the bake suffices".to_owned()
        }
    }
}

/// What a step will be able to see, at live's traffic.
fn sight(spec: &AnalysisSpec, step: &Step, live: &Side, counted_for: Duration) -> String {
    let share = f64::from(step.weight.basis_points()) / 10_000.0;
    let seen = spec.foresee(live, counted_for, share, step.bake);
    if seen.is_empty() {
        return "live has no requests now, so what can be seen cannot be told".to_owned();
    }
    let each: Vec<_> = seen.iter().map(ToString::to_string).collect();
    let bake = time(step.bake);
    format!("at live's traffic now, in a bake of {bake}: {}", each.join("; "))
}
