//! `simulate-alb`: deployments by the thousand with the router of load balancers, in made-up worlds.

#![expect(
    clippy::expect_used,
    reason = "a world that cannot be made is a mistake in it, and ends the simulation"
)]

mod balancers;
mod carried;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_aws::alb::Stickiness;
use bluegreen_core::Clock;
use bluegreen_testkit::simulation::{Provider, ProviderCommand};
use clap::Parser;

use balancers::{Balancers, Mistake};

/// Plays deployments on load balancers of a fake of AWS in virtual time, with requests that go wrong, nodes that follow
/// late, crashes and operators, and checks every promise.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    command: ProviderCommand<Mistake>,
}

/// The provider of the world of a seed.
fn provider(seed: u64, clock: Arc<dyn Clock>, mistake: Option<&Mistake>) -> Arc<dyn Provider> {
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
    Arc::new(Balancers::new(
        balancers,
        rules,
        lag,
        stickiness,
        clock,
        mistake.copied(),
    ))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let command = Arguments::parse().command;
    command.run(provider, &mut std::io::stdout().lock())
}
