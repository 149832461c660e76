//! The best way in which a server does a statement, beside what is said of it.

use std::fmt;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};

use super::ask::{asked, ways};
use super::{connect, fault, said};
use crate::Fault;
use crate::migration::effect::{Algorithm, Lock, together};
use crate::migration::server::{Engine, Server};
use crate::migration::source::Span;
use crate::migration::{Change, Linter, Statement, TableAction};

/// Runs migrations on a scratch copy of a database, each in the best way that the server takes: INSTANT, else
/// without a copy, else in place, else as a copy, and each with the weakest lock. The copy is changed: make
/// it for this, and throw it away.
#[derive(Clone)]
pub struct Probe {
    opts: Opts,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("host", &self.opts.ip_or_hostname())
            .field("database", &self.opts.db_name())
            .finish_non_exhaustive()
    }
}

/// What was seen of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Where it stands in the script.
    pub span: Span,
    /// The best way that is said of it; none when it changes no table.
    pub said: Option<(Algorithm, Lock)>,
    /// The best way that the server took; none when it cannot be asked for one, or was refused.
    pub seen: Option<(Algorithm, Lock)>,
    /// What the server said when it refused the statement in any way.
    pub refused: Option<String>,
    /// Whether the server tells a build of the whole table from one of an index: MariaDB does.
    pub tells_rebuilds: bool,
}

impl Probed {
    /// Whether what was seen is what is said. MySQL has one word for all that is done in place: that it was not
    /// copied, and who waits, is compared then.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let (Some((said, lock)), Some((seen, taken))) = (self.said, self.seen) else {
            return self.refused.is_none();
        };
        let in_place = !self.tells_rebuilds && said < Algorithm::Copy && seen == Algorithm::Rebuild;
        lock == taken && (said == seen || in_place)
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |way: Option<(Algorithm, Lock)>| {
            way.map_or_else(
                || "nothing".to_owned(),
                |(algorithm, lock)| format!("{algorithm}, {lock}"),
            )
        };
        write!(f, "said: {}; seen: ", told(self.said))?;
        match (&self.refused, self.seen) {
            (Some(refused), _) => write!(f, "refused: {refused}"),
            (None, None) => f.write_str("it cannot be asked for"),
            (None, seen) => f.write_str(&told(seen)),
        }
    }
}

/// `ER_UNKNOWN_ALTER_ALGORITHM`, `ER_UNKNOWN_ALTER_LOCK`, `ER_ALTER_OPERATION_NOT_SUPPORTED` with and without a
/// reason: not in this way.
const NOT_SO: &[u16] = &[1800, 1801, 1845, 1846];

/// A change of a table that somebody else uses is given up.
const SESSION: &str = "SET SESSION lock_wait_timeout = 10";

const ENGINE: &str = "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = coalesce(?, DATABASE()) AND TABLE_NAME = ?";

impl Probe {
    /// A probe of the database that the options name.
    #[must_use]
    pub const fn new(scratch: Opts) -> Self {
        Self { opts: scratch }
    }

    /// Runs a script statement by statement, and compares. The linter knows the schema of the copy.
    ///
    /// # Errors
    /// When the server does not answer. A statement that it refuses is told as such.
    pub async fn compare(&self, linter: &Linter, sql: &str) -> Result<Vec<Probed>, Fault> {
        let mut conn = connect(&self.opts).await?;
        let work = async {
            conn.query_drop(SESSION).await?;
            let mut schema = linter.known().clone();
            let mut all = Vec::new();
            for statement in linter.read(sql).statements() {
                let changes: Vec<&Change> = statement.changes.iter().map(|located| &located.change).collect();
                let said = together(&changes, &schema, linter.server());
                for change in changes {
                    schema.apply(change);
                }
                let (seen, refused) = look(&mut conn, statement, sql, linter.server()).await?;
                all.push(Probed {
                    span: statement.span,
                    said,
                    seen,
                    refused,
                    tells_rebuilds: linter.server().engine == Engine::Mariadb,
                });
            }
            conn.disconnect().await?;
            Ok(all)
        };
        work.await
            .map_err(|error| fault("probe", "the scratch copy", error))
    }
}

type Look = (Option<(Algorithm, Lock)>, Option<String>);

async fn look(conn: &mut Conn, statement: &Statement, sql: &str, server: Server) -> Result<Look, Error> {
    let engine = engine(conn, statement).await?;
    for way in ways(server) {
        let Some(asked) = asked(statement, sql, *way) else {
            return run(conn, statement.span.of(sql)).await;
        };
        match conn.query_drop(asked).await {
            // The clauses are passed over where the engine changes: every row is copied.
            Ok(()) if engine != self::engine(conn, statement).await? => {
                return Ok((Some((Algorithm::Copy, Lock::Shared)), None));
            }
            Ok(()) => return Ok((Some(way.best), None)),
            Err(Error::Server(refused)) if NOT_SO.contains(&refused.code) => {}
            Err(error @ Error::Server(_)) => return Ok((None, Some(said(&error)))),
            Err(error) => return Err(error),
        }
    }
    run(conn, statement.span.of(sql)).await
}

async fn run(conn: &mut Conn, text: &str) -> Result<Look, Error> {
    match conn.query_drop(text).await {
        Ok(()) => Ok((None, None)),
        Err(error @ Error::Server(_)) => Ok((None, Some(said(&error)))),
        Err(error) => Err(error),
    }
}

/// The engine of the table that a statement may give another one.
async fn engine(conn: &mut Conn, statement: &Statement) -> Result<Option<String>, Error> {
    let moved = statement
        .changes
        .iter()
        .find_map(|located| match &located.change {
            Change::Table {
                table,
                action: TableAction::SetStorage(_),
            } => Some(table),
            _ => None,
        });
    let Some(table) = moved else { return Ok(None) };
    let schema = table.schema.as_ref().map(|schema| schema.as_str().to_owned());
    conn.exec_first(ENGINE, (schema, table.name.as_str())).await
}
