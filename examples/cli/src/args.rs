//! The arguments.

use std::path::PathBuf;

use bluegreen_core::{Release, Slot, Version};
use clap::{Args, Subcommand};

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "bluegreen.toml")]
    pub config: PathBuf,
    /// Write one JSON object to standard output at the end, and the progress to standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Who asks; recorded and shown [default: the variable USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub by: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Prepare the provider and the store, once; changes nobody's traffic
    Init {
        /// The slot that has the traffic now: blue or green. Needed the first time, where the provider
        /// cannot tell
        #[arg(long)]
        live: Option<Slot>,
    },
    /// Check the configuration, tell the plan in words and, with a version, run the preflight checks;
    /// touches nothing
    Check {
        /// The version whose deployment is to be checked
        version: Option<Version>,
        /// What else is said of it
        #[command(flatten)]
        release: NewRelease,
    },
    /// Release a version; run again after a crash, it resumes
    Deploy(Deploy),
    /// Show the slots, what is open, and what the routers say
    Status,
    /// Say yes to the step that waits for an approval
    Approve,
    /// Ask whoever is at work to stop: back, if traffic has moved
    Abort {
        /// Why; recorded
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Give all traffic back: stop what is open, or go back to the standby
    Rollback {
        /// Why; recorded and told
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Stop the standby, after its retention or when it is given up
    Retire(Retire),
    /// Run the contract migrations of the live release
    Contract(Because),
    /// Take the routers' view as the truth, after somebody moved the traffic by hand
    Adopt(Because),
    /// Tell which slot has all traffic, after a halted operation was ended by hand
    Resolve {
        /// The slot that has all traffic: blue or green
        live: Slot,
        /// Why
        #[command(flatten)]
        because: Because,
    },
    /// Show what was done before, newest last
    History {
        /// At most so many operations
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u16,
    },
    /// Carry on what is open, whatever it is
    Resume,
}

/// A deployment.
#[derive(Debug, Clone, Args)]
pub struct Deploy {
    /// The version
    pub version: Version,
    /// What else is said of it.
    #[command(flatten)]
    pub release: NewRelease,
    /// Why.
    #[command(flatten)]
    pub because: Because,
    /// Skip the smoke tests, for this reason; recorded
    #[arg(long, value_name = "REASON")]
    pub skip_smoke: Option<String>,
    /// Go ahead although the window is closed, for this reason; recorded
    #[arg(long, value_name = "REASON")]
    pub ignore_window: Option<String>,
    /// Run migrations that the check refuses, for this reason; recorded
    #[arg(long, value_name = "REASON")]
    pub allow_migrations: Option<String>,
    /// Give up the standby before its retention is over, and the way back to it; its version has to be
    /// named ("unknown" where the record does not know it)
    #[arg(long, value_name = "VERSION")]
    pub give_up_standby: Option<String>,
}

/// What is said of a new release beside its version.
#[derive(Debug, Clone, Args)]
pub struct NewRelease {
    /// Where its artifact is: an image, a bundle, a revision
    #[arg(long, value_name = "REFERENCE")]
    pub artifact: Option<String>,
    /// What people want to see with it, such as commit=2f1c9aa; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
}

/// A retirement.
#[derive(Debug, Clone, Args)]
pub struct Retire {
    /// Why.
    #[command(flatten)]
    pub because: Because,
    /// Retire before the retention is over; the standby's version has to be named
    #[arg(long, value_name = "VERSION")]
    pub give_up_standby: Option<String>,
}

/// Why something is done.
#[derive(Debug, Clone, Args)]
pub struct Because {
    /// Why; recorded
    #[arg(long, value_name = "TEXT", default_value = "asked for on the command line")]
    pub reason: String,
}

impl NewRelease {
    /// The release of a version with what is said of it.
    #[must_use]
    pub fn of(self, version: Version) -> Release {
        let mut release = Release::new(version);
        release.artifact = self.artifact;
        release.labels.extend(self.labels);
        release
    }
}

impl Command {
    /// The name on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Init { .. } => "init",
            Self::Check { .. } => "check",
            Self::Deploy(_) => "deploy",
            Self::Status => "status",
            Self::Approve => "approve",
            Self::Abort { .. } => "abort",
            Self::Rollback { .. } => "rollback",
            Self::Retire(_) => "retire",
            Self::Contract(_) => "contract",
            Self::Adopt(_) => "adopt",
            Self::Resolve { .. } => "resolve",
            Self::History { .. } => "history",
            Self::Resume => "resume",
        }
    }

    /// Whether a secret that cannot be read may be passed over with a warning: reading must always be
    /// possible, and nothing may stand in the way of the way back.
    #[must_use]
    pub const fn goes_without_secrets(&self) -> bool {
        matches!(
            self,
            Self::Status | Self::History { .. } | Self::Approve | Self::Abort { .. } | Self::Rollback { .. }
        )
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}
