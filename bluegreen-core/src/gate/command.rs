//! A gate that asks a command.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::build::{GateBuildError, GateParts, stand_in, values};
use crate::command::{
    CommandContext, CommandSpec, End, Finished, Invocation, Limits, Values, could_not_start, run,
};
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
/// # What it gets
/// Unless its `env` says otherwise, its environment has `BASE_URL` (the value of `url` in `[slots.…]` of the
/// slot that it is asked about, where there is one), `BLUEGREEN_SERVICE`, `BLUEGREEN_SLOT` and, where the
/// release is known, `BLUEGREEN_VERSION`: what suites such as those of k6 and Playwright need.
///
/// # What is kept
/// The end of its output is the evidence. Where [`CommandContext::outputs`] names a folder, more of it is
/// written there, and the evidence names the file. Secrets are replaced by `***`, colours are taken out.
///
/// The gate's `timeout` is its limit too, and 5 s unless the plan says otherwise: give a suite its time.
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

impl CommandGate {
    /// How it ended, where its output is kept, and the end of it.
    async fn evidence(&self, slot: Slot, finished: &Finished) -> String {
        let evidence = finished.evidence();
        let Some(file) = self.context.output_file(&self.name, slot) else {
            return evidence;
        };
        let text = format!("{}\n{}\n", finished.ending(), finished.output());
        match keep(&file, &text).await {
            Ok(()) => format!("output in {}; {evidence}", file.display()),
            // The verdict does not depend on it.
            Err(error) => format!("output cannot be kept in {}: {error}; {evidence}", file.display()),
        }
    }
}

async fn keep(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(file, text).await
}

/// With the variables that every gate's command gets.
fn with_slot(invocation: Invocation, values: &Values) -> Invocation {
    let variables = [
        ("BASE_URL", "url"),
        ("BLUEGREEN_SERVICE", "service"),
        ("BLUEGREEN_SLOT", "slot"),
        ("BLUEGREEN_VERSION", "version"),
    ];
    variables
        .into_iter()
        .fold(invocation, |invocation, (variable, name)| {
            match values.get(name) {
                Some(value) => invocation.or_env(variable, value),
                None => invocation,
            }
        })
}

#[async_trait]
impl Gate for CommandGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let secrets = &self.context.secrets;
        let values = values(&self.context, context);
        let invocation = with_slot(values.expand(&self.spec, secrets)?, &values);
        let limits = Limits::all_of(self.timeout.min(op.budget));
        let finished = run(&invocation, secrets, &limits).await;
        let finished = finished.map_err(|error| could_not_start("gate", invocation.program(), &error))?;
        let evidence = self.evidence(context.slot, &finished).await;
        Ok(match finished.end {
            End::Exited(0) => Verdict::pass(evidence),
            End::Exited(INCONCLUSIVE) => Verdict::inconclusive(evidence),
            End::Exited(_) | End::Signalled(_) | End::TimedOut(_) => Verdict::fail(evidence),
        })
    }
}
