//! The command line of a program that simulates a provider.

use std::error::Error;
use std::fmt::Debug;
use std::io::{ErrorKind, Write};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use bluegreen_core::Clock;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::many::ProviderSimulation;
use super::provider::Provider;

/// What such a program is asked for. `M` are the mistakes that it can make on purpose.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct ProviderCommand<M: ValueEnum + Debug + Send + Sync + 'static> {
    /// How many deployments to simulate at least.
    #[arg(long, default_value_t = 100_000)]
    pub deployments: u64,
    /// The first seed of the worlds.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many threads; all cores without it.
    #[arg(long)]
    pub threads: Option<NonZero<usize>>,
    /// Shows one world line by line instead.
    #[arg(long, value_name = "SEED")]
    pub replay: Option<u64>,
    /// Makes a mistake on purpose, which has to be found: that a promise is broken is then a success.
    #[arg(long)]
    pub sabotage: Option<M>,
    /// JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

impl<M: ValueEnum + Debug + Send + Sync + 'static> ProviderCommand<M> {
    /// Simulates what was asked for with the provider that `provider` makes of a seed, a clock and a mistake, and writes
    /// what came of it. Success is that no promise was broken, or, with a mistake, that one was.
    ///
    /// # Errors
    /// When a world cannot be played, or `out` does not take the text; that its reader has gone is no error.
    pub fn run(
        self,
        provider: impl Fn(u64, Arc<dyn Clock>, Option<&M>) -> Arc<dyn Provider> + Send + Sync,
        out: &mut impl Write,
    ) -> Result<ExitCode, Box<dyn Error>> {
        match self.play(&provider, out) {
            Ok(true) => Ok(ExitCode::SUCCESS),
            Ok(false) => Ok(ExitCode::FAILURE),
            // Whoever reads has read enough.
            Err(error) if is_closed_pipe(&*error) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(error),
        }
    }

    fn play(
        &self,
        provider: &(impl Fn(u64, Arc<dyn Clock>, Option<&M>) -> Arc<dyn Provider> + Send + Sync),
        out: &mut impl Write,
    ) -> Result<bool, Box<dyn Error>> {
        let providers = |seed: u64, clock: Arc<dyn Clock>| provider(seed, clock, self.sabotage.as_ref());
        let simulation = ProviderSimulation {
            deployments: self.deployments,
            seed: self.seed,
            threads: self.threads,
            providers: &providers,
        };
        let is_as_it_should = |is_broken: bool| is_broken == self.sabotage.is_some();
        if let Some(seed) = self.replay {
            let (text, violation) = simulation.replay(seed)?;
            if self.json {
                writeln!(out, "{}", json!({"history": text, "violation": violation}))?;
            } else {
                let end = violation.as_ref().map(ToString::to_string);
                let end = end.unwrap_or_else(|| "Every promise was kept.".to_owned());
                writeln!(out, "{text}\n{end}")?;
            }
            return Ok(is_as_it_should(violation.is_some()));
        }
        #[expect(clippy::disallowed_methods, reason = "how long the simulation itself takes")]
        let began = Instant::now();
        let summary = simulation.run()?;
        let seconds = began.elapsed().as_secs_f64();
        if self.json {
            writeln!(out, "{}", json!({"summary": summary, "seconds": seconds}))?;
        } else {
            write!(out, "{}", summary.told(seconds))?;
        }
        Ok(is_as_it_should(summary.violation.is_some()))
    }
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
