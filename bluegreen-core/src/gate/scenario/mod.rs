//! A gate that sends requests in order, each with what the answers before it gave.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use tokio::sync::oneshot;

use super::build::{GateBuildError, GateParts, stand_in, values};
use super::http::{PROVIDER, client_of};
use crate::command::CommandContext;
use crate::plan::{GateSpec, ScenarioSpec};
use crate::{Fault, Gate, GateContext, Op, Slot, Verdict};

mod cookies;
mod fillings;
mod run;
mod step;
mod take;

use fillings::Fillings;
use run::Run;

/// Sends requests in order; each must be answered as asked for, and may use what was taken from the
/// answers before it. See [`ScenarioSpec`].
///
/// - Cookies are kept for one run, and begin anew with the next. They are sent as if the connection were
///   secure: a slot is asked behind what adds TLS for its users.
/// - The first step that is not answered as asked for ends the steps; then, and in any case, the
///   clean-up is done. For it a part of the time is kept, and it is done also where nobody waits for the
///   verdict any more: it goes on beside, in its time. A process that is killed leaves what was created;
///   `{run}` in a name tells what can be removed.
/// - Connections refused, cut or too slow, and certificates that do not fit, are the slot's failure; a
///   name that cannot be resolved is an error of the measurement.
/// - Of a body at most 1 MiB is read. A value that is taken has at most 8 KiB.
/// - The evidence has a line for each step: its status and time, and for the one that failed what was
///   seen. Secrets, taken values that are not marked as `shown` and cookies are replaced by `***`,
///   wherever an answer repeats them.
#[derive(Debug)]
pub struct ScenarioGate {
    scenario: Arc<Scenario>,
}

/// What a scenario is run with.
#[derive(Debug)]
struct Scenario {
    name: String,
    spec: ScenarioSpec,
    timeout: Duration,
    context: CommandContext,
    client: Client,
}

impl ScenarioGate {
    /// The gate that a plan describes by a scenario.
    ///
    /// # Errors
    /// When there is no step, a secret or the value of a placeholder is missing, a value is used that no
    /// earlier step takes, or a method, address, header, pointer or expression cannot be one, for either slot.
    pub fn new(spec: &GateSpec, parts: &GateParts) -> Result<Self, GateBuildError> {
        let error = |problem: String| GateBuildError::new(&spec.name, problem);
        let Some(scenario) = spec
            .scenario
            .as_ref()
            .filter(|scenario| !scenario.steps.is_empty())
        else {
            return Err(error("it has no `scenario` with steps".to_owned()));
        };
        let client = client_of(parts).map_err(|problem| error(format!("no HTTP client: {problem}")))?;
        let scenario = Scenario {
            name: spec.name.clone(),
            spec: scenario.clone(),
            timeout: spec.timeout,
            context: parts.context.clone(),
            client,
        };
        for slot in Slot::BOTH {
            scenario
                .rehearse(slot)
                .map_err(|problem| error(format!("for {slot}: {problem}")))?;
        }
        Ok(Self {
            scenario: Arc::new(scenario),
        })
    }
}

impl Scenario {
    /// Prepares every request without sending one, with stand-ins for what is taken.
    fn rehearse(&self, slot: Slot) -> Result<(), String> {
        let mut fillings = Fillings::of(&self.spec, stand_in(&self.context, slot), &self.context.secrets)
            .map_err(|problem| problem.to_string())?;
        for step in self.spec.steps.iter().chain(&self.spec.clean_up) {
            let told = |problem: String| format!("step {:?}: {problem}", step.name);
            step::prepare(step, &self.spec.headers, &fillings, &self.context.secrets)
                .map_err(|problem| told(problem.to_string()))?;
            for (name, take) in &step.take {
                take::check(take).map_err(|problem| told(format!("{name}: {problem}")))?;
                fillings.take(name, "0".to_owned(), true);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Gate for ScenarioGate {
    fn name(&self) -> &str {
        &self.scenario.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let scenario = Arc::clone(&self.scenario);
        let values = values(&scenario.context, context);
        let limit = scenario.timeout.min(op.budget);
        // A task of its own: whoever waits may go away, and the clean-up is still done.
        let (mut told, verdict) = oneshot::channel();
        tokio::spawn(async move {
            let verdict = match Run::new(&scenario, values) {
                Ok(mut run) => run.finish(limit, told.closed()).await,
                Err(problem) => Err(Fault::rejected(PROVIDER, "request", problem.to_string())),
            };
            // Nobody may be waiting any more.
            let _ = told.send(verdict);
        });
        let ended = verdict.await;
        ended.map_err(|_| Fault::unavailable(PROVIDER, "scenario", "it was ended from outside"))?
    }
}
