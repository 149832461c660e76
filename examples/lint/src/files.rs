//! Which files are migrations, and in which order they run.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use bluegreen_core::migration::folder;

use crate::Failure;

/// A file with what is in it.
#[derive(Debug)]
pub(crate) struct File {
    /// As it is shown.
    pub name: String,
    pub text: String,
    /// It ran before: it only tells the schema.
    pub history: bool,
}

/// The migrations that the arguments name, in the order in which they run.
pub(crate) fn find(paths: &[String], since: Option<&str>) -> Result<Vec<File>, Failure> {
    let mut names = Vec::new();
    for path in paths {
        if path == "-" {
            names.push(PathBuf::from("-"));
            continue;
        }
        let path = Path::new(path);
        if path.is_dir() {
            let found = folder::files(path)?;
            if found.is_empty() {
                return Err(Failure::Empty(path.display().to_string()));
            }
            names.extend(found);
        } else {
            names.push(path.to_owned());
        }
    }
    let history = since.map_or(0, |since| older(&names, since));
    let mut files = Vec::with_capacity(names.len());
    for (at, path) in names.iter().enumerate() {
        files.push(File {
            name: path.display().to_string(),
            text: text(path)?,
            history: at < history,
        });
    }
    // A revision may know files that are not the first ones.
    if let Some(since) = since.filter(|_| history == usize::MAX) {
        let known = at_revision(since, paths)?;
        for file in &mut files {
            file.history = known.iter().any(|known| same(known, &file.name));
        }
        files.sort_by_key(|file| !file.history);
    }
    Ok(files)
}

/// How many of the files are not newer than a migration; `usize::MAX` when it must be a revision.
fn older(names: &[PathBuf], since: &str) -> usize {
    let found = names.iter().rposition(|path| {
        path.to_string_lossy() == since
            || path
                .components()
                .any(|part| part.as_os_str().to_string_lossy().starts_with(since))
    });
    found.map_or(usize::MAX, |at| at + 1)
}

/// The files that a git revision has under the paths.
fn at_revision(revision: &str, paths: &[String]) -> Result<Vec<String>, Failure> {
    let mut known = Vec::new();
    for path in paths.iter().filter(|path| *path != "-") {
        let folder = if Path::new(path).is_dir() {
            Path::new(path)
        } else {
            Path::new(path).parent().unwrap_or(Path::new("."))
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let output = Command::new("git")
            .args([
                "ls-tree",
                "-r",
                "-z",
                "--name-only",
                "--end-of-options",
                revision,
                ".",
            ])
            .current_dir(folder)
            .output()
            .map_err(Failure::Git)?;
        if !output.status.success() {
            return Err(Failure::Since(
                revision.to_owned(),
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        known.extend(
            names
                .split('\0')
                .filter(|name| !name.is_empty())
                .map(|name| folder.join(name).display().to_string()),
        );
    }
    Ok(known)
}

fn same(known: &str, name: &str) -> bool {
    known.trim_start_matches("./") == name.trim_start_matches("./")
}

/// What is in a file. Bytes that are not UTF-8 are marked, and make their statement unknown.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    if path != Path::new("-") {
        return Ok(folder::text(path)?);
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(Failure::Input)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
