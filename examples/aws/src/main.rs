//! `bluegreen-aws`: deployments on AWS from a TOML file.

mod config;
mod demo;
mod provider;

use std::process::ExitCode;

use bluegreen_cli::{EXIT_CODES, Exit, Global, Surroundings};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Blue/green deployments on AWS, from a TOML file
#[derive(Debug, Parser)]
#[command(name = "bluegreen-aws", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Shared(bluegreen_cli::Command),
    /// See it at work on this machine, against a fake of the APIs with a balancer that forwards: a release by the
    /// runbook under load, and the way back
    Demo,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let surroundings = Surroundings {
        user: std::env::var("USER").ok(),
        variable: |name| std::env::var(name).ok(),
    };
    let exit = match arguments.command {
        Command::Shared(command) => {
            bluegreen_cli::run::<provider::Aws>(&arguments.global, command, surroundings).await
        }
        Command::Demo => return demo::run().await,
    };
    match exit {
        // A blocking call of a deployment that was left must not hold its user up.
        Exit::Interrupted => std::process::exit(i32::from(exit.code())),
        exit => exit.into(),
    }
}
