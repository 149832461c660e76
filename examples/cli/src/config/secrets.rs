//! Secrets: where the file says that they are.

use std::collections::BTreeMap;
use std::path::Path;

use bluegreen_core::command::Secrets;
use bluegreen_core::plan::Problem;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::Surroundings;

/// Where a secret is: in a variable or in a file. Its value never stands in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    env: Option<String>,
    file: Option<String>,
}

/// The section: sources by the names of the secrets.
pub(super) type Sources = BTreeMap<String, Source>;

/// Reads all values. Line ends at the end of a file are not part of its secret.
pub(super) fn read(sources: &Sources, folder: &Path, surroundings: &Surroundings) -> (Secrets, Vec<Problem>) {
    let mut secrets = Secrets::new();
    let mut problems = Vec::new();
    for (name, source) in sources {
        match value(source, folder, surroundings) {
            Ok(value) => secrets = secrets.with(name, value),
            Err((message, remedy)) => problems.push(Problem {
                path: format!("secrets.{name}"),
                message,
                remedy,
            }),
        }
    }
    (secrets, problems)
}

/// All names with a value that stands for theirs: to check what names them.
pub(super) fn stand_ins(sources: &Sources) -> Secrets {
    sources
        .keys()
        .fold(Secrets::new(), |secrets, name| secrets.with(name, "stand-in"))
}

fn value(
    source: &Source,
    folder: &Path,
    surroundings: &Surroundings,
) -> Result<SecretString, (String, String)> {
    let value = match (&source.env, &source.file) {
        (Some(name), None) => (surroundings.variable)(name).ok_or_else(|| {
            (
                format!("the variable {name} is not set"),
                "set it for this program".to_owned(),
            )
        })?,
        (None, Some(path)) => {
            let path = folder.join(path);
            std::fs::read_to_string(&path).map_err(|error| {
                (
                    format!("{} cannot be read: {error}", path.display()),
                    "let this user read it".to_owned(),
                )
            })?
        }
        _ => {
            return Err((
                "its place is not clear".to_owned(),
                "write either { env = \"NAME\" } or { file = \"path\" }".to_owned(),
            ));
        }
    };
    match value.trim_end_matches(['\r', '\n']) {
        "" => Err(("it is empty".to_owned(), "give it a value".to_owned())),
        value => Ok(value.into()),
    }
}

/// Puts the values of secrets where a provider's section names them: `{ secret = "name" }`.
pub(super) fn fill_in(value: &mut Value, at: &str, secrets: &Secrets, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(table) => {
            if let (1, Some(Value::String(name))) = (table.len(), table.get("secret")) {
                match secrets.get(name) {
                    Some(secret) => *value = Value::String(secret.expose_secret().to_owned()),
                    None => problems.push(Problem {
                        path: at.to_owned(),
                        message: format!("there is no secret {name:?}"),
                        remedy: "say in [secrets] where it is".to_owned(),
                    }),
                }
                return;
            }
            for (key, inner) in table {
                fill_in(inner, &format!("{at}.{key}"), secrets, problems);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                fill_in(inner, &format!("{at}[{index}]"), secrets, problems);
            }
        }
        _ => {}
    }
}
