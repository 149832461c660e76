//! The configuration file: one TOML file with everything, and everything that is wrong with it at once.

mod commands;
mod secrets;
mod section;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bluegreen_core::command::{
    CommandContext, CommandHostSpec, CommandMigratorSpec, CommandSpec, CommandWorkersSpec, Secrets,
};
use bluegreen_core::migration::{LintSpec, ServerVersion};
use bluegreen_core::plan::{Plan, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Provider, Surroundings};
use section::Section;

/// What the file says.
#[derive(Debug)]
pub(crate) struct Config<C> {
    pub(crate) plan: Plan,
    /// The folder of the store.
    pub(crate) folder: PathBuf,
    pub(crate) commands: Commands,
    pub(crate) secrets: Secrets,
    pub(crate) provider: C,
    /// Secrets that could not be read, where the command goes on without them.
    pub(crate) warnings: Vec<Problem>,
}

/// The commands beside the plan.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub(crate) host: Option<CommandHostSpec>,
    pub(crate) migrator: Option<CommandMigratorSpec>,
    /// How what the migrator runs is linted before.
    pub(crate) lint: Option<LintSpec>,
    pub(crate) workers: Option<CommandWorkersSpec>,
    pub(crate) notify: BTreeMap<String, CommandSpec>,
}

/// What is wrong with a file.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) file: PathBuf,
    pub(crate) problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreSection {
    dir: PathBuf,
}

/// Whether a secret that cannot be read is a problem, or a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Refused,
    PassedOver,
}

impl<C> Config<C> {
    /// Reads and checks a file.
    pub(crate) fn load<P: Provider<Config = C>>(
        file: &Path,
        surroundings: &Surroundings,
        missing: Missing,
    ) -> Result<Self, Unusable> {
        let unusable = |problems| Unusable {
            file: file.to_owned(),
            problems,
        };
        let table = read(file).map_err(|problem| unusable(vec![problem]))?;
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        let mut sections = Sections {
            table,
            problems: Vec::new(),
        };
        let config = sections.config::<P>(folder, surroundings, missing);
        match config {
            Some(config) if sections.problems.is_empty() => Ok(config),
            _ => Err(unusable(sections.problems)),
        }
    }

    /// What all commands share.
    pub(crate) fn context(&self) -> CommandContext {
        CommandContext::new(self.plan.service.clone())
            .slots(self.plan.slots.clone())
            .secrets(self.secrets.clone())
            .locks(self.locks())
    }

    /// The folder of the lock files that commands hold.
    pub(crate) fn locks(&self) -> PathBuf {
        self.folder.join("locks")
    }

    /// The folder of what command gates wrote.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.folder.join("outputs")
    }

    /// The folder of the records.
    pub(crate) fn records(&self) -> PathBuf {
        self.folder.join("records")
    }
}

/// What is left of the file to be read, and what was wrong so far.
struct Sections {
    table: serde_json::Map<String, Value>,
    problems: Vec<Problem>,
}

impl Sections {
    fn config<P: Provider>(
        &mut self,
        folder: &Path,
        surroundings: &Surroundings,
        missing: Missing,
    ) -> Option<Config<P::Config>> {
        let plan = self.plan();
        let store: Option<StoreSection> = self.needed(
            "store",
            "say where records are kept: dir = \"/var/lib/bluegreen\"",
        );
        let host = if P::HAS_HOST {
            self.optional("host")
        } else {
            self.needed("host", "say how a release is run: deploy.run and retire.run")
        };
        let migrator = self.optional("migrator");
        let lint = self.lint(folder);
        let workers = self.optional("workers");
        let notify = self.optional("notify").unwrap_or_default();
        let sources = self.sources();
        let (held, unreadable) = secrets::read(&sources, folder, surroundings);
        let warnings = match missing {
            Missing::Refused => {
                self.problems.extend(unreadable);
                Vec::new()
            }
            Missing::PassedOver => unreadable,
        };
        let commands = Commands {
            host,
            migrator,
            lint,
            workers,
            notify,
        };
        let named = secrets::stand_ins(&sources);
        let provider = self.provider::<P>(&held);
        let brings = provider.as_ref().map(P::brings).unwrap_or_default();
        if let Some(plan) = &plan {
            let context = commands::stand_in_context(plan, named);
            self.problems.extend(commands::problems(&commands, &context));
            let found = commands::of_plan(plan, &commands, &brings, &context);
            // A section that could not be read is not missing.
            let begun = |path: &str| path.split('.').next().map(str::to_owned);
            let told: Vec<_> = self
                .problems
                .iter()
                .filter_map(|problem| begun(&problem.path))
                .collect();
            self.problems.extend(found.into_iter().filter(|problem| {
                problem.path.starts_with("plan")
                    || begun(&problem.path).is_none_or(|name| !told.contains(&name))
            }));
        }
        self.unknown(P::SECTION);
        for problem in &mut self.problems {
            problem.message = held.redact(&problem.message);
        }
        Some(Config {
            plan: plan?,
            folder: folder.join(store?.dir),
            commands,
            secrets: held,
            provider: provider?,
            warnings,
        })
    }

