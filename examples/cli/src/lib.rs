//! The command line that the provider binaries share.
//!
//! A binary brings a [`Provider`] (what its section of the configuration file is, and the routers that
//! come of it), flattens [`Command`] into its own subcommands, and calls [`run`] from its [`program`]:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use bluegreen_cli::{Command, Global, Provider, ProviderError};
//! use bluegreen_core::command::Secrets;
//! use bluegreen_core::{Router, Slot};
//! use clap::Parser;
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Balancer {
//!     arn: String,
//! }
//!
//! struct Cloud;
//!
//! #[async_trait::async_trait]
//! impl Provider for Cloud {
//!     const SECTION: &'static str = "cloud";
//!     type Config = Balancer;
//!
//!     async fn routers(_: &Balancer, _: &Secrets) -> Result<Vec<Arc<dyn Router>>, ProviderError> {
//!         Ok(Vec::new()) // a router for the balancer
//!     }
//!
//!     async fn init(_: &Balancer, _: &Secrets, _: Option<Slot>) -> Result<Vec<String>, ProviderError> {
//!         Ok(vec!["nothing is to be prepared".to_owned()])
//!     }
//! }
//!
//! #[derive(Parser)]
//! #[command(after_help = bluegreen_cli::EXIT_CODES)]
//! struct Arguments {
//!     #[command(flatten)]
//!     global: Global,
//!     #[command(subcommand)]
//!     command: Command,
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     bluegreen_cli::program(async |arguments: Arguments, surroundings| {
//!         let Arguments { global, command } = arguments;
//!         bluegreen_cli::run::<Cloud>(&global, command, surroundings).await.leave()
//!     })
//!     .await
//! }
//! ```
//!
//! Only [`program`] reads the environment; everything else is told what of it counts, in [`Surroundings`].

mod args;
mod config;
mod exit;
mod failure;
mod operate;
mod program;
mod progress;
mod provider;
mod report;
mod run;
mod screen;
mod status;
mod surroundings;
mod words;

pub use args::{Because, Command, Deploy, Global, NewRelease, Retire};
pub use exit::{EXIT_CODES, Exit};
pub use program::program;
pub use provider::{Brings, Provider, ProviderError};
pub use run::run;
pub use surroundings::Surroundings;
