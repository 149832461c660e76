//! The deployments that a change takes which one release cannot make: steps as data.

mod mark;
mod of_change;
mod sync;
mod underway;

use std::fmt;

pub use mark::{InvalidStepMark, StepMark};
pub(super) use underway::{MarkedStep, advance};
pub use underway::{NextStep, Underway};

use serde::{Deserialize, Serialize};

use super::effect::{Hold, holds, strongest};
use super::schema::Schema;
use super::{Engine, Linter, Server};
use crate::MigrationPhase;

/// The deployments over which a change is made while two releases use the database.
///
/// ```
/// use bluegreen_core::migration::{Engine, Linter, Server};
///
/// let linter = Linter::new(Server::newest(Engine::Postgres)).schema("CREATE TABLE customers (id int PRIMARY KEY, name text)");
/// let report = linter.check("ALTER TABLE customers RENAME COLUMN name TO full_name");
/// let deployments = &report.deployments[0];
/// assert_eq!(deployments.releases(), 3);
/// println!("{deployments}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployments {
    /// What is reached at the end: `customers.name becomes customers.full_name`.
    pub change: String,
    /// What is done, in order.
    pub steps: Vec<DeploymentStep>,
}

/// One step of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStep {
    /// The release that it belongs to, from 1.
    pub release: usize,
    /// When in its deployment it runs.
    pub phase: MigrationPhase,
    /// What is done, and what the release does from here on.
    pub what: String,
    /// What stands in the first line of its migration, as a comment: by it the record of the service knows how
    /// far the change is.
    pub mark: StepMark,
    /// The SQL of its migration; empty where only the code changes.
    pub sql: String,
    /// The locks that it takes.
    pub locks: Vec<Hold>,
    /// What has to hold before.
    pub precondition: Precondition,
    /// Whether the release before it works on, or again, once it has run.
    pub reversible: bool,
}

/// What has to hold before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// Nothing.
    None,
    /// The step before it has run to its end.
    StepBefore,
    /// No slot has, and none may get back, a release before this one of the plan.
    NoReleaseBefore(usize),
}

/// A step before its locks are known.
struct Draft {
    release: usize,
    phase: MigrationPhase,
    what: String,
    sql: String,
    precondition: Precondition,
    reversible: bool,
}

impl Draft {
    /// A step that the release before it does not notice.
    fn expand(release: usize, what: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            release,
            phase: MigrationPhase::Expand,
            what: what.into(),
            sql: sql.into(),
            precondition: if release == 1 {
                Precondition::None
            } else {
                Precondition::NoReleaseBefore(release - 1)
            },
            reversible: true,
        }
    }

    fn backfill(release: usize, what: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            phase: MigrationPhase::Backfill,
            precondition: Precondition::StepBefore,
            ..Self::expand(release, what, sql)
        }
    }

    fn contract(release: usize, what: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            phase: MigrationPhase::Contract,
            precondition: Precondition::NoReleaseBefore(release),
            reversible: false,
            ..Self::expand(release, what, sql)
        }
    }

    fn reversible(mut self) -> Self {
        self.reversible = true;
        self
    }
}

impl Deployments {
    fn new(change: String, drafts: Vec<Draft>, schema: &Schema, server: Server) -> Self {
        let sql: Vec<&str> = drafts.iter().map(|draft| draft.sql.as_str()).collect();
        let mut schema = schema.named_in(&sql.join("\n"));
        let of = drafts.len();
        let steps = drafts
            .into_iter()
            .enumerate()
            .map(|(at, draft)| DeploymentStep {
                mark: StepMark {
                    step: at + 1,
                    of,
                    release: draft.release,
                    after: match draft.precondition {
                        Precondition::NoReleaseBefore(release) => Some(release),
                        Precondition::None | Precondition::StepBefore => None,
                    },
                    change: change.clone(),
                },
                release: draft.release,
                phase: draft.phase,
                what: draft.what,
                locks: locks(&draft.sql, &mut schema, server),
                sql: draft.sql,
                precondition: draft.precondition,
                reversible: draft.reversible,
            })
            .collect();
        Self { change, steps }
    }

