//! Which changes of a column's type PostgreSQL does without touching the rows.
//!
//! Source: `ATColumnChangeRequiresRewrite` and the length coercions' support functions in PostgreSQL's
//! source (`varchar_support`, `numeric_support`, `varbit_support`, `timestamp_support`, `interval_support`),
//! and `pg_cast` where `castmethod` is `b`.

use crate::migration::server::{Engine, Server};
use crate::migration::statement::SqlType;

/// What a change of type does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retype {
    /// Nothing changes.
    Same,
    /// The catalogue only.
    Widens,
    /// The catalogue, but indexes on the column are built anew.
    Reindexes,
    /// Every row is written anew.
    Rewrites,
}

pub(super) fn retype(from: &SqlType, to: &SqlType, server: Server, utc: bool) -> Retype {
    if from == to {
        return Retype::Same;
    }
    if from.dimensions != to.dimensions {
        return Retype::Rewrites;
    }
    let widens = match (from.name.as_str(), to.name.as_str()) {
        // No length is the longest.
        ("varchar", "varchar") | ("varbit", "varbit") => longer(from, to),
        ("varchar", "text") => true,
        ("text", "varchar") => to.length().is_none(),
        ("numeric", "numeric") => numeric(from, to),
        ("timestamp", "timestamp")
        | ("timestamptz", "timestamptz")
        | ("time", "time")
        | ("timetz", "timetz")
        | ("interval", "interval") => precision(to) >= precision(from),
        ("timestamp", "timestamptz") | ("timestamptz", "timestamp") => {
            server.at_least(Engine::Postgres, 12, 0, 0) && utc && precision(to) >= precision(from)
        }
        ("cidr", "inet") | ("xml", "text" | "varchar") | ("integer", "oid" | "regclass") => {
            to.length().is_none()
        }
        ("citext", "text") | ("text" | "varchar", "citext") => return Retype::Reindexes,
        ("citext", "varchar") if to.length().is_none() => return Retype::Reindexes,
        _ => false,
    };
    if widens { Retype::Widens } else { Retype::Rewrites }
}

fn longer(from: &SqlType, to: &SqlType) -> bool {
    match (from.length(), to.length()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => to >= from,
    }
}

fn numeric(from: &SqlType, to: &SqlType) -> bool {
    match (from.length(), to.length()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(before), Some(after)) => {
            let scale = |kind: &SqlType| kind.number(1).unwrap_or(0);
            after >= before && scale(from) == scale(to)
        }
    }
}

/// The digits of a second; six when nothing is said.
fn precision(kind: &SqlType) -> u64 {
    kind.length().unwrap_or(6)
}
