//! What the `main` of a provider's binary does around its own commands.

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{Exit, Surroundings};

/// A whole program: reads the command line, lets `run` do what it says, and writes log lines to standard error,
/// warnings only unless `RUST_LOG` says otherwise. The one place that reads the environment.
pub async fn program<A: Parser>(run: impl AsyncFnOnce(A, Surroundings) -> ExitCode) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let surroundings = Surroundings {
        user: std::env::var("USER").ok(),
        variable: |name| std::env::var(name).ok(),
    };
    run(A::parse(), surroundings).await
}

impl Exit {
    /// The exit code of a program that ends now. One that was interrupted ends here: a blocking call of a deployment
    /// that was left must not hold its user up.
    #[must_use]
    pub fn leave(self) -> ExitCode {
        match self {
            Self::Interrupted => std::process::exit(i32::from(self.code())),
            exit => exit.into(),
        }
    }
}
