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
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::Clock;
use bluegreen_testkit::simulation::{Provider, ProviderCommand};
use clap::Parser;

use apps::OneApp;
use balancers::{Balancers, By};
use domains::TwoApps;
use records::Records;
use sabotage::{Mistake, Sabotaged};

/// Plays deployments on load balancers, records and apps of a fake of DigitalOcean in virtual time, with requests that
/// go wrong, crashes and operators, and checks every promise.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    command: ProviderCommand<Mistake>,
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
    let provider = |seed: u64, clock: Arc<dyn Clock>, mistake: Option<&Mistake>| {
        let inner = provider(seed, clock);
        match mistake {
            None => inner,
            Some(mistake) => Arc::new(Sabotaged {
                inner,
                mistake: *mistake,
            }),
        }
    };
    let command = Arguments::parse().command;
    command.run(provider, &mut std::io::stdout().lock())
}
