//! What placeholders stand for, and a command with all of them filled in.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::{CommandSpec, Secrets};
use crate::plan::{HeaderValue, TemplateError, expand};
use crate::{DeploymentId, Release, ServiceName, Slot};

/// What placeholders stand for.
///
/// | placeholder | value | where |
/// |---|---|---|
/// | `{service}` | the service's name | everywhere |
/// | `{slot}`, `{other}` | the slot that is meant, and the one that it is not | wherever one slot is meant |
/// | any name under `[slots.…]` | the value for the slot that is meant | wherever one slot is meant |
/// | `{version}`, `{artifact}` | of the release; no artifact given: the empty text | wherever a release is known |
/// | `{deployment}` | the deployment's id | in a deployment |
///
/// ```
/// use bluegreen_core::command::{CommandSpec, Secrets, Values};
/// use bluegreen_core::{ServiceName, Slot};
///
/// let values = Values::new(&ServiceName::new("shop")?).slot(Slot::Green, None).with("note", "; touch x");
/// let spec = CommandSpec::new(["echo", "{service}-{slot}", "{note}"]);
/// let invocation = values.expand(&spec, &Secrets::new())?;
/// assert_eq!(invocation.args(), ["shop-green", "; touch x"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    by_name: BTreeMap<String, String>,
}

impl Values {
    /// Those of a service.
    #[must_use]
    pub fn new(service: &ServiceName) -> Self {
        let by_name = BTreeMap::new();
        Self { by_name }.with("service", service.as_str())
    }

    /// With those of the slot that is meant: its name, the other's, and the plan's variables for it.
    /// A variable does not replace a value that is there already.
    #[must_use]
    pub fn slot(self, slot: Slot, variables: Option<&BTreeMap<String, String>>) -> Self {
        let mut values = self
            .with("slot", slot.as_str())
            .with("other", slot.other().as_str());
        for (name, value) in variables.into_iter().flatten() {
            values
                .by_name
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        values
    }

    /// With those of a release.
    #[must_use]
    pub fn release(self, release: &Release) -> Self {
        self.with("version", release.version.as_str())
            .with("artifact", release.artifact.as_deref().unwrap_or_default())
    }

    /// With that of a deployment.
    #[must_use]
    pub fn deployment(self, deployment: DeploymentId) -> Self {
        self.with("deployment", deployment.to_string())
    }

    /// With one more; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.by_name.insert(name.into(), value.into());
        self
    }

    /// What a placeholder stands for.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// A text with its placeholders filled in. What is filled in is not read again.
    ///
    /// # Errors
    /// When the braces do not pair up, or there is no value for a placeholder.
    pub fn fill(&self, text: &str) -> Result<String, TemplateError> {
        expand(text, &|name| self.by_name.get(name).cloned())
    }

    /// A header's or variable's value, filled in or looked up.
    pub(crate) fn reveal(
        &self,
        what: &str,
        value: &HeaderValue,
        secrets: &Secrets,
    ) -> Result<SecretString, ExpandError> {
        match value {
            HeaderValue::Text(text) => match self.fill(text) {
                Ok(filled) => Ok(filled.into()),
                Err(source) => Err(ExpandError::Template {
                    part: what.to_owned(),
                    source,
                }),
            },
            HeaderValue::Secret { secret } => {
                secrets
                    .get(secret)
                    .cloned()
                    .ok_or_else(|| ExpandError::NoSuchSecret {
                        part: what.to_owned(),
                        secret: secret.clone(),
                    })
            }
        }
    }

    /// A command with all placeholders filled in. Each argument stays one argument, whatever
    /// characters the values hold: no shell ever reads it.
    ///
    /// # Errors
    /// [`ExpandError`], naming the part of the command.
    pub fn expand(&self, spec: &CommandSpec, secrets: &Secrets) -> Result<Invocation, ExpandError> {
        let fill = |part: String, text: &str| {
            self.fill(text)
                .map_err(|source| ExpandError::Template { part, source })
        };
        let mut texts = spec.run.iter().enumerate();
        let program = match texts.next() {
            Some((_, program)) => fill("the program".to_owned(), program)?,
            None => return Err(ExpandError::NoProgram),
        };
        if program.is_empty() {
            return Err(ExpandError::NoProgram);
        }
        let args = texts.map(|(index, text)| fill(format!("argument {index}"), text));
        let env = spec.env.iter().map(|(name, value)| {
            let value = self.reveal(&format!("the variable {name}"), value, secrets)?;
            Ok((name.clone(), value))
        });
        Ok(Invocation {
            program,
            args: args.collect::<Result<_, _>>()?,
            env: env.collect::<Result<_, _>>()?,
            dir: spec
                .dir
                .as_deref()
                .map(|dir| fill("the folder".to_owned(), dir))
                .transpose()?,
            timeout: spec.timeout,
        })
    }
}

/// Why a command cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// There is no program to run.
    #[error("there is no program to run: write it as the first text of `run`")]
    NoProgram,
    /// A placeholder cannot be filled in.
    #[error("{part}: {source}")]
    Template {
        /// The part of the command or the request.
        part: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A secret is named that the embedding program does not hold.
    #[error("{part}: there is no secret {secret:?}: give its value to the program that deploys")]
    NoSuchSecret {
        /// The part of the command or the request.
        part: String,
        /// The name.
        secret: String,
    },
}

/// A command with all placeholders filled in. `Debug` shows no value of its environment.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, SecretString>,
    pub(super) dir: Option<String>,
    pub(super) timeout: Option<std::time::Duration>,
}

impl Invocation {
    /// The program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its arguments, without the program.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// With one more variable for its environment, unless its spec says it.
    pub(crate) fn or_env(mut self, name: &str, value: &str) -> Self {
        self.env
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned().into());
        self
    }

    /// With one more variable for its environment.
    pub(super) fn with_env(mut self, name: &str, value: String) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }
}
