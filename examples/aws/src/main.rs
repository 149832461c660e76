//! `bluegreen-aws`: deployments on AWS from a TOML file.

mod config;
mod demo;
mod provider;

use std::process::ExitCode;

use bluegreen_cli::{EXIT_CODES, Global, program};
use clap::{Parser, Subcommand};

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
    program(
        async |arguments: Arguments, surroundings| match arguments.command {
            Command::Shared(command) => {
                let exit = bluegreen_cli::run::<provider::Aws>(&arguments.global, command, surroundings);
                Box::pin(exit).await.leave()
            }
            Command::Demo => Box::pin(demo::run()).await,
        },
    )
    .await
}
