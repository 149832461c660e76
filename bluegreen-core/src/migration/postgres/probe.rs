//! What a server really does for a statement, beside what is said of it.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::{Client, Error};

use super::connect::{Connect, drive};
use super::fault::{cannot_connect, fault, said};
use crate::migration::effect::{Hold, Lock, Work, holds, strongest};
use crate::migration::source::Span;
use crate::migration::{Change, Linter, Statement};
use crate::{Fault, MigrationPhase};

/// Runs migrations on a scratch copy of a database, and reads which locks they take and what they do under
/// them. The copy is changed: make it for this, and throw it away.
///
/// Which rows are read when a foreign key is checked is the planner's choice, so that a scan of the table that
/// is pointed to is not compared. What cannot be in a transaction cannot be looked at: it is only run.
#[derive(Debug, Clone)]
pub struct Probe {
    connect: Arc<dyn Connect>,
}

/// What was seen of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Where it stands in the script.
    pub span: Span,
    /// The locks that are said of it.
    pub said: Vec<Hold>,
    /// The locks that it took; `None` when it cannot be looked at, or was refused.
    pub seen: Option<Vec<Hold>>,
    /// What the server said when it refused the statement.
    pub refused: Option<String>,
}

impl Probed {
    /// Whether what was seen is what is said.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let Some(seen) = &self.seen else {
            return self.refused.is_none();
        };
        let same = |(said, seen): (&Hold, &Hold)| {
            let by_the_planner = said.lock == Lock::ShareRowExclusive && said.work == Work::Instant;
            said.table == seen.table && said.lock == seen.lock && (said.work == seen.work || by_the_planner)
        };
        self.said.len() == seen.len() && self.said.iter().zip(seen).all(same)
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |holds: &[Hold]| {
            let holds: Vec<_> = holds.iter().map(ToString::to_string).collect();
            if holds.is_empty() {
                "nothing".to_owned()
            } else {
                holds.join("; ")
            }
        };
        write!(f, "said: {}; seen: ", list(&self.said))?;
        match (&self.seen, &self.refused) {
            (_, Some(refused)) => write!(f, "refused: {refused}"),
            (Some(seen), None) => f.write_str(&list(seen)),
            (None, None) => f.write_str("it cannot be looked at"),
        }
    }
}

/// The tables that were there, with their files. Scans are counted over transactions, until the server has
/// taken note of them.
const BEFORE: &str = "CREATE TEMPORARY TABLE bluegreen_before ON COMMIT DROP AS
    SELECT oid, pg_relation_filenode(oid) AS file, pg_stat_get_xact_numscans(oid) AS scans FROM pg_class
    WHERE relkind IN ('r', 'p', 'm') AND relpersistence <> 't'";

/// The strongest lock that this session holds on each of them, and what became of it.
const SEEN: &str = "
    SELECT CASE n.nspname WHEN 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(c.relname),
           array_agg(l.mode), bool_or(f.file IS DISTINCT FROM pg_relation_filenode(c.oid)),
           bool_or(pg_stat_get_xact_numscans(c.oid) > f.scans)
    FROM pg_locks l JOIN bluegreen_before f ON f.oid = l.relation JOIN pg_class c ON c.oid = f.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_backend_pid() AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    GROUP BY 1";

impl Probe {
    /// A probe of the database that is connected to.
    #[must_use]
    pub fn new(connect: impl Connect + 'static) -> Self {
        Self {
            connect: Arc::new(connect),
        }
    }

    /// Runs a script statement by statement, each in a transaction of its own, and compares. The linter knows
    /// the schema of the copy.
    ///
    /// # Errors
    /// When the server does not answer. A statement that it refuses is told as such.
    pub async fn compare(&self, linter: &Linter, sql: &str) -> Result<Vec<Probed>, Fault> {
        let (client, driver) = self.connect.connect().await.map_err(cannot_connect)?;
        let work = async {
            let mut schema = linter.known().clone();
            let mut all = Vec::new();
            for statement in linter
                .clone()
                .phase(MigrationPhase::Expand)
                .read(sql)
                .statements()
            {
                let mut said = Vec::new();
                for located in &statement.changes {
                    said.extend(holds(&located.change, &schema, linter.server()));
                    schema.apply(&located.change);
                }
                let (seen, refused) = look(&client, statement, sql)
                    .await
                    .map_err(|error| fault("probe", "the scratch copy", error))?;
                all.push(Probed {
                    span: statement.span,
                    said: noticed(said),
                    seen: seen.map(noticed),
                    refused,
                });
            }
            Ok(all)
        };
        drive(driver, work).await
    }
}

/// The locks that others could wait for, in one order.
fn noticed(holds: Vec<Hold>) -> Vec<Hold> {
    let weaker = |hold: &Hold| hold.lock < Lock::ShareUpdateExclusive;
    let mut holds = strongest(holds.into_iter().filter(|hold| !weaker(hold)));
    holds.sort_by(|a, b| a.table.cmp(&b.table));
    holds
}

type Look = (Option<Vec<Hold>>, Option<String>);

async fn look(client: &Client, statement: &Statement, sql: &str) -> Result<Look, Error> {
    let text = statement.span.of(sql);
    let ends = |change: &Change| matches!(change, Change::Begin | Change::Commit | Change::Rollback);
    if statement.changes.iter().all(|located| ends(&located.change)) {
        return Ok((Some(Vec::new()), None));
    }
    client.batch_execute("BEGIN").await?;
    client.batch_execute(BEFORE).await?;
    if let Err(error) = client.batch_execute(text).await {
        client.batch_execute("ROLLBACK").await?;
        let outside = error
            .code()
            .is_some_and(|code| *code == tokio_postgres::error::SqlState::ACTIVE_SQL_TRANSACTION);
        let again = if outside {
            client.batch_execute(text).await
        } else {
            Err(error)
        };
        return match again {
            Ok(()) => Ok((None, None)),
            Err(error) if error.as_db_error().is_some() => Ok((None, Some(said(&error)))),
            Err(error) => Err(error),
        };
    }
    let rows = client.query(SEEN, &[]).await?;
    let mut seen = Vec::new();
    for row in rows {
        let modes: Vec<String> = row.try_get(1)?;
        let (rewritten, scanned): (Option<bool>, Option<bool>) = (row.try_get(2)?, row.try_get(3)?);
        let Some(lock) = modes.iter().filter_map(|mode| lock(mode)).max() else {
            continue;
        };
        seen.push(Hold {
            table: row.try_get(0)?,
            lock,
            work: match (rewritten, scanned) {
                (Some(true), _) => Work::Rewrite,
                (_, Some(true)) => Work::Scan,
                _ => Work::Instant,
            },
        });
    }
    client.batch_execute("COMMIT").await?;
    Ok((Some(seen), None))
}

fn lock(mode: &str) -> Option<Lock> {
    Some(match mode {
        "AccessShareLock" => Lock::AccessShare,
        "RowShareLock" => Lock::RowShare,
        "RowExclusiveLock" => Lock::RowExclusive,
        "ShareUpdateExclusiveLock" => Lock::ShareUpdateExclusive,
        "ShareLock" => Lock::Share,
        "ShareRowExclusiveLock" => Lock::ShareRowExclusive,
        "ExclusiveLock" => Lock::Exclusive,
        "AccessExclusiveLock" => Lock::AccessExclusive,
        _ => return None,
    })
}
