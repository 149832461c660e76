//! What a change does to the tables while it runs: which lock, and what is done under it.
//!
//! One file an engine holds all that is known; the rules ask, and a test asks the real servers the same.

mod mysql;
mod postgres;
mod retype;

pub use mysql::Algorithm;
pub use retype::Retype;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::Schema;
use super::server::{Engine, Server};
use super::statement::{Change, ObjectName, SqlType};

/// A lock on a table. The first eight are PostgreSQL's, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// What a reader takes.
    AccessShare,
    /// What `SELECT … FOR UPDATE` takes.
    RowShare,
    /// What a writer takes.
    RowExclusive,
    /// Readers and writers go on; other changes of the table wait.
    ShareUpdateExclusive,
    /// Writers wait.
    Share,
    /// Writers wait, and others that want this.
    ShareRowExclusive,
    /// Writers wait.
    Exclusive,
    /// Everybody waits.
    AccessExclusive,
    /// MySQL and MariaDB, `LOCK=NONE`: everybody waits for a moment at the beginning and at the end.
    None,
    /// MySQL and MariaDB, `LOCK=SHARED`: writers wait.
    Shared,
    /// MySQL and MariaDB, `LOCK=EXCLUSIVE`: everybody waits.
    Exclusively,
    /// SQLite: one writer for the whole database.
    Writer,
}

impl Lock {
    /// Whether writers wait for it.
    #[must_use]
    pub const fn blocks_writers(self) -> bool {
        !matches!(
            self,
            Self::AccessShare | Self::RowShare | Self::RowExclusive | Self::ShareUpdateExclusive | Self::None
        )
    }

    /// Whether readers wait for it.
    #[must_use]
    pub const fn blocks_readers(self) -> bool {
        matches!(self, Self::AccessExclusive | Self::Exclusively)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
            Self::None => "LOCK=NONE",
            Self::Shared => "LOCK=SHARED",
            Self::Exclusively => "LOCK=EXCLUSIVE",
            Self::Writer => "the writer's lock",
        })
    }
}

/// What is done under a lock, and so how long it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The catalogue only: milliseconds, whatever the size.
    Instant,
    /// Every row is read: as long as that takes.
    Scan,
    /// Every row is written anew, with its indexes.
    Rewrite,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instant => "a moment",
            Self::Scan => "while every row is read",
            Self::Rewrite => "while every row is written anew",
        })
    }
}

/// A lock on one table, and what is done under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The table.
    pub table: String,
    /// The lock.
    pub lock: Lock,
    /// What is done under it.
    pub work: Work,
}

impl Hold {
    pub(super) fn new(table: &ObjectName, lock: Lock, work: Work) -> Self {
        Self {
            table: table.to_string(),
            lock,
            work,
        }
    }

    /// Whether others wait longer than a moment.
    #[must_use]
    pub fn blocks_long(&self) -> bool {
        self.work != Work::Instant && self.lock.blocks_writers()
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, {}", self.lock, self.table, self.work)
    }
}

/// One lock for each table: the strongest, with the longest that is done under any of them.
#[must_use]
pub fn strongest(holds: impl IntoIterator<Item = Hold>) -> Vec<Hold> {
    let mut strongest: Vec<Hold> = Vec::new();
    for hold in holds {
        match strongest.iter_mut().find(|known| known.table == hold.table) {
            Some(known) => {
                known.lock = known.lock.max(hold.lock);
                known.work = known.work.max(hold.work);
            }
            None => strongest.push(hold),
        }
    }
    strongest
}

/// The locks that a change takes.
#[must_use]
pub fn holds(change: &Change, schema: &Schema, server: Server) -> Vec<Hold> {
    match server.engine {
        Engine::Postgres => postgres::holds(change, schema, server),
        Engine::Mysql | Engine::Mariadb => mysql::holds(change, schema, server),
        Engine::Sqlite => Vec::new(),
    }
}

/// What changing a column of PostgreSQL from one type to another does to the rows.
#[must_use]
pub fn retype(from: &SqlType, to: &SqlType, server: Server, utc: bool) -> Retype {
    retype::retype(from, to, server, utc)
}

/// How MySQL or MariaDB can do the changes of one statement at best.
#[must_use]
pub fn together(changes: &[&Change], schema: &Schema, server: Server) -> Option<(Algorithm, Lock)> {
    mysql::together(changes, schema, server)
}

/// How MySQL or MariaDB can do one change at best.
#[must_use]
pub fn algorithm(change: &Change, schema: &Schema, server: Server) -> Option<(Algorithm, Lock)> {
    mysql::algorithm(change, schema, server)
}
