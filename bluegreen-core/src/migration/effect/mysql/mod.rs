//! How MySQL and MariaDB change tables: the best algorithm, and whether writers wait.
//!
//! Source: "Online DDL Operations" in MySQL's manual, "`InnoDB` Online DDL" in MariaDB's,
//! `check_if_supported_inplace_alter` in `handler0alter.cc` of both; and MariaDB 10.11, which is asked for its
//! best algorithm in the tests.

mod redefine;

use std::fmt;

use serde::Serialize;

use super::{Hold, Lock, Work};
use crate::migration::schema::{Schema, TableFacts, names_in};
use crate::migration::server::{Engine, Server};
use crate::migration::statement::{
    Change, Charset, Column, Constraint, ConstraintKind, Expr, Generated, Name, Position, Storage,
    TableAction,
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

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instant => "in a moment",
            Self::NoCopy => "in place",
            Self::Rebuild => "in place, built anew",
            Self::Copy => "copied row by row",
        })
    }
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

/// How one change can be done at best, by itself.
pub(super) fn algorithm(change: &Change, schema: &Schema, server: Server) -> Option<Best> {
    match change {
        Change::Table { table, action } => {
            let facts = schema.table(table);
            Table {
                facts,
                schema,
                server,
            }
            .alter(action)
        }
        Change::CreateIndex(index) => {
            let facts = schema.table(&index.table);
            Some(
                Table {
                    facts,
                    schema,
                    server,
                }
                .index(index.kind.as_deref()),
            )
        }
        Change::DropIndex { table, .. } => {
            let facts = table.as_ref().and_then(|table| schema.table(table));
            Some(
                Table {
                    facts,
                    schema,
                    server,
                }
                .of_storage(NO_COPY),
            )
        }
        _ => None,
    }
}

/// How the changes of one statement can be done at best: they are done together, on the table as it was.
pub(super) fn together(changes: &[&Change], schema: &Schema, server: Server) -> Option<Best> {
    let mut best: Option<Best> = None;
    for change in changes {
        if let Some((algorithm, lock)) = algorithm(change, schema, server) {
            let (slowest, strongest) = best.unwrap_or(INSTANT);
            best = Some((slowest.max(algorithm), strongest.max(lock)));
        }
    }
    let (algorithm, lock) = best?;
    let any = |is: fn(&TableAction) -> bool| {
        changes
            .iter()
            .any(|change| matches!(change, Change::Table { action, .. } if is(action)))
    };
    let table = changes.iter().find_map(|change| match change {
        Change::Table { table, .. } => Some(Table {
            facts: schema.table(table),
            schema,
            server,
        }),
        _ => None,
    });
    let Some(table) = table else {
        return Some((algorithm, lock));
    };
    // The key that goes and the one that comes are one work.
    if any(drops_key) && any(adds_key) {
        return Some(table.rebuild());
    }
    let moves_columns = any(moves_columns);
    if algorithm == Algorithm::NoCopy
        && moves_columns
        && (server.engine == Engine::Mysql || any(builds_index))
    {
        return Some(table.rebuild());
    }
    // Others would write rows of which the index does not know the new column's value.
    if indexes_a_new_virtual_column(changes) {
        return Some((algorithm, lock.max(Lock::Shared)));
    }
    // A virtual column is instant, and a stored one is; not both at once.
    if any(adds_virtual) && moves_columns && algorithm == Algorithm::Instant {
        return Some(COPY);
    }
    Some((algorithm, lock))
}

fn indexes_a_new_virtual_column(changes: &[&Change]) -> bool {
    let actions = || {
        changes.iter().filter_map(|change| match change {
            Change::Table { action, .. } => Some(action),
            _ => None,
        })
    };
    actions().filter(|action| adds_virtual(action)).any(|added| {
        let TableAction::AddColumn { column, .. } = added else {
            return false;
        };
        actions().any(|action| match action {
            TableAction::AddIndex { columns, .. }
            | TableAction::AddConstraint(Constraint {
                kind: ConstraintKind::Unique { columns, .. },
                ..
            }) => columns.contains(&column.name),
            _ => false,
        })
    })
}

const fn drops_key(action: &TableAction) -> bool {
    matches!(action, TableAction::DropPrimaryKey)
}

const fn adds_key(action: &TableAction) -> bool {
    let TableAction::AddConstraint(constraint) = action else {
        return false;
    };
    matches!(constraint.kind, ConstraintKind::PrimaryKey { .. })
}

