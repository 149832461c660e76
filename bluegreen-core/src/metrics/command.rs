//! A source that asks a command for each number.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::SourceBuildError;
use super::named::{Named, Reading, Shape};
use crate::command::{CommandContext, CommandSpec, Effect, End, Limits, check, could_not_start, run};
use crate::{Clock, Fault, Metrics, Op, Sample, Slot, SystemClock};

const PROVIDER: &str = "command";
const OPERATION: &str = "measure";

/// How long a command may take, unless its spec says otherwise: as long as a tick of an analysis.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a command for each number: the way to every source that has no part of its own here.
///
/// | it | result |
/// |---|---|
/// | ends with 0 and prints one number | the number |
/// | ends with 0 and prints nothing or `NaN`; a counter that is negative or infinite | no data |
/// | ends with 75 (`EX_TEMPFAIL`) | no data |
/// | is ended by a signal or at its time limit | unavailable |
/// | ends with another code, prints anything else, cannot be started | rejected |
///
/// ```
/// use bluegreen_core::command::{CommandContext, CommandSpec};
/// use bluegreen_core::metrics::CommandMetrics;
/// use bluegreen_core::ServiceName;
///
/// let context = CommandContext::new(ServiceName::new("shop")?);
/// let metrics = CommandMetrics::new(context)
///     .gauge("queue_depth", CommandSpec::new(["redis-cli", "llen", "queue:{slot}"]))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CommandMetrics {
    context: CommandContext,
    metrics: Named<CommandSpec>,
}

impl CommandMetrics {
    /// A source that knows no metric yet.
    #[must_use]
    pub fn new(context: CommandContext) -> Self {
        let metrics = Named::new(PROVIDER);
        Self { context, metrics }
    }

    /// With a number that rises and falls.
    ///
    /// # Errors
    /// When the command cannot be filled in for one of the slots, or the name is taken.
    pub fn gauge(self, name: impl Into<String>, command: CommandSpec) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Gauge, command)
    }

    /// With a count of what has happened since some beginning, which the command does not change itself.
    ///
    /// # Errors
    /// When the command cannot be filled in for one of the slots, or the name is taken.
    pub fn counter(self, name: impl Into<String>, command: CommandSpec) -> Result<Self, SourceBuildError> {
        self.with(name.into(), Shape::Counter, command)
    }

    fn with(mut self, name: String, shape: Shape, command: CommandSpec) -> Result<Self, SourceBuildError> {
        for slot in Slot::BOTH {
            let filled = self.context.of_slot(slot).expand(&command, &self.context.secrets);
            filled.map_err(|problem| SourceBuildError::metric(&name, format!("for {slot}: {problem}")))?;
        }
        self.metrics.add(name, shape, command)?;
        Ok(self)
    }

    async fn measure(
        &self,
        op: &Op,
        slot: Slot,
        (shape, command): (Shape, &CommandSpec),
    ) -> Result<Option<f64>, Fault> {
        let secrets = &self.context.secrets;
        let invocation = self.context.of_slot(slot).expand(command, secrets)?;
        let limits = Limits::all_of(command.timeout.unwrap_or(TIMEOUT).min(op.budget));
        let program = invocation.program();
        let finished = run(&invocation, secrets, &limits).await;
        let finished = finished.map_err(|error| could_not_start(OPERATION, program, &error))?;
        if finished.end == End::Exited(NO_DATA) {
            return Ok(None);
        }
        let finished = check(OPERATION, program, Effect::Reads, finished)?;
        let printed = finished.stdout.trim();
        if printed.is_empty() {
            return Ok(None);
        }
        let number = printed.parse().map_err(|_| {
            let problem = format!("it printed no number: {}", finished.evidence());
            Fault::rejected(PROVIDER, OPERATION, problem).on(program)
        })?;
        Ok(shape.check(number))
    }
}

/// `EX_TEMPFAIL` of `sysexits.h`.
const NO_DATA: i32 = 75;

#[async_trait]
impl Metrics for CommandMetrics {
    async fn read(&self, op: &Op, metric: &str, slot: Slot) -> Result<Option<f64>, Fault> {
        let (shape, command) = self.metrics.number(metric)?;
        self.measure(op, slot, (shape, command)).await
    }

    /// All commands run side by side.
    async fn sample(&self, op: &Op, slot: Slot) -> Result<Sample, Fault> {
        let all = self.metrics.iter().map(|(name, shape, command)| async move {
            let number = self.measure(op, slot, (shape, command)).await?;
            Ok::<_, Fault>((name, shape, number))
        });
        let all: Vec<_> = try_join_all(all).await?;
        let mut sample = Sample::new(SystemClock::new().now());
        let readings = sample.instance("");
        for (name, shape, number) in all {
            readings.put(name, shape, number.map(Reading::Number));
        }
        Ok(sample)
    }
}
