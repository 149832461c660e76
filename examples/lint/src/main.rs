//! `bluegreen-lint`: checks migrations for a database that two releases use at once.
#![expect(clippy::print_stderr, reason = "it is a command")]

mod args;
mod batch;
mod files;
mod machine;
mod rules;
mod text;

use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use args::{Args, Format};
use bluegreen_core::migration::{FolderError, Linter, Report, Script, Server, Verdict};
use clap::Parser;
use files::File;

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unreadable(#[from] FolderError),
    #[error("the standard input cannot be read: {0}")]
    Input(std::io::Error),
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    #[error("there is no migration (*.sql) in {0}")]
    Empty(String),
    #[error("name a file or a folder with migrations, or - for the standard input")]
    Nothing,
    #[error("git cannot be run to find what is new: {0}")]
    Git(std::io::Error),
    #[error("{0:?} is neither one of the migrations nor a git revision: {1}")]
    Since(String, String),
    #[error("{0} does not tell how many rows tables have: {1}")]
    Rows(String, toml::de::Error),
    #[error("there is no rule {0:?}; --list-rules shows them")]
    Rule(String),
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(verdict) => ExitCode::from(match verdict {
            Verdict::Safe => 0,
            Verdict::Unsafe => 1,
            Verdict::Unknown => 2,
        }),
        // Whoever reads the output has enough of it.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bluegreen-lint: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Verdict, Failure> {
    let version = args.server_version.unwrap_or_else(|| args.dialect.newest());
    let mut linter = configure(
        args,
        Linter::new(Server::new(args.dialect, version)).in_transaction(args.in_transaction),
    );
    for (rule, _) in &args.rules {
        if !linter.rules().any(|known| known.about().id == rule) {
            return Err(Failure::Rule(rule.clone()));
        }
    }
    let output = BufWriter::new(std::io::stdout().lock());
    if args.list_rules {
        return rules::show(&linter, output).map(|()| Verdict::Safe);
    }
    if args.batch {
        let configure = |linter| configure(args, linter);
        return batch::run(std::io::stdin().lock(), output, &configure).map(|()| Verdict::Safe);
    }
    if args.paths.is_empty() {
        return Err(Failure::Nothing);
    }
    for schema in &args.schema {
        linter.replay(&files::text(schema)?);
    }
    if let Some(rows) = &args.rows {
        let told: BTreeMap<String, u64> = toml::from_str(&files::text(rows)?)
            .map_err(|error| Failure::Rows(rows.display().to_string(), error))?;
        linter = told
            .iter()
            .fold(linter, |linter, (table, rows)| linter.rows(table, *rows));
    }
    let files = files::find(&args.paths, args.since.as_deref())?;
    let checked = check(linter, &files, args.since.is_some());
    let color = std::io::stdout().is_terminal();
    show((args.format, args.plan), &checked, color, output)?;
    Ok(checked
        .iter()
        .map(|(_, report)| report.verdict)
        .max()
        .unwrap_or(Verdict::Safe))
}

fn configure(args: &Args, linter: Linter) -> Linter {
    let linter = linter.phase(args.phase);
    args.rules.iter().fold(linter, |linter, (rule, severity)| {
        linter.severity(rule, *severity)
    })
}

/// Reads all files at once, and checks them one after the other: each runs on what those before it made.
/// What is newer than `--since` is one release; otherwise each file is one of its own.
fn check(mut linter: Linter, files: &[File], one_release: bool) -> Vec<(&File, Report)> {
    let scripts = read_all(&linter, files);
    let mut checked = Vec::with_capacity(files.len());
    let mut was_history = true;
    for (file, script) in files.iter().zip(scripts) {
        if !one_release || was_history {
            linter.begin_release();
        }
        was_history = file.history;
        if file.history {
            linter.replay_script(&script);
        } else {
            checked.push((file, linter.check_script(&script)));
        }
    }
    checked
}

fn read_all<'a>(linter: &Linter, files: &'a [File]) -> Vec<Script<'a>> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(files.len().div_ceil(8))
        .max(1);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Script<'a>)>> = Mutex::new(Vec::with_capacity(files.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, file)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    files.get(at).map(|file| (at, file))
                } {
                    let script = linter.read(&file.text);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((at, script));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, script)| script).collect()
}

fn show(
    (format, plans): (Format, bool),
    checked: &[(&File, Report)],
    color: bool,
    mut output: impl Write,
) -> Result<(), Failure> {
    match format {
        Format::Text => text::show(checked, (color, plans), &mut output),
        Format::Json => machine::json(checked, &mut output),
        Format::Sarif => machine::sarif(checked, &mut output),
        Format::Github => machine::github(checked, &mut output),
    }
    .and_then(|()| output.flush())
    .map_err(Failure::Output)
}
