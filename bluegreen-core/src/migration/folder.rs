//! The migrations that a release brings: the files of a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::{TemplateError, expand};
use crate::{Assignment, MigrationPhase};

/// The file, in the folder of a release's migrations, with the statements that the release was seen to send: SQL,
/// one after the other. It is no migration.
pub const NEEDS_STATEMENTS_FILE: &str = "needs.sql";

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its name: the path in the folder, such as `0004_drop_name.contract.sql`.
    pub name: String,
    /// When it may run.
    pub phase: MigrationPhase,
    /// What it does.
    pub sql: String,
}

impl Migration {
    /// A migration whose name tells its phase: a part of it is `contract` or `backfill`, and everything else
    /// is an expand migration.
    ///
    /// ```
    /// use bluegreen_core::MigrationPhase;
    /// use bluegreen_core::migration::Migration;
    ///
    /// assert_eq!(Migration::new("0004_drop_name.contract.sql", "").phase, MigrationPhase::Contract);
    /// assert_eq!(Migration::new("backfill/0003.sql", "").phase, MigrationPhase::Backfill);
    /// assert_eq!(Migration::new("0002_contract_number.sql", "").phase, MigrationPhase::Expand);
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, sql: impl Into<String>) -> Self {
        let name = name.into();
        let says = |word: &str| name.split(['/', '.']).any(|part| part.eq_ignore_ascii_case(word));
        let phase = if says("contract") {
            MigrationPhase::Contract
        } else if says("backfill") {
            MigrationPhase::Backfill
        } else {
            MigrationPhase::Expand
        };
        Self {
            name,
            phase,
            sql: sql.into(),
        }
    }
}

/// Why the migrations of a release could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The path has a placeholder without a value.
    #[error("the folder {template:?}: {source}")]
    Template {
        /// As it was written.
        template: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A file or folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the migrations of a release are: a path with the placeholders `{version}`, `{artifact}`, `{slot}`
/// and `{deployment}`.
///
/// ```
/// use bluegreen_core::migration::Folder;
///
/// let folder = Folder::at("/srv/shop/{version}/migrations");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    template: String,
}

impl Folder {
    /// At a path.
    #[must_use]
    pub fn at(template: impl Into<String>) -> Self {
        Self {
            template: template.into(),
        }
    }

    /// Where those of a release are.
    ///
    /// # Errors
    /// When the path has a placeholder without a value.
    pub fn path_for(&self, assignment: &Assignment) -> Result<PathBuf, FolderError> {
        let release = &assignment.release;
        let value = |name: &str| match name {
            "version" => Some(release.version.to_string()),
            "artifact" => release.artifact.clone(),
            "slot" => Some(assignment.slot.to_string()),
            "deployment" => Some(assignment.deployment.to_string()),
            _ => None,
        };
        let path = expand(&self.template, &value).map_err(|source| FolderError::Template {
            template: self.template.clone(),
            source,
        })?;
        Ok(path.into())
    }

    /// The migrations of a release, in the order in which they run.
    ///
    /// # Errors
    /// When the path has a placeholder without a value, or cannot be read.
    pub fn migrations_of(&self, assignment: &Assignment) -> Result<Vec<Migration>, FolderError> {
        let folder = self.path_for(assignment)?;
        let mut migrations = Vec::new();
        for path in files(&folder)? {
            let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy();
            migrations.push(Migration::new(name, text(&path)?));
        }
        Ok(migrations)
    }
}

/// The migrations in a folder and those below it, in the order in which they run: each `.sql` that runs
/// forwards, but for [`needs.sql`](NEEDS_STATEMENTS_FILE). Numbers in names count as numbers: 2 stands before 10. Flyway's repeatable ones run last.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut found = Vec::new();
    walk(folder, &mut found)?;
    found.sort_by_cached_key(|path| order(path));
    Ok(found)
}

/// What is in a file. Bytes that are not UTF-8 are marked, and make their statement unknown.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &Path) -> Result<String, FolderError> {
    let bytes = fs::read(path).map_err(unreadable(path))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> FolderError {
    move |source| FolderError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable(&path))?;
        if kind.is_dir() {
            walk(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("sql"))
            && !goes_back(&path)
            && path.file_name().is_none_or(|name| name != NEEDS_STATEMENTS_FILE)
        {
            found.push(path);
        }
    }
    Ok(())
}

/// The half that takes a migration back: `down.sql` (diesel), `1_a.down.sql` (migrate, sqlx), `U1__a.sql` (Flyway).
fn goes_back(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let flyway_undo = name
        .strip_prefix('u')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("__"));
    name == "down.sql"
        || name.ends_with(".down.sql")
        || name.ends_with("_down.sql")
        || name.contains("rollback.sql")
        || flyway_undo
}

/// The texts of a name, and the numbers between them.
fn order(path: &Path) -> (bool, Vec<(u128, String)>) {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let whole = path.to_string_lossy();
    let mut parts = Vec::new();
    let mut rest: &str = &whole;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(text);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        parts.push((0, head.to_owned()));
        parts.push((number.parse().unwrap_or(u128::MAX), String::new()));
        rest = tail;
    }
    (name.starts_with("R__"), parts)
}
