//! How MySQL and MariaDB change tables: the best algorithm, and whether writers wait.
//!
//! Source: "Online DDL Operations" in MySQL's manual, "`InnoDB` Online DDL" in MariaDB's, and MariaDB 10.11
//! asked for its best algorithm.

use serde::Serialize;

use super::{Hold, Lock, Work};
use crate::migration::schema::{Schema, TableColumn};
use crate::migration::server::{Engine, Server};
use crate::migration::statement::{
    Change, Charset, Column, Constraint, ConstraintKind, Expr, Generated, Name, ObjectName, Position,
    SqlType, TableAction,
};

/// How a change is done, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// The dictionary only.
    Instant,
    /// In place, and the table is not built anew: an index.
    NoCopy,
    /// In place, but the table is built anew.
    Rebuild,
    /// Row by row into a new table; writers wait all the time.
    Copy,
}

type Best = (Algorithm, Lock);

const INSTANT: Best = (Algorithm::Instant, Lock::None);
const NO_COPY: Best = (Algorithm::NoCopy, Lock::None);
const REBUILD: Best = (Algorithm::Rebuild, Lock::None);
const COPY: Best = (Algorithm::Copy, Lock::Shared);

pub(super) fn holds(change: &Change, schema: &Schema, server: Server) -> Vec<Hold> {
    let table = match change {
        Change::Table { table, .. }
        | Change::DropIndex {
            table: Some(table), ..
        } => table,
        Change::CreateIndex(index) => &index.table,
        Change::Vacuum {
            full: true,
            table: Some(table),
        } => return vec![Hold::new(table, Lock::None, Work::Rewrite)],
        Change::Lock(lock) => {
            let held = if lock.mode == "read" {
                Lock::Shared
            } else {
                Lock::Exclusively
            };
            return lock
                .tables
                .iter()
                .map(|table| Hold::new(table, held, Work::Instant))
                .collect();
        }
        _ => return Vec::new(),
    };
    let Some((algorithm, lock)) = algorithm(change, schema, server) else {
        return Vec::new();
    };
    let work = match algorithm {
        Algorithm::Instant => Work::Instant,
        Algorithm::NoCopy => Work::Scan,
        Algorithm::Rebuild | Algorithm::Copy => Work::Rewrite,
    };
    vec![Hold::new(table, lock, work)]
}

pub(super) fn algorithm(change: &Change, schema: &Schema, server: Server) -> Option<Best> {
    match change {
        Change::Table { table, action } => alter(table, action, schema, server),
        Change::CreateIndex(index) => Some(index_kind(index.kind.as_deref())),
        Change::DropIndex { .. } => Some(NO_COPY),
        _ => None,
    }
}

/// FULLTEXT and SPATIAL indexes let no writer pass.
fn index_kind(kind: Option<&str>) -> Best {
    match kind {
        Some("fulltext" | "spatial") => (Algorithm::Rebuild, Lock::Shared),
        _ => NO_COPY,
    }
}

fn alter(table: &ObjectName, action: &TableAction, schema: &Schema, server: Server) -> Option<Best> {
    Some(match action {
        TableAction::AddColumn { column, position, .. } => {
            add_column(table, column, position.as_ref(), schema, server)
        }
        TableAction::DropColumn { column, .. } => {
            let indexed = schema.column(table, column).is_some_and(|facts| facts.indexed);
            if indexed {
                NO_COPY
            } else if instant_anywhere(table, schema, server) {
                INSTANT
            } else {
                REBUILD
            }
        }
        TableAction::Redefine {
            old,
            column,
            position,
        } => redefine(table, old, column, position.as_ref(), schema, server),
        TableAction::AddConstraint(constraint) => add_constraint(constraint, schema),
        TableAction::AddIndex { kind, .. } => index_kind(kind.as_deref()),
        TableAction::DropIndex { .. } => NO_COPY,
        TableAction::DropPrimaryKey | TableAction::OrderBy | TableAction::SetCharset(Charset::Convert) => {
            COPY
        }
        TableAction::Rebuild => REBUILD,
        TableAction::Partition { verb } => match verb.as_str() {
            "add" | "exchange" => INSTANT,
            "analyze" | "check" => return None,
            _ => COPY,
        },
        TableAction::Online(_) => return None,
        _ => INSTANT,
    })
}

/// Since MySQL 8.0.29 and MariaDB 10.4 a column comes and goes instantly at any place.
fn instant_anywhere(table: &ObjectName, schema: &Schema, server: Server) -> bool {
    let full_text = schema.table(table).is_some_and(|facts| facts.full_text);
    server.at_least(Engine::Mariadb, 10, 4, 0) || (server.at_least(Engine::Mysql, 8, 0, 29) && !full_text)
}

