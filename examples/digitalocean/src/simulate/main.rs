//! `simulate-digitalocean`: deployments by the thousand with the plugins of DigitalOcean, in made-up worlds.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a world that cannot be made is a mistake in it, and ends the simulation"
)]

mod apps;
mod balancers;
mod carried;
mod domains;
mod records;
mod sabotage;

use std::error::Error;
use std::io::Write as _;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluegreen_core::Clock;
use bluegreen_testkit::simulation::{Provider, ProviderSimulation};
use clap::Parser;
use serde_json::json;

use apps::OneApp;
use balancers::{Balancers, By};
use domains::TwoApps;
use records::Records;
use sabotage::{Mistake, Sabotaged};

/// Plays deployments on load balancers, records and apps of a fake of DigitalOcean in virtual time, with requests that
/// go wrong, crashes and operators, and checks every promise.
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
fn provider(seed: u64, clock: Arc<dyn Clock>) -> Arc<dyn Provider> {
    let quick = Duration::from_millis([0, 100, 700][usize::try_from(seed / 8 % 3).unwrap_or(0)]);
    match seed % 8 {
        0 => Arc::new(Balancers::new(By::Tag, 1, quick, clock)),
        1 => Arc::new(Balancers::new(By::Droplets, 1, quick, clock)),
        2 => Arc::new(Balancers::new(By::Ports, 1, quick, clock)),
        3 => Arc::new(Balancers::new(By::Ratio, 1, quick, clock)),
        4 => Arc::new(Balancers::new(By::Ratio, 2, quick, clock)),
        5 => Arc::new(Records::new(clock)),
        6 => Arc::new(OneApp::new(quick + Duration::from_millis(300), clock)),
        _ => Arc::new(TwoApps::new(
            quick + Duration::from_millis(300),
            (seed / 32).is_multiple_of(2),
            clock,
        )),
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let mut out = std::io::stdout().lock();
    let mistake = options.sabotage;
    let providers = move |seed: u64, clock: Arc<dyn Clock>| -> Arc<dyn Provider> {
        let inner = provider(seed, clock);
        match mistake {
            None => inner,
            Some(mistake) => Arc::new(Sabotaged { inner, mistake }),
        }
    };
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
        return Ok(code(violation.is_some() == mistake.is_some()));
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
    Ok(code(summary.violation.is_some() == mistake.is_some()))
}

fn code(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
