//! Breaks the driver on purpose, one mistake at a time, and expects that the simulation tells.
//!
//! All mistakes are put into one copy of the workspace, each behind a switch, and the copy is built once; the
//! sources themselves stay as they are. Without any switch the copy has to be as good as they are.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde::{Deserialize, Serialize};

/// Makes each mistake of a list in a copy of the driver, and expects the simulation to tell.
#[derive(Debug, Parser)]
struct Options {
    /// The folder of the workspace.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
    /// Only the mistakes whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// How many deployments are simulated with each mistake at most.
    #[arg(long, default_value_t = 20_000)]
    deployments: u64,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
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
    /// `{on}` in it says whether the mistake is to be made.
    replace: String,
}

/// What the simulation says, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Told {
    summary: Summary,
}

#[derive(Debug, Deserialize)]
struct Summary {
    coverage: Coverage,
    violation: Option<Violation>,
}

#[derive(Debug, Deserialize)]
struct Coverage {
    deployments: u64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Violation {
    promise: u8,
    name: String,
    what: String,
}

/// What came of one mistake, or of none.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    mistake: Option<&'a str>,
    /// Of the promises one had to be told to be broken; without a mistake none.
    as_expected: bool,
    after_deployments: u64,
    told: Option<Violation>,
}

/// The variable that says which mistake is to be made.
const CHOICE: &str = "BLUEGREEN_SABOTAGE";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let list = fs::read_to_string(options.workspace.join("bluegreen-testkit/sabotage.toml"))?;
    let list: List = toml::from_str(&list)?;
    let simulate = build(&options.workspace, &list)?;
    let mut out = std::io::stdout().lock();
    let mut as_expected = true;
    let chosen = (1..).zip(&list.sabotage).filter(|(_, sabotage)| {
        let only = options.only.as_ref();
        only.is_none_or(|only| sabotage.name.contains(only.as_str()))
    });
    for (number, sabotage) in
        std::iter::once((0, None)).chain(chosen.map(|(n, sabotage)| (n, Some(sabotage))))
    {
        let outcome = outcome(&simulate, options.deployments, number, sabotage)?;
        as_expected &= outcome.as_expected;
        let line = if options.json {
            serde_json::to_string(&outcome)?
        } else {
            text(&outcome)
        };
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    if !options.json {
        out.write_all(if as_expected {
            b"\nEvery mistake was told.\n"
        } else {
            b"\nNOT EVERY MISTAKE WAS TOLD AS IT SHOULD BE.\n"
        })?;
    }
    Ok(if as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn outcome<'a>(
    simulate: &Path,
    deployments: u64,
    number: u32,
    sabotage: Option<&'a Sabotage>,
) -> Result<Outcome<'a>, Box<dyn Error>> {
    let output = Command::new(simulate)
        .args(["--json", "--deployments", &deployments.to_string()])
        .env(CHOICE, number.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let told: Told = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the simulation did not end well ({}): {error}", output.status))?;
    let violation = told.summary.violation;
    Ok(Outcome {
        mistake: sabotage.map(|sabotage| sabotage.name.as_str()),
        as_expected: match (sabotage, &violation) {
            (Some(sabotage), Some(told)) => sabotage.promises.contains(&told.promise),
            (sabotage, told) => sabotage.is_none() && told.is_none(),
        },
        after_deployments: told.summary.coverage.deployments,
        told: violation,
    })
}

fn text(outcome: &Outcome<'_>) -> String {
    let mark = match (outcome.as_expected, outcome.mistake, &outcome.told) {
        (true, Some(_), _) => "caught",
        (true, None, _) => "clean",
        (false, _, None) => "MISSED",
        (false, _, Some(_)) => "OTHER",
    };
    let mistake = outcome.mistake.unwrap_or("no mistake at all");
    let told = outcome.told.as_ref().map_or_else(
        || "no promise was broken".to_owned(),
        |told| format!("promise {} ({}): {}", told.promise, told.name, told.what),
    );
    let after = outcome.after_deployments;
    format!("{mark:<6}  {mistake}\n        after {after} deployments: {told}")
}

/// Builds the simulation of a copy in which every mistake can be made; where it is.
///
/// What the copy depends on is what the workspace has built already: by the same packages and features as
/// in `make proof`, in the same folder. Cargo tells members of a workspace apart by name and version and not
/// by their folder, so the copy has a version of its own.
fn build(workspace: &Path, list: &List) -> Result<PathBuf, Box<dyn Error>> {
    let built = ["CARGO_BUILD_BUILD_DIR", "CARGO_TARGET_DIR"]
        .into_iter()
        .find_map(std::env::var_os)
        .map_or_else(|| workspace.join("target"), PathBuf::from);
    fs::create_dir_all(&built)?;
    let built = built.canonicalize()?;
    let target = built.join("sabotage");
    let copy = target.join("sources");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_sources(workspace, &copy)?;
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    let own_version = format!("version = \"{}+sabotage\"", env!("CARGO_PKG_VERSION"));
    edit(&copy.join("Cargo.toml"), |text| {
        Ok(text.replacen(&version, &own_version, 1))
    })?;
    edit(&copy.join("bluegreen-core/src/lib.rs"), |text| Ok(text + SWITCH))?;
    for (number, sabotage) in (1..).zip(&list.sabotage) {
        edit(&copy.join(&sabotage.file), |text| {
            let count = text.matches(sabotage.find.as_str()).count();
            if count != 1 {
                let (name, file) = (&sabotage.name, sabotage.file.display());
                return Err(
                    format!("{name}: what is to be found stands in {file} {count} times, not once").into(),
                );
            }
            let on = format!("crate::sabotage::is({number})");
            Ok(text.replace(&sabotage.find, &sabotage.replace.replace("{on}", &on)))
        })?;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--offline", "--bin", "simulate"])
        .args(["-p", "bluegreen-testkit", "-p", "bluegreen-bench"])
        .args(["--features", "bluegreen-testkit/model"])
        .args(["--config", "profile.release.package.bluegreen-core.opt-level=1"])
        .args([
            "--config",
            "profile.release.package.bluegreen-testkit.opt-level=1",
        ])
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_BUILD_BUILD_DIR", &built)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the copy with the mistakes cannot be built:\n{said}").into());
    }
    Ok(target.join("release/simulate"))
}

/// Says which mistake is to be made; put behind the last line of the core.
const SWITCH: &str = r#"
mod sabotage {
    pub(crate) fn is(number: u32) -> bool {
        static CHOSEN: std::sync::LazyLock<Option<u32>> =
            std::sync::LazyLock::new(|| std::env::var("BLUEGREEN_SABOTAGE").ok()?.parse().ok());
        *CHOSEN == Some(number)
    }
}
"#;

fn edit(
    file: &Path,
    change: impl FnOnce(String) -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    Ok(fs::write(file, change(text)?)?)
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
