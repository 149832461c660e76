//! The command line.

use std::path::PathBuf;

use bluegreen_core::MigrationPhase;
use bluegreen_core::migration::{Engine, ServerVersion, Severity};
use clap::{Parser, ValueEnum};

/// Checks migrations for a database that two releases use at once.
///
/// Exits with 0 when all of it is safe, 1 when something is unsafe, and 2 when something was not
/// understood or the input cannot be used.
#[derive(Debug, Parser)]
#[command(name = "bluegreen-lint", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Files or folders with migrations; - for the standard input
    pub paths: Vec<String>,

    /// The database: postgres, mysql, mariadb or sqlite
    #[arg(long, default_value = "postgres", value_name = "NAME")]
    pub dialect: Engine,

    /// The version of the server, like 15 or 8.0.29; the newest that is known when it is not said
    #[arg(long, value_name = "VERSION")]
    pub server_version: Option<ServerVersion>,

    /// The schema before these migrations: a dump (`pg_dump` -s, structure.sql) or any SQL that makes it
    #[arg(long, value_name = "FILE")]
    pub schema: Vec<PathBuf>,

    /// How many rows tables have: a TOML file with lines like orders = 80000000
    #[arg(long, value_name = "FILE")]
    pub rows: Option<PathBuf>,

    /// Judge only what is newer than this migration (a file name or how it begins) or git revision;
    /// what is older tells the schema
    #[arg(long, value_name = "MIGRATION|REV")]
    pub since: Option<String>,

    /// The phase in which they are to run: expand, backfill or contract
    #[arg(long, default_value = "expand", value_parser = phase, value_name = "PHASE")]
    pub phase: MigrationPhase,

    /// The tool that runs them wraps each file in a transaction
    #[arg(long)]
    pub in_transaction: bool,

    /// How much a rule weighs: drop-index=warning; off, warning, unknown or unsafe
    #[arg(long = "rule", value_parser = weight, value_name = "RULE=WEIGHT")]
    pub rules: Vec<(String, Severity)>,

    /// Show beside what is refused the deployments over which it can be done, with the SQL of each step
    #[arg(long)]
    pub plan: bool,

    /// How the findings are shown
    #[arg(long, default_value = "text")]
    pub format: Format,

    /// Read cases as JSON lines from the standard input, and answer each with a JSON line
    #[arg(long, conflicts_with = "paths")]
    pub batch: bool,

    /// Show every rule: what it knows, from where, and SQL that it finds
    #[arg(long, conflicts_with_all = ["paths", "batch"])]
    pub list_rules: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with the SQL underlined
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

pub(crate) fn phase(text: &str) -> Result<MigrationPhase, String> {
    match text {
        "expand" => Ok(MigrationPhase::Expand),
        "backfill" => Ok(MigrationPhase::Backfill),
        "contract" => Ok(MigrationPhase::Contract),
        _ => Err("write expand, backfill or contract".to_owned()),
    }
}

fn weight(text: &str) -> Result<(String, Severity), String> {
    let usage = "write RULE=off, RULE=warning, RULE=unknown or RULE=unsafe";
    let (rule, weight) = text.split_once('=').ok_or(usage)?;
    let weight = match weight {
        "off" => Severity::Off,
        "warning" => Severity::Warning,
        "unknown" => Severity::Unknown,
        "unsafe" => Severity::Unsafe,
        _ => return Err(usage.to_owned()),
    };
    Ok((rule.to_owned(), weight))
}
