//! Simulates deployments by the thousand, and tells which promise broke, if one did.

use std::error::Error;
use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Instant;

use bluegreen_testkit::simulation::{Simulation, replay};
use clap::Parser;
use serde_json::json;

/// Plays deployments in simulated worlds, with faults, crashes and operators, and checks every promise.
#[derive(Debug, Parser)]
struct Options {
    /// How many deployments to simulate at least.
    #[arg(long, default_value_t = 100_000)]
    deployments: u64,
    /// The first seed of the random worlds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many threads; all cores without it.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Shows one world line by line instead.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// Fails also when a transition of the lifecycle was not made: for runs that are big enough to make them all, such
    /// as a million deployments.
    #[arg(long)]
    whole: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match run(&Options::parse()) {
        // Whoever reads has read enough.
        Err(error) if is_closed_pipe(&*error) => Ok(ExitCode::SUCCESS),
        answer => answer,
    }
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    if let Some(seed) = options.replay {
        let (text, violation) = replay(seed)?;
        if options.json {
            writeln!(out, "{}", json!({ "history": text, "violation": violation }))?;
        } else {
            write!(out, "{text}")?;
            writeln!(
                out,
                "\n{}",
                violation
                    .as_ref()
                    .map_or_else(|| "Every promise was kept.".to_owned(), ToString::to_string)
            )?;
        }
        return Ok(code(violation.is_none()));
    }
    #[expect(clippy::disallowed_methods, reason = "how long the simulation itself takes")]
    let began = Instant::now();
    let simulation = Simulation {
        deployments: options.deployments,
        seed: options.seed,
        threads: options.threads,
    };
    let summary = simulation.run()?;
    let seconds = began.elapsed().as_secs_f64();
    let missing: Vec<_> = named(&summary.coverage.missing());
    if options.json {
        let report = json!({
            "summary": summary, "seconds": seconds,
            "missing_transitions": missing,
        });
        writeln!(out, "{report}")?;
    } else {
        write!(out, "{}", summary.told(seconds))?;
    }
    let is_whole = missing.is_empty() || !options.whole;
    if !is_whole {
        let count = missing.len();
        writeln!(
            std::io::stderr(),
            "This run was to be whole, and {count} transitions were not made."
        )?;
    }
    Ok(code(summary.violation.is_none() && is_whole))
}

fn code(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn named(transitions: &[(bluegreen_core::Phase, bluegreen_core::Phase)]) -> Vec<String> {
    transitions
        .iter()
        .map(|(from, to)| format!("{from} -> {to}"))
        .collect()
}
