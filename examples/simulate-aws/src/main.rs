//! `simulate-alb`: deployments by the thousand with the router of load balancers, in made-up worlds.

#![expect(
    clippy::expect_used,
    reason = "a world that cannot be made is a mistake in it, and ends the simulation"
)]

mod balancers;
mod carried;

use std::error::Error;
use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluegreen_aws::alb::Stickiness;
use bluegreen_core::Clock;
use bluegreen_testkit::simulation::{Provider, ProviderSimulation};
use clap::Parser;
use serde_json::json;

use balancers::{Balancers, Mistake};

/// Plays deployments on load balancers of a fake of AWS in virtual time, with requests that go wrong, nodes that follow
/// late, crashes and operators, and checks every promise.
#[derive(Debug, Parser)]
struct Options {
    /// How many deployments to simulate at least.
    #[arg(long, default_value_t = 100_000)]
    deployments: u64,
    /// The first seed of the worlds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many threads; all cores without it.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Shows one world line by line instead.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// Makes a mistake on purpose, which has to be found: that a promise is broken is then a success.
    #[arg(long)]
    sabotage: Option<Mistake>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// The provider of the world of a seed.
fn provider(seed: u64, clock: Arc<dyn Clock>, mistake: Option<Mistake>) -> Arc<dyn Provider> {
    let lag = match seed / 4 % 4 {
        0 => 0,
        1 => 100,
        2 => 700,
        _ => 1_900,
    };
    let (balancers, rules) = match seed % 4 {
        0 => (1, 0),
        1 => (1, 1),
        2 => (2, 0),
        _ => (1, 2),
    };
    let stickiness = if (seed / 16).is_multiple_of(2) {
        Stickiness::Off
    } else {
        Stickiness::During(Duration::from_mins(1))
    };
    let lag = Duration::from_millis(lag);
    Arc::new(Balancers::new(balancers, rules, lag, stickiness, clock, mistake))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let mut out = std::io::stdout().lock();
    let mistake = options.sabotage;
    let providers = move |seed: u64, clock: Arc<dyn Clock>| provider(seed, clock, mistake);
    let simulation = ProviderSimulation {
        deployments: options.deployments,
        seed: options.seed,
        threads: options.threads,
        providers: &providers,
    };
    if let Some(seed) = options.replay {
        let (text, violation) = simulation.replay(seed)?;
        if options.json {
            writeln!(out, "{}", json!({"history": text, "violation": violation}))?;
        } else {
            let end = violation.as_ref().map(ToString::to_string);
            let end = end.unwrap_or_else(|| "Every promise was kept.".to_owned());
            writeln!(out, "{text}\n{end}")?;
        }
        return Ok(code(violation.is_some() == options.sabotage.is_some()));
    }
    #[expect(clippy::disallowed_methods, reason = "how long the simulation itself takes")]
    let began = Instant::now();
    let summary = simulation.run()?;
    let seconds = began.elapsed().as_secs_f64();
    if options.json {
        writeln!(out, "{}", json!({"summary": summary, "seconds": seconds}))?;
    } else {
        write!(out, "{}", summary.told(seconds))?;
    }
    Ok(code(summary.violation.is_some() == options.sabotage.is_some()))
}

fn code(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
