//! `bluegreen-nginx`: deployments behind nginx from a TOML file.

mod demo;
mod hosts;
mod provider;
mod service;

use std::process::ExitCode;

use bluegreen_cli::{EXIT_CODES, Global, program};
use clap::{Parser, Subcommand};

/// Blue/green deployments behind nginx, from a TOML file
#[derive(Debug, Parser)]
#[command(name = "bluegreen-nginx", version, after_help = EXIT_CODES)]
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
    /// See it at work on this machine: a private nginx, two services, a deployment and a rollback
    /// under load; stops everything that it started
    Demo(demo::Demo),
    #[command(flatten)]
    Service(service::Service),
}

#[tokio::main]
async fn main() -> ExitCode {
    program(
        async |arguments: Arguments, surroundings| match arguments.command {
            Command::Shared(command) => {
                let exit = bluegreen_cli::run::<provider::Nginx>(&arguments.global, command, surroundings);
                exit.await.leave()
            }
            Command::Demo(demo) => demo.run().await.leave(),
            Command::Service(service) => service.run().await,
        },
    )
    .await
}
