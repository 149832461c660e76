//! `bluegreen-nginx`: deployments behind nginx from a TOML file.

mod demo;
mod hosts;
mod provider;
mod service;

use std::process::ExitCode;

use bluegreen_cli::{EXIT_CODES, Exit, Global, Surroundings};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

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
            bluegreen_cli::run::<provider::Nginx>(&arguments.global, command, surroundings).await
        }
        Command::Demo(demo) => demo.run().await,
        Command::Service(service) => return service.run().await,
    };
    match exit {
        Exit::Interrupted => {
            // A blocking call of a deployment that was left must not hold its user up.
            std::process::exit(i32::from(exit.code()))
        }
        exit => exit.into(),
    }
}
