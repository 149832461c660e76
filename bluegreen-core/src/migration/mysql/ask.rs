//! How a statement is asked for in one way only, so that the server refuses any other.

use crate::migration::effect::{Algorithm, Lock};
use crate::migration::server::{Engine, Server};
use crate::migration::{Change, Statement, TableAction};

use super::quoted;

/// A way to do a change, as it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub best: (Algorithm, Lock),
    algorithm: &'static str,
    lock: Option<&'static str>,
}

const fn way(best: (Algorithm, Lock), algorithm: &'static str, lock: Option<&'static str>) -> Way {
    Way {
        best,
        algorithm,
        lock,
    }
}

/// Best first. INSTANT knows no LOCK in MySQL. There is no NOCOPY in MySQL, and INPLACE does not say
/// whether the table is built anew.
const MARIADB: &[Way] = &[
    way((Algorithm::Instant, Lock::None), "INSTANT", None),
    way((Algorithm::NoCopy, Lock::None), "NOCOPY", Some("NONE")),
    way((Algorithm::NoCopy, Lock::Shared), "NOCOPY", Some("SHARED")),
    way((Algorithm::Rebuild, Lock::None), "INPLACE", Some("NONE")),
    way((Algorithm::Rebuild, Lock::Shared), "INPLACE", Some("SHARED")),
    way((Algorithm::Copy, Lock::None), "COPY", Some("NONE")),
    way((Algorithm::Copy, Lock::Shared), "COPY", Some("SHARED")),
    way((Algorithm::Copy, Lock::Exclusively), "COPY", Some("EXCLUSIVE")),
];

const MYSQL: &[Way] = &[
    way((Algorithm::Instant, Lock::None), "INSTANT", None),
    way((Algorithm::Rebuild, Lock::None), "INPLACE", Some("NONE")),
    way((Algorithm::Rebuild, Lock::Shared), "INPLACE", Some("SHARED")),
    way((Algorithm::Copy, Lock::Shared), "COPY", Some("SHARED")),
    way((Algorithm::Copy, Lock::Exclusively), "COPY", Some("EXCLUSIVE")),
];

pub(super) fn ways(server: Server) -> &'static [Way] {
    if server.engine == Engine::Mariadb {
        MARIADB
    } else {
        MYSQL
    }
}

/// The statement, to be done in this way or refused; none when it cannot be asked for so: it asks for a way
/// itself, or its form knows none.
pub(super) fn asked(statement: &Statement, sql: &str, way: Way) -> Option<String> {
    let text = statement.span.of(sql);
    let clauses = |between: &str| {
        let lock = way
            .lock
            .map(|lock| format!("{between}LOCK={lock}"))
            .unwrap_or_default();
        format!("ALGORITHM={}{lock}", way.algorithm)
    };
    let first = statement.changes.first()?;
    match &first.change {
        Change::Table { .. } if starts_with(text, "alter") => {
            let fixed = statement.changes.iter().any(|located| {
                matches!(
                    &located.change,
                    Change::Table {
                        action: TableAction::Online(_)
                            | TableAction::Partition { .. }
                            | TableAction::DropPartition { .. },
                        ..
                    }
                )
            });
            // Before the first action: after the last one may stand a comment, or partitions.
            let at = first.span.start.checked_sub(statement.span.start)?;
            let (head, tail) = text.split_at_checked(at)?;
            (!fixed).then(|| format!("{head}{}, {tail}", clauses(", ")))
        }
        Change::CreateIndex(index) if index.online.is_empty() => Some(format!("{text}\n{}", clauses(" "))),
        // MariaDB's DROP INDEX takes no clauses.
        Change::DropIndex {
            index,
            table: Some(table),
            ..
        } if statement.changes.len() == 1 => {
            let schema = table.schema.as_ref().map(|schema| quoted(schema.as_str()) + ".");
            Some(format!(
                "ALTER TABLE {}{} {}, DROP INDEX {}",
                schema.unwrap_or_default(),
                quoted(table.name.as_str()),
                clauses(", "),
                quoted(index.name.as_str())
            ))
        }
        _ => None,
    }
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}
