//! A gate that asks a command.

use std::time::Duration;

use async_trait::async_trait;

use super::build::{GateBuildError, GateParts, stand_in, values};
use crate::command::{CommandContext, CommandSpec, End, Limits, could_not_start, run};
use crate::plan::GateSpec;
use crate::{Fault, Gate, GateContext, Op, Slot, Verdict};

/// Asks a command, by its exit code. Its output is the evidence.
///
/// | it | verdict |
/// |---|---|
/// | ends with 0 | pass |
/// | ends with 75 (`EX_TEMPFAIL`) | inconclusive |
/// | ends with another code, by a signal, or not within its time | fail |
/// | cannot be started | a fault: it says nothing of the slot |
///
/// The address to ask goes into its environment: `env = { BASE_URL = "{url}" }`.
#[derive(Debug)]
pub struct CommandGate {
    name: String,
    spec: CommandSpec,
    timeout: Duration,
    context: CommandContext,
}

const INCONCLUSIVE: i32 = 75;

impl CommandGate {
    /// The gate that a plan describes by a command.
    ///
    /// # Errors
    /// When the spec has no command, or it cannot be filled in for one of the slots.
    pub fn new(spec: &GateSpec, parts: &GateParts) -> Result<Self, GateBuildError> {
        let Some(command) = &spec.command else {
            return Err(GateBuildError::new(&spec.name, "it has no `command`"));
        };
        for slot in Slot::BOTH {
            let filled = stand_in(&parts.context, slot).expand(command, &parts.context.secrets);
            filled.map_err(|error| GateBuildError::expand(&spec.name, slot, &error))?;
        }
        Ok(Self {
            name: spec.name.clone(),
            spec: command.clone(),
            timeout: spec.timeout,
            context: parts.context.clone(),
        })
    }
}

#[async_trait]
impl Gate for CommandGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let secrets = &self.context.secrets;
        let invocation = values(&self.context, context).expand(&self.spec, secrets)?;
        let limits = Limits::all_of(self.timeout.min(op.budget));
        let finished = run(&invocation, secrets, &limits).await;
        let finished = finished.map_err(|error| could_not_start("gate", invocation.program(), &error))?;
        let evidence = finished.evidence();
        Ok(match finished.end {
            End::Exited(0) => Verdict::pass(evidence),
            End::Exited(INCONCLUSIVE) => Verdict::inconclusive(evidence),
            End::Exited(_) | End::Signalled(_) | End::TimedOut(_) => Verdict::fail(evidence),
        })
    }
}
