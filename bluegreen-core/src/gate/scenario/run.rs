//! One run of a scenario: the steps, and in any case the clean-up.

use std::time::Duration;

use super::super::http::{Discreet, NoAnswer, PROVIDER, Prepared, Unpreparable};
use super::cookies::Cookies;
use super::fillings::Fillings;
use super::{Scenario, step, take};
use crate::command::{ExpandError, Secrets, Values};
use crate::plan::{ScenarioStep, TemplateError};
use crate::text::bounded;
use crate::{Clock, Fault, Outcome, SystemClock, Verdict};

/// The longest evidence. What the deployer keeps of it is shorter; its beginning says what failed.
const MOST_EVIDENCE: usize = 2000;

/// What a run has seen so far.
pub(super) struct Run<'a> {
    scenario: &'a Scenario,
    fillings: Fillings,
    /// Those of the caller, and what is not to be shown of what was taken.
    secrets: Secrets,
    cookies: Cookies,
    clock: SystemClock,
    /// One for each step that was answered as asked for, and for each of the clean-up.
    lines: Vec<String>,
    /// What failed, in the order in which it did.
    failures: Vec<String>,
}

/// Why a step did not end as asked for.
enum Stopped {
    /// The slot's failure: what was seen.
    Failed(String),
    /// Nothing is known of the slot.
    Unmeasured(Fault),
    /// A value that it needs was never taken.
    Lacks(String),
}

