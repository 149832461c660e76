//! How a service's migrations are linted, as it is written in a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CheckedMigrator, Engine, Folder, InvalidServerVersion, Linter, Server};
use crate::{Migrator, ServiceName, Store};

/// How the migrations of a service are linted before they run: what a [`CheckedMigrator`] is made of, as it
/// is written in a file.
///
/// ```
/// use bluegreen_core::migration::LintSpec;
///
/// let spec: LintSpec = toml::from_str(r#"
///     folder = "/srv/shop/{version}/migrations"
///     engine = "postgres"
///     version = "15"
/// "#)?;
/// assert!(spec.in_transaction);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintSpec {
    /// Where the migrations of a release are, as SQL: a path with `{version}`, `{artifact}`, `{slot}` and
    /// `{deployment}`.
    pub folder: String,
    /// The database.
    pub engine: Engine,
    /// The version of the server; the newest that is known when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the tool that runs them wraps each file in a transaction, as most do.
    #[serde(default = "wrapped")]
    pub in_transaction: bool,
    /// How many rows tables have, by name, where no database tells it: a wait of a moment is only a warning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, u64>,
    /// The last migration that ran before they were linted: it and those before it only tell the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

const fn wrapped() -> bool {
    true
}

impl LintSpec {
    /// Checks what `inner` is about to run; what releases need is kept in the store.
    ///
    /// # Errors
    /// When the version is none.
    pub fn check(
        &self,
        service: ServiceName,
        inner: impl Migrator + 'static,
        store: impl Store + 'static,
    ) -> Result<CheckedMigrator, InvalidServerVersion> {
        let server = match &self.version {
            Some(version) => Server::new(self.engine, version.parse()?),
            None => Server::newest(self.engine),
        };
        let linter = Linter::new(server).in_transaction(self.in_transaction);
        let linter = self
            .rows
            .iter()
            .fold(linter, |linter, (table, rows)| linter.rows(table, *rows));
        let checked = CheckedMigrator::new(service, inner, Folder::at(self.folder.clone()), linter, store);
        Ok(match &self.baseline {
            Some(last) => checked.baseline(last.clone()),
            None => checked,
        })
    }
}