    /// How many releases it takes.
    #[must_use]
    pub fn releases(&self) -> usize {
        self.steps
            .iter()
            .map(|step| step.release)
            .max()
            .unwrap_or_default()
    }

    /// The deployments that it takes to move columns of a table into a table of their own, which has the
    /// same key.
    #[must_use]
    pub fn split_table(
        table: &str,
        columns: &[&str],
        into: &str,
        key: &str,
        server: Server,
        schema: &Schema,
    ) -> Self {
        let list = columns.join(", ");
        let of = |prefix: &str| {
            let with: Vec<_> = columns.iter().map(|column| format!("{prefix}{column}")).collect();
            with.join(", ")
        };
        let gone: Vec<_> = columns
            .iter()
            .map(|column| format!("ALTER TABLE {table} DROP COLUMN {column};"))
            .collect();
        let drafts = vec![
            Draft::expand(
                1,
                format!("{into} is there, empty; the release reads {table} and writes both"),
                format!(
                    "CREATE TABLE {into} AS SELECT {key}, {list} FROM {table} WITH NO DATA;\nALTER TABLE {into} ADD PRIMARY KEY ({key});"
                ),
            ),
            Draft::backfill(
                1,
                "rows that no release has written since are copied",
                format!(
                    "INSERT INTO {into} ({key}, {list}) SELECT {key}, {} FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM {into} n WHERE n.{key} = t.{key});",
                    of("t.")
                ),
            ),
            Draft::expand(2, format!("the release reads {into}, and still writes both"), ""),
            Draft::contract(
                3,
                format!(
                    "the release writes {into} only; when no release before it may come back, the columns go"
                ),
                gone.join("\n"),
            ),
        ];
        Self::new(
            format!("{list} of {table} move to {into}"),
            drafts,
            schema,
            server,
        )
    }
}

fn locks(sql: &str, schema: &mut Schema, server: Server) -> Vec<Hold> {
    let linter = Linter::new(server);
    let mut all = Vec::new();
    for located in linter
        .read(sql)
        .statements()
        .iter()
        .flat_map(|statement| &statement.changes)
    {
        all.extend(holds(&located.change, schema, server));
        schema.apply(&located.change);
    }
    strongest(all)
}

/// The deployments that a change takes; `None` when it can be made in one, or nothing is known of its like.
pub(super) fn of(change: &super::Change, schema: &Schema, server: Server) -> Option<Deployments> {
    let (what, drafts) = of_change::drafts(change, schema, server)?;
    Some(Deployments::new(what, drafts, schema, server))
}

/// Whether triggers that keep two columns in step are written for an engine.
const fn keeps_in_step(engine: Engine) -> bool {
    !matches!(engine, Engine::Sqlite)
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("at once"),
            Self::StepBefore => f.write_str("when the step before has run"),
            Self::NoReleaseBefore(release) => write!(
                f,
                "when no slot has, or may get back, a release before release {release} of these"
            ),
        }
    }
}

impl fmt::Display for Deployments {
    /// For people, over several lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let releases = self.releases();
        let deployments = if releases == 1 {
            "deployment"
        } else {
            "deployments"
        };
        writeln!(f, "{}: {releases} {deployments}", self.change)?;
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(
                f,
                "\n  step {} of {}: release {}, {}",
                at + 1,
                self.steps.len(),
                step.release,
                step.phase
            )?;
            writeln!(f, "    {}", step.what)?;
            writeln!(f, "    allowed {}", step.precondition)?;
            for lock in &step.locks {
                writeln!(f, "    lock: {lock}")?;
            }
            if !step.reversible {
                writeln!(f, "    no way back after it")?;
            }
            writeln!(f, "      -- {}", step.mark)?;
            for line in step.sql.lines() {
                writeln!(f, "      {line}")?;
            }
        }
        Ok(())
    }
}