impl<'a> Run<'a> {
    pub(super) fn new(scenario: &'a Scenario, values: Values) -> Result<Self, ExpandError> {
        let secrets = scenario.context.secrets.clone();
        Ok(Self {
            fillings: Fillings::of(&scenario.spec, values, &secrets)?,
            scenario,
            secrets,
            cookies: Cookies::default(),
            clock: SystemClock::new(),
            lines: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Does the steps and the clean-up within a limit. When nobody waits any more the steps end at
    /// once, and the clean-up begins.
    pub(super) async fn finish(
        &mut self,
        limit: Duration,
        abandoned: impl Future<Output = ()>,
    ) -> Result<Verdict, Fault> {
        let reserve = self.scenario.spec.reserve(limit).min(limit);
        let ended = tokio::select! {
            ended = self.steps(limit.saturating_sub(reserve)) => ended,
            () = abandoned => Ok(()),
        };
        // The rest of the time is for the clean-up: where a step took too long, the reserve.
        let left = limit.saturating_sub(self.clock.monotonic().0).max(reserve);
        let cleaned_up = self.clean_up(left).await;
        ended.and(cleaned_up)?;
        Ok(self.verdict())
    }

    async fn steps(&mut self, limit: Duration) -> Result<(), Fault> {
        let scenario = self.scenario;
        let count = scenario.spec.steps.len();
        for (index, step) in scenario.spec.steps.iter().enumerate() {
            let left = limit.saturating_sub(self.clock.monotonic().0);
            match self.step(step, left).await {
                Ok(line) => self.lines.push(line),
                Err(Stopped::Unmeasured(fault)) => return Err(fault),
                Err(Stopped::Failed(why)) => {
                    self.failures
                        .push(format!("failed at step {} of {count}, {why}", index + 1));
                    return Ok(());
                }
                Err(Stopped::Lacks(name)) => {
                    let why = format!("{}: {{{name}}} has no value", step.name);
                    self.failures
                        .push(format!("failed at step {} of {count}, {why}", index + 1));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Does every step of the clean-up, whatever becomes of those before it: each has its share of the
    /// time that is left.
    async fn clean_up(&mut self, limit: Duration) -> Result<(), Fault> {
        let scenario = self.scenario;
        let began = self.clock.monotonic();
        let mut unmeasured = None;
        for (done, step) in scenario.spec.clean_up.iter().enumerate() {
            let left = limit.saturating_sub(self.clock.monotonic().since(began));
            let steps = scenario.spec.clean_up.len().saturating_sub(done).max(1);
            let share = left / u32::try_from(steps).unwrap_or(u32::MAX);
            match self.step(step, share).await {
                Ok(line) => self.lines.push(format!("clean-up, {line}")),
                Err(Stopped::Lacks(name)) => {
                    let why = format!("{}: not needed, {{{name}}} was never taken", step.name);
                    self.lines.push(format!("clean-up, {why}"));
                }
                Err(Stopped::Failed(why)) => self.failures.push(format!("failed to clean up, {why}")),
                Err(Stopped::Unmeasured(fault)) => unmeasured = unmeasured.or(Some(fault)),
            }
        }
        unmeasured.map_or(Ok(()), Err)
    }

    /// One step, within a limit: its line.
    async fn step(&mut self, step: &ScenarioStep, limit: Duration) -> Result<String, Stopped> {
        let scenario = self.scenario;
        let limit = limit.min(step.timeout.unwrap_or(Duration::MAX));
        let Prepared {
            title,
            request,
            expected,
        } = step::prepare(step, &scenario.spec.headers, &self.fillings, &self.secrets)
            .map_err(|error| self.unpreparable(step, &error))?;
        let failed = |why: String| Stopped::Failed(format!("{}: {title}: {why}", step.name));
        if limit.is_zero() {
            return Err(failed("no time is left for it".to_owned()));
        }
        let answer = step::answer(
            &scenario.client,
            step.redirects,
            (&title, request),
            &mut self.cookies,
            &mut self.secrets,
            limit,
        );
        let answer = answer.await.map_err(|error| match error {
            NoAnswer::OfSlot(why) => failed(why),
            NoAnswer::OfMeasurement(fault) => Stopped::Unmeasured(fault),
        })?;
        // Before anything of the answer is shown, what it gives is known, and hidden.
        let mut missing = None;
        for (name, wanted) in &step.take {
            match take::take(wanted, &answer) {
                Ok(value) => {
                    if !wanted.shown {
                        self.secrets = std::mem::take(&mut self.secrets).hiding(value.clone());
                    }
                    self.fillings.take(name, value, wanted.shown);
                }
                Err(why) => missing = missing.or(Some(format!("{name} cannot be taken: {why}"))),
            }
        }
        let discreet = Discreet(&self.secrets);
        let first = answer.problems(&expected, discreet).into_iter().next();
        match first.or(missing) {
            None => Ok(format!("{}: {}", step.name, answer.line())),
            Some(problem) => {
                let body = discreet.text(&String::from_utf8_lossy(&answer.body));
                Err(failed(format!(
                    "{}, {problem}; the body begins {body}",
                    answer.line()
                )))
            }
        }
    }

    fn unpreparable(&self, step: &ScenarioStep, error: &Unpreparable) -> Stopped {
        let is_taken = |name: &str| {
            let spec = &self.scenario.spec;
            spec.steps
                .iter()
                .chain(&spec.clean_up)
                .any(|step| step.take.contains_key(name))
        };
        match error {
            Unpreparable::Expand(ExpandError::Template {
                source: TemplateError::Unknown { name },
                ..
            }) if is_taken(name) => Stopped::Lacks(name.clone()),
            // Everything else was tried with stand-ins before: it is what an answer gave that does not fit.
            Unpreparable::NoHeader(_) | Unpreparable::NoAddress(_) | Unpreparable::ElsewhereByValue(_) => {
                Stopped::Failed(format!(
                    "{}: {}",
                    step.name,
                    self.secrets.redact(&error.to_string())
                ))
            }
            other => Stopped::Unmeasured(Fault::rejected(
                PROVIDER,
                "request",
                self.secrets.redact(&other.to_string()),
            )),
        }
    }

    /// What failed first, then a line for each step. What answers said is in there without secrets.
    fn verdict(&self) -> Verdict {
        let outcome = if self.failures.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        let lines: Vec<_> = self
            .failures
            .iter()
            .chain(&self.lines)
            .map(String::as_str)
            .collect();
        let evidence = bounded(
            self.scenario.context.secrets.redact(&lines.join("\n")),
            MOST_EVIDENCE,
        );
        Verdict { outcome, evidence }
    }
}
