//! Proving with a real server that the statements of a release can be prepared on a schema.

use std::collections::HashSet;
use std::fmt;

use async_trait::async_trait;

use super::Engine;
use super::source::{PieceKind, split};
use crate::{Fault, Op};

/// A database that holds nothing and is used for nothing else: migrations are tried on it.
#[async_trait]
pub trait Scratch: fmt::Debug + Send + Sync {
    /// Makes the schema that these migrations make, has the server prepare each statement on it, and undoes all
    /// of it. For each statement why the server refuses it; `None` where it does not.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses one of the migrations.
    async fn prepare(
        &self,
        op: &Op,
        migrations: &[&str],
        statements: &[String],
    ) -> Result<Vec<Option<String>>, Fault>;
}

/// A statement of a release, as a server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// As it was recorded.
    pub statement: String,
    /// Why it is refused on the schema before the release's expand migrations.
    pub before: Option<String>,
    /// Why it is refused on the schema after them.
    pub after: Option<String>,
}

/// What a server says of the statements of two releases, before and after the expand migrations of the second.
///
/// The server reads each statement, finds its tables, columns, functions and types, and does not run it. So it is
/// exact for what is gone, renamed or of another type, whatever ORM has written the statement; and it says
/// nothing of what only a row can show: a column that must have a value, a CHECK, a lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// The statements of the release that is live.
    pub old: Vec<Proved>,
    /// The statements of the release that is being deployed.
    pub new: Vec<Proved>,
}

/// More statements than these are not proved.
const STATEMENTS_MAX: usize = 10_000;

/// The statements in a file: SQL, one after the other, each once.
#[must_use]
pub fn recorded(sql: &str, engine: Engine) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut statements = Vec::new();
    split(sql, engine, &mut |piece| {
        if piece.kind != PieceKind::Sql || statements.len() >= STATEMENTS_MAX {
            return;
        }
        let statement = piece.span.of(sql);
        if !statement.is_empty() && seen.insert(statement.to_owned()) {
            statements.push(statement.to_owned());
        }
    });
    statements
}

impl Proof {
    /// Asks a scratch database. `before` makes the schema that the old release runs on, `expand` is what the new
    /// one brings.
    ///
    /// # Errors
    /// As [`Scratch::prepare`].
    pub async fn of(
        scratch: &dyn Scratch,
        op: &Op,
        (before, expand): (&[&str], &[&str]),
        (old, new): (Vec<String>, Vec<String>),
    ) -> Result<Self, Fault> {
        let statements: Vec<String> = old.iter().chain(&new).cloned().collect();
        if statements.is_empty() {
            return Ok(Self::default());
        }
        let all: Vec<&str> = before.iter().chain(expand).copied().collect();
        let on_old = scratch.prepare(op, before, &statements).await?;
        let on_new = scratch.prepare(op, &all, &statements).await?;
        let mut proved =
            statements
                .into_iter()
                .zip(on_old.into_iter().zip(on_new))
                .map(|(statement, (before, after))| Proved {
                    statement,
                    before,
                    after,
                });
        let old = proved.by_ref().take(old.len()).collect();
        Ok(Self {
            old,
            new: proved.collect(),
        })
    }

    /// The statements of the old release that these migrations break: they can be prepared before, and not after.
    pub fn broken(&self) -> impl Iterator<Item = &Proved> {
        self.old
            .iter()
            .filter(|proved| proved.before.is_none() && proved.after.is_some())
    }

    /// The statements of the new release that cannot be prepared on its own schema.
    pub fn unfounded(&self) -> impl Iterator<Item = &Proved> {
        self.new.iter().filter(|proved| proved.after.is_some())
    }

    /// The statements of the new release that need its migrations: where it stays after them, or starts before
    /// them, these fail.
    pub fn ahead(&self) -> impl Iterator<Item = &Proved> {
        self.new
            .iter()
            .filter(|proved| proved.before.is_some() && proved.after.is_none())
    }
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.statement.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{}: ", crate::text::bounded(line, 160))?;
        match (&self.before, &self.after) {
            (None, None) => f.write_str("prepared before and after"),
            (None, Some(why)) => write!(f, "refused after: {why}"),
            (Some(why), None) => write!(f, "refused before: {why}"),
            (Some(before), Some(after)) if before == after => write!(f, "refused before and after: {after}"),
            (Some(before), Some(after)) => write!(f, "refused before: {before}; refused after: {after}"),
        }
    }
}

impl fmt::Display for Proof {
    /// A line for each statement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (whose, all) in [("old", &self.old), ("new", &self.new)] {
            for proved in all {
                writeln!(f, "{whose}: {proved}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_recorded_once_each() {
        let sql = "SELECT a FROM t WHERE id = $1;\nINSERT INTO t (a) VALUES ('x;y');\n-- again\nSELECT a FROM t WHERE id = $1;\n";
        assert_eq!(
            recorded(sql, Engine::Postgres),
            [
                "SELECT a FROM t WHERE id = $1",
                "INSERT INTO t (a) VALUES ('x;y')"
            ]
        );
    }
}