const fn builds_index(action: &TableAction) -> bool {
    match action {
        TableAction::AddIndex { .. } => true,
        TableAction::AddConstraint(constraint) => !matches!(constraint.kind, ConstraintKind::Check(_)),
        _ => false,
    }
}

const fn adds_virtual(action: &TableAction) -> bool {
    matches!(action, TableAction::AddColumn { column, .. } if matches!(column.generated, Some(Generated::Virtual(_))))
}

/// Whether the columns of a row are others afterwards, or in another order.
const fn moves_columns(action: &TableAction) -> bool {
    match action {
        TableAction::AddColumn { .. } => !adds_virtual(action),
        TableAction::DropColumn { .. } => true,
        TableAction::Redefine { position, .. } => position.is_some(),
        _ => false,
    }
}

/// A table, what is known of it, and the server that has it.
struct Table<'a> {
    facts: Option<&'a TableFacts>,
    schema: &'a Schema,
    server: Server,
}

impl Table<'_> {
    fn alter(&self, action: &TableAction) -> Option<Best> {
        let best = match action {
            TableAction::AddColumn { column, position, .. } => self.add_column(column, position.as_ref()),
            TableAction::DropColumn { column, .. } => self.drop_column(column),
            TableAction::Redefine {
                old,
                column,
                position,
            } => self.redefine(old, column, position.as_ref()),
            TableAction::AddConstraint(constraint) => self.add_constraint(constraint),
            TableAction::AddIndex { kind, .. } => self.index(kind.as_deref()),
            TableAction::DropConstraint { name, .. } if self.is_key(name) => NO_COPY,
            TableAction::DropIndex { .. } => NO_COPY,
            // From one engine to another every row is copied.
            TableAction::DropPrimaryKey | TableAction::OrderBy | TableAction::SetStorage(Storage::Other) => {
                COPY
            }
            TableAction::SetCharset(Charset::Convert(to)) => self.convert(to.as_deref()),
            TableAction::Rebuild | TableAction::SetStorage(Storage::InnoDb | Storage::Compressed) => {
                self.rebuild()
            }
            TableAction::Partition { verb } => match verb.as_str() {
                "add" | "exchange" => INSTANT,
                "analyze" | "check" => return None,
                _ => COPY,
            },
            TableAction::Online(_) => return None,
            _ => INSTANT,
        };
        Some(self.of_storage(best))
    }

    /// What another engine than `InnoDB` makes of it: what is more than the dictionary is a copy.
    fn of_storage(&self, best: Best) -> Best {
        if self.storage() == Storage::Other && best != INSTANT {
            COPY
        } else {
            best
        }
    }

    fn storage(&self) -> Storage {
        self.facts.map_or(Storage::InnoDb, |facts| facts.storage)
    }

    fn has_full_text(&self) -> bool {
        self.facts.is_some_and(|facts| facts.full_text)
    }

    /// A table with a FULLTEXT index is copied by MySQL, and closed to writers by MariaDB; so is one with a
    /// SPATIAL index by both.
    fn rebuild(&self) -> Best {
        match (self.has_full_text(), self.server.engine) {
            (true, Engine::Mysql) => COPY,
            (true, _) => (Algorithm::Rebuild, Lock::Shared),
            _ if self.facts.is_some_and(|facts| facts.spatial) => (Algorithm::Rebuild, Lock::Shared),
            _ => REBUILD,
        }
    }

    /// FULLTEXT and SPATIAL indexes let no writer pass, and the first FULLTEXT index builds the table anew.
    fn index(&self, kind: Option<&str>) -> Best {
        self.of_storage(match kind {
            Some("fulltext") if !self.has_full_text() => (Algorithm::Rebuild, Lock::Shared),
            Some("fulltext" | "spatial") => (Algorithm::NoCopy, Lock::Shared),
            _ => NO_COPY,
        })
    }

    fn is_key(&self, name: &Name) -> bool {
        let constraint = self.facts.and_then(|facts| facts.constraints.get(name));
        matches!(
            constraint.map(|constraint| &constraint.kind),
            Some(ConstraintKind::Unique { .. })
        )
    }

    /// Since MySQL 8.0.29 and MariaDB 10.4 a column comes and goes instantly at any place.
    fn is_instant_anywhere(&self) -> bool {
        self.is_instant_at(Engine::Mariadb, 10, 4, 0) || self.is_instant_at(Engine::Mysql, 8, 0, 29)
    }

    fn is_instant_at_end(&self) -> bool {
        self.is_instant_at(Engine::Mariadb, 10, 3, 2) || self.is_instant_at(Engine::Mysql, 8, 0, 12)
    }

    fn is_instant_at(&self, engine: Engine, major: u16, minor: u16, patch: u16) -> bool {
        self.server.at_least(engine, major, minor, patch)
            && self.storage() == Storage::InnoDb
            && !self.has_full_text()
    }

    fn add_column(&self, column: &Column, position: Option<&Position>) -> Best {
        match column.generated {
            Some(Generated::Stored(_)) => return COPY,
            Some(Generated::Virtual(_)) if self.storage() == Storage::Other => return COPY,
            Some(Generated::Virtual(_)) => return INSTANT,
            Some(Generated::Counted) => return (Algorithm::Rebuild, Lock::Shared),
            None => {}
        }
        if column
            .default
            .as_ref()
            .is_some_and(|default| !self.is_constant(default))
        {
            return COPY;
        }
        for constraint in &column.constraints {
            match constraint.kind {
                ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => return self.rebuild(),
                // An inline REFERENCES is ignored by MySQL, an inline CHECK is not.
                ConstraintKind::ForeignKey { .. } if self.server.engine == Engine::Mysql => {}
                ConstraintKind::ForeignKey { .. } if self.schema.foreign_keys_unchecked() => {
                    return self.rebuild();
                }
                // It speaks of a column that no row has yet: MariaDB looks at none.
                ConstraintKind::Check(_) if self.server.engine == Engine::Mariadb => {}
                _ => return COPY,
            }
        }
        if self.is_instant_anywhere() || (position.is_none() && self.is_instant_at_end()) {
            INSTANT
        } else {
            self.rebuild()
        }
    }

    /// Whether every row gets one and the same value. MySQL copies for any expression; MariaDB for one with a
    /// column in it or with a function that it asks for every row.
    fn is_constant(&self, default: &Expr) -> bool {
        if self.server.engine == Engine::Mysql {
            return !default.text.starts_with('(');
        }
        let without_strings: String = default.text.split('\'').step_by(2).collect();
        let is_column = |name| self.facts.is_some_and(|facts| facts.columns.contains_key(&name));
        default.calls.iter().all(|call| ONCE.contains(&call.as_str()))
            && !(default.text.starts_with('(') && names_in(&without_strings).any(is_column))
    }

    /// A column goes with the indexes that it was alone in; others are built anew, and so is the table.
    fn drop_column(&self, column: &Name) -> Best {
        let Some(facts) = self.facts else {
            return self.drop_bare_column();
        };
        if facts.primary_key.contains(column) {
            return COPY;
        }
        if !facts.columns.get(column).is_some_and(|facts| facts.indexed) {
            return self.drop_bare_column();
        }
        let shared = facts
            .constraints
            .values()
            .any(|constraint| match &constraint.kind {
                ConstraintKind::Unique { columns, .. } => columns.len() > 1 && columns.contains(column),
                _ => false,
            });
        let mut indexes = facts
            .indexes
            .iter()
            .filter_map(|name| self.schema.index_named(name))
            .filter(|index| index.columns.contains(column));
        let more = indexes.any(|index| index.columns.len() > 1 || index.kind.as_deref() == Some("fulltext"));
        if shared || more || self.server.engine == Engine::Mysql {
            REBUILD
        } else {
            NO_COPY
        }
    }

    fn drop_bare_column(&self) -> Best {
        if self.is_instant_anywhere() {
            INSTANT
        } else {
            self.rebuild()
        }
    }

    fn add_constraint(&self, constraint: &Constraint) -> Best {
        match &constraint.kind {
            ConstraintKind::PrimaryKey { .. } => self.rebuild(),
            ConstraintKind::Unique { .. } => NO_COPY,
            ConstraintKind::ForeignKey { .. } if self.schema.foreign_keys_unchecked() => NO_COPY,
            _ if constraint.not_enforced => INSTANT,
            _ => COPY,
        }
    }
}

/// What MariaDB 10.11 evaluates once for all rows when a column is added.
const ONCE: &[&str] = &[
    "concat",
    "connection_id",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "curtime",
    "database",
    "json_array",
    "json_object",
    "localtime",
    "localtimestamp",
    "md5",
    "now",
    "rand",
    "unix_timestamp",
    "user",
    "version",
];