fn add_column(
    table: &ObjectName,
    column: &Column,
    position: Option<&Position>,
    schema: &Schema,
    server: Server,
) -> Best {
    match column.generated {
        Some(Generated::Stored(_)) => return COPY,
        Some(Generated::Virtual(_)) => return INSTANT,
        Some(Generated::Counted) => return (Algorithm::Rebuild, Lock::Shared),
        None => {}
    }
    if column.default.as_ref().is_some_and(is_expression) && server.engine == Engine::Mysql {
        return COPY;
    }
    if let Some(constraint) = column.constraints.first() {
        return match constraint.kind {
            ConstraintKind::PrimaryKey { .. } => REBUILD,
            ConstraintKind::Unique { .. } => NO_COPY,
            // An inline REFERENCES is ignored by MySQL, an inline CHECK is not.
            ConstraintKind::ForeignKey { .. } if server.engine == Engine::Mysql => INSTANT,
            _ => COPY,
        };
    }
    let last = position.is_none();
    let full_text = schema.table(table).is_some_and(|facts| facts.full_text);
    let instant_at_end = server.at_least(Engine::Mariadb, 10, 3, 2)
        || (server.at_least(Engine::Mysql, 8, 0, 12) && !full_text);
    if instant_anywhere(table, schema, server) || (last && instant_at_end) {
        INSTANT
    } else {
        REBUILD
    }
}

/// `DEFAULT (uuid())`: an expression, in parentheses in MySQL.
fn is_expression(default: &Expr) -> bool {
    default.text.starts_with('(')
}

fn add_constraint(constraint: &Constraint, schema: &Schema) -> Best {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { .. } => REBUILD,
        ConstraintKind::Unique { .. } => NO_COPY,
        ConstraintKind::ForeignKey { .. } if schema.foreign_keys_unchecked() => NO_COPY,
        _ if constraint.not_enforced => INSTANT,
        _ => COPY,
    }
}

/// `MODIFY` and `CHANGE`: what differs decides. A copy is assumed when the old column is not known.
fn redefine(
    table: &ObjectName,
    old: &Name,
    column: &Column,
    position: Option<&Position>,
    schema: &Schema,
    server: Server,
) -> Best {
    let Some(facts) = schema.column(table, old) else {
        return COPY;
    };
    let Some(from) = &facts.kind else { return COPY };
    // Whether the expression is another one is not known here: what is stored is computed for each row.
    let stored = matches!(column.generated, Some(Generated::Stored(_)));
    let mut best = if !stored && column.generated.is_some() == facts.generated {
        let charset = facts.collation.as_deref().or_else(|| {
            let table = schema.table(table)?;
            table.charset.as_deref()
        });
        change_type(from, column, facts, charset, server)
    } else {
        COPY
    };
    if position.is_some() {
        best = best.max(if server.at_least(Engine::Mariadb, 10, 4, 0) {
            INSTANT
        } else {
            REBUILD
        });
    }
    if facts.not_null.is_some_and(|before| before != column.not_null) {
        // MariaDB drops NOT NULL instantly since 10.4; what 10.11 answers is a rebuild in place.
        best = best.max(REBUILD);
    }
    best
}

fn change_type(
    from: &SqlType,
    column: &Column,
    facts: &TableColumn,
    charset: Option<&str>,
    server: Server,
) -> Best {
    let to = &column.kind;
    let recoded =
        column.collation.is_some() && facts.collation.is_some() && column.collation != facts.collation;
    if recoded {
        return COPY;
    }
    if integer(from) && from.name == to.name && from.unsigned == to.unsigned {
        return INSTANT;
    }
    if from == to {
        return INSTANT;
    }
    match (from.name.as_str(), to.name.as_str()) {
        ("enum", "enum") | ("set", "set") => append(from, to),
        ("varchar", "varchar") | ("varbinary", "varbinary") => grow(from, to, charset, server),
        _ => COPY,
    }
}

/// The width of an integer is how it is shown only.
fn integer(kind: &SqlType) -> bool {
    matches!(
        kind.name.as_str(),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "boolean"
    )
}

/// New values at the end are instant, while they fit into the bytes that a value takes.
fn append(from: &SqlType, to: &SqlType) -> Best {
    let bytes = |kind: &SqlType| {
        if kind.name == "enum" {
            usize::from(kind.args.len() > 255)
        } else {
            kind.args.len().div_ceil(8)
        }
    };
    if to.args.starts_with(&from.args) && bytes(from) == bytes(to) {
        INSTANT
    } else {
        COPY
    }
}

/// MySQL keeps one byte for the length of what is at most 255 bytes long, two bytes above.
fn grow(from: &SqlType, to: &SqlType, charset: Option<&str>, server: Server) -> Best {
    let (Some(before), Some(after)) = (from.length(), to.length()) else {
        return COPY;
    };
    if after < before {
        return COPY;
    }
    if server.engine == Engine::Mariadb {
        return INSTANT;
    }
    let bytes_each = match charset {
        _ if from.name == "varbinary" => 1,
        Some(charset) => bytes_each(charset),
        None => 4,
    };
    let long = |length: u64| length * bytes_each > 255;
    if long(before) == long(after) {
        INSTANT
    } else {
        COPY
    }
}

/// How many bytes a letter takes at most. What is not known here is taken as `utf8mb4`, MySQL's default.
fn bytes_each(charset: &str) -> u64 {
    match charset.split('_').next().unwrap_or_default() {
        "latin1" | "latin2" | "latin5" | "latin7" | "ascii" | "binary" | "cp1250" | "cp1251" | "cp1252"
        | "koi8r" | "hebrew" | "greek" => 1,
        "ucs2" | "gbk" | "big5" | "sjis" | "gb2312" | "euckr" => 2,
        "utf8" | "utf8mb3" => 3,
        _ => 4,
    }
}
