//! Breaks the sources on purpose, one mistake at a time, and expects that the simulation tells.
//!
//! It works on a copy of the workspace in a temporary folder; what is here stays as it is.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde::Deserialize;

/// Puts each mistake of a list into a copy of the workspace, and expects the simulation to tell.
#[derive(Debug, Parser)]
struct Options {
    /// The folder of the workspace.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
    /// Only the mistakes whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// How many deployments are simulated with each mistake.
    #[arg(long, default_value_t = 20_000)]
    deployments: u64,
    /// Where the copy is built; kept from one run to the next, the builds are short.
    #[arg(long)]
    target_dir: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct List {
    sabotage: Vec<Sabotage>,
}

/// One mistake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sabotage {
    name: String,
    /// The promises of which one must be told to be broken.
    promises: Vec<u8>,
    file: PathBuf,
    find: String,
    replace: String,
}

/// What the simulation says, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Told {
    summary: Summary,
}

#[derive(Debug, Deserialize)]
struct Summary {
    violation: Option<Violation>,
}

#[derive(Debug, Deserialize)]
struct Violation {
    promise: u8,
    name: String,
    what: String,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let list = fs::read_to_string(options.workspace.join("bluegreen-testkit/sabotage.toml"))?;
    let list: List = toml::from_str(&list)?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("workspace");
    copy_sources(&options.workspace, &copy)?;
    let target = options
        .target_dir
        .clone()
        .unwrap_or_else(|| folder.path().join("target"));
    let mut out = std::io::stdout().lock();
    let mut missed = 0;
    for sabotage in list.sabotage {
        if options
            .only
            .as_ref()
            .is_some_and(|only| !sabotage.name.contains(only.as_str()))
        {
            continue;
        }
        let source = options.workspace.join(&sabotage.file);
        let text = fs::read_to_string(&source)?;
        let count = text.matches(sabotage.find.as_str()).count();
        if count != 1 {
            let file = sabotage.file.display();
            return Err(format!(
                "{}: what is to be found stands in {file} {count} times, not once",
                sabotage.name
            )
            .into());
        }
        let broken = copy.join(&sabotage.file);
        fs::write(&broken, text.replace(&sabotage.find, &sabotage.replace))?;
        let told = simulate(&copy, &target, options.deployments)?;
        fs::write(&broken, text)?;
        let told_well = told
            .as_ref()
            .is_some_and(|told| sabotage.promises.contains(&told.promise));
        missed += u32::from(!told_well);
        let (mark, said) = match &told {
            Some(told) if told_well => (
                "caught",
                format!("promise {} ({}): {}", told.promise, told.name, told.what),
            ),
            Some(told) => (
                "OTHER ",
                format!(
                    "promise {} ({}), not one of {:?}: {}",
                    told.promise, told.name, sabotage.promises, told.what
                ),
            ),
            None => ("MISSED", "the simulation has seen nothing".to_owned()),
        };
        writeln!(out, "{mark}  {}\n        {said}", sabotage.name)?;
    }
    if missed > 0 {
        writeln!(out, "{missed} mistakes were not told as they should be")?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(out, "Every mistake was told.")?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the copy and runs its simulation; what it told.
fn simulate(copy: &Path, target: &Path, deployments: u64) -> Result<Option<Violation>, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "--offline",
            "-p",
            "bluegreen-testkit",
            "--bin",
            "simulate",
        ])
        .args(["--", "--json", "--deployments", &deployments.to_string()])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CARGO_BUILD_BUILD_DIR")
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        // A mistake may leave something unused.
        .env("RUSTFLAGS", "-Awarnings")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let told: Told = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the simulation did not end well ({}): {error}", output.status))?;
    Ok(told.summary.violation)
}

/// Copies everything but what is built and what git keeps.
fn copy_sources(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            copy_sources(&source, &copy)?;
        } else {
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}