    fn plan(&mut self) -> Option<Plan> {
        let Some(value) = self.table.remove("plan") else {
            self.missing("plan", "write [plan], with at least service = \"name\"");
            return None;
        };
        Plan::from_value(value)
            .map_err(|error| {
                self.problems
                    .extend(error.problems.into_iter().map(|problem| Problem {
                        path: match problem.path.as_str() {
                            "" => "plan".to_owned(),
                            path => format!("plan.{path}"),
                        },
                        ..problem
                    }));
            })
            .ok()
    }

    fn needed<T: DeserializeOwned>(&mut self, name: &str, remedy: &str) -> Option<T> {
        if self.table.contains_key(name) {
            return self.optional(name);
        }
        self.missing(name, &format!("write [{name}]; {remedy}"));
        None
    }

    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.table.remove(name)?;
        let section = section::read(name, value);
        self.take(section)
    }

    /// A folder that is no path of its own is beside the file.
    fn lint(&mut self, folder: &Path) -> Option<LintSpec> {
        let mut spec: LintSpec = self.optional("lint")?;
        spec.folder = folder.join(&spec.folder).display().to_string();
        if let Some(Err(error)) = spec
            .version
            .as_ref()
            .map(|version| version.parse::<ServerVersion>())
        {
            self.problems.push(Problem {
                path: "lint.version".to_owned(),
                message: error.to_string(),
                remedy: String::new(),
            });
        }
        Some(spec)
    }

    /// All that are named, also where one of them cannot be read.
    fn sources(&mut self) -> secrets::Sources {
        let Some(value) = self.table.remove("secrets") else {
            return secrets::Sources::new();
        };
        let section = section::read("secrets", value);
        self.problems.extend(section.problems);
        section.value.unwrap_or_default()
    }

    fn take<T>(&mut self, section: Section<T>) -> Option<T> {
        let fine = section.problems.is_empty();
        self.problems.extend(section.problems);
        section.value.filter(|_| fine)
    }

    fn provider<P: Provider>(&mut self, held: &Secrets) -> Option<P::Config> {
        let name = P::SECTION;
        let Some(mut value) = self.table.remove(name) else {
            self.missing(name, &format!("write [{name}]"));
            return None;
        };
        let mut unknown = Vec::new();
        secrets::fill_in(&mut value, name, held, &mut unknown);
        let mut section = section::read::<P::Config>(name, value);
        if let Some(config) = &section.value {
            let found = P::problems(config).into_iter().map(|problem| Problem {
                path: format!("{name}.{}", problem.path),
                ..problem
            });
            let found: Vec<_> = found.collect();
            section.add(found);
        }
        section
            .problems
            .retain(|problem| !unknown.iter().any(|known| known.path == problem.path));
        section.problems.extend(unknown);
        self.take(section)
    }

    fn unknown(&mut self, provider: &str) {
        let left: Vec<_> = self.table.keys().cloned().collect();
        for name in left {
            self.problems.push(Problem {
                path: name,
                message: "there is no such section".to_owned(),
                remedy: format!(
                    "the sections are plan, store, host, migrator, lint, workers, notify, secrets, {provider}"
                ),
            });
        }
    }

    fn missing(&mut self, name: &str, remedy: &str) {
        self.problems.push(Problem {
            path: name.to_owned(),
            message: "it is missing".to_owned(),
            remedy: remedy.to_owned(),
        });
    }
}

fn read(file: &Path) -> Result<serde_json::Map<String, Value>, Problem> {
    let whole = |message: String, remedy: &str| Problem {
        path: String::new(),
        message,
        remedy: remedy.to_owned(),
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        whole(
            format!("it cannot be read: {error}"),
            "name the file with --config",
        )
    })?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.lines().count().max(1));
        whole(
            format!("line {line} is no TOML: {}", error.message()),
            "correct it and try again",
        )
    })?;
    Ok(table
        .into_iter()
        .map(|(key, value)| (key, json_of(value)))
        .collect())
}

/// Dates become texts: nothing in the file is one, and the message of a misplaced one should be readable.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| (key, json_of(value)))
                .collect(),
        ),
    }
}
