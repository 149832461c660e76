//! Reading what steers the session: transactions, settings, maintenance, and what hides what it does.

use super::cursor::{Cursor, Read};
use crate::migration::statement::{Change, ObjectName, TableLock};

pub(super) fn read(cursor: &mut Cursor<'_>) -> Read<Change> {
    let Some(first) = cursor.next() else {
        return Ok(Change::Nothing);
    };
    let word = first.span.of(cursor.text).to_ascii_lowercase();
    let all = |cursor: &mut Cursor<'_>, change: Change| {
        while cursor.next().is_some() {}
        Ok(change)
    };
    match word.as_str() {
        "begin" | "start" => {
            if word == "start" {
                cursor.require("transaction")?;
            } else if !(cursor.is_done()
                || cursor.is_any(&[
                    "transaction",
                    "work",
                    "isolation",
                    "read",
                    "not",
                    "deferrable",
                    "immediate",
                    "exclusive",
                    "deferred",
                    "concurrent",
                ]))
            {
                return cursor.fail("a transaction");
            }
            all(cursor, Change::Begin)
        }
        "commit" | "end" => {
            if cursor.eat("prepared") {
                return all(cursor, Change::Nothing);
            }
            all(cursor, Change::Commit)
        }
        "rollback" | "abort" => {
            cursor.eat_any(&["transaction", "work"]);
            let partial = cursor.is_any(&["to", "prepared"]);
            all(
                cursor,
                if partial {
                    Change::Nothing
                } else {
                    Change::Rollback
                },
            )
        }
        "set" => set(cursor),
        "do" | "call" | "execute" | "exec" => dynamic(cursor, &word),
        "lock" => lock(cursor),
        "vacuum" | "analyze" | "analyse" | "optimize" => vacuum(cursor, &word),
        "cluster" => {
            let table = if cursor.is_done() || cursor.is_symbol(b'(') {
                None
            } else {
                Some(cursor.object_name()?)
            };
            all(cursor, Change::Cluster { table })
        }
        "reindex" => reindex(cursor),
        "refresh" => refresh(cursor),
        "grant" => all(cursor, Change::Grant),
        "revoke" => all(cursor, Change::Revoke),
        "prepare" => {
            cursor.next();
            all(cursor, Change::Nothing)
        }
        "comment" | "savepoint" | "release" | "reset" | "discard" | "notify" | "listen" | "unlisten"
        | "checkpoint" | "unlock" | "deallocate" | "security" | "pragma" | "use" | "flush" | "kill"
        | "check" | "attach" | "detach" | "go" | "delimiter" | "reassign" | "import" | "purge"
        | "install" | "uninstall" | "handler" | "repair" | "checksum" | "change" | "stop" => {
            if word == "reassign" {
                return all(cursor, Change::Revoke);
            }
            all(cursor, Change::Nothing)
        }
        _ => Err(super::cursor::Unread {
            expected: "a statement",
            span: first.span,
        }),
    }
}

/// `SET [SESSION | LOCAL] name = value`; in MySQL several, separated by commas.
fn set(cursor: &mut Cursor<'_>) -> Read<Change> {
    let local = cursor.eat("local");
    cursor.eat_any(&["session", "global", "persist", "persist_only"]);
    if cursor.is_any(&["transaction", "constraints", "characteristics"]) {
        while cursor.next().is_some() {}
        return Ok(Change::Nothing);
    }
    if cursor.eat_all("time zone") {
        let value = rest_text(cursor);
        return Ok(Change::Set {
            name: "timezone".to_owned(),
            value,
            local,
        });
    }
    let start = cursor.span();
    while !cursor.is_done() && !cursor.is_symbol(b'=') && !cursor.is("to") && !cursor.is_symbol(b':') {
        cursor.next();
        // `SET NAMES utf8`, `SET ROLE a`.
        if cursor.is_done()
            || !(cursor.is_symbol(b'.')
                || cursor.is_symbol(b'=')
                || cursor.is("to")
                || cursor.is_symbol(b':'))
        {
            break;
        }
    }
    let name = cursor.since(start).of(cursor.text).to_ascii_lowercase();
    if name.is_empty() {
        return cursor.fail("a setting");
    }
    cursor.symbol(b':');
    let _ = cursor.symbol(b'=') || cursor.eat("to");
    let value = rest_text(cursor);
    Ok(Change::Set {
        name: name
            .trim_start_matches("@@session.")
            .trim_start_matches("@@")
            .to_owned(),
        value,
        local,
    })
}

fn rest_text(cursor: &mut Cursor<'_>) -> String {
    let start = cursor.span();
    if cursor.is_done() {
        return String::new();
    }
    while cursor.next().is_some() {}
    cursor
        .since(start)
        .of(cursor.text)
        .trim_matches(['\'', '"'])
        .to_ascii_lowercase()
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of several readers")]
fn dynamic(cursor: &mut Cursor<'_>, word: &str) -> Read<Change> {
    while cursor.next().is_some() {}
    Ok(Change::Dynamic {
        why: match word {
            "call" => "what a procedure runs cannot be read from here".to_owned(),
            _ => "what a prepared statement runs cannot be read from here".to_owned(),
        },
    })
}

fn lock(cursor: &mut Cursor<'_>) -> Read<Change> {
    if cursor.is_mysql() {
        return mysql_lock(cursor);
    }
    cursor.eat("table");
    cursor.eat("only");
    let tables = cursor.list(|cursor| {
        let name = cursor.object_name();
        cursor.symbol(b'*');
        name
    })?;
    let mut mode = "access exclusive".to_owned();
    if cursor.eat("in") {
        let start = cursor.span();
        while !cursor.is_done() && !cursor.is("mode") {
            cursor.next();
        }
        mode = cursor
            .since(start)
            .of(cursor.text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_ascii_lowercase();
        cursor.require("mode")?;
    }
    cursor.eat("nowait");
    Ok(Change::Lock(TableLock { tables, mode }))
}

fn mysql_lock(cursor: &mut Cursor<'_>) -> Read<Change> {
    if cursor.eat("instance") {
        while cursor.next().is_some() {}
        return Ok(Change::Lock(TableLock {
            tables: Vec::new(),
            mode: "write".to_owned(),
        }));
    }
    if cursor.eat_any(&["tables", "table"]).is_none() {
        return cursor.fail("TABLES");
    }
    let mut mode = "read";
    let tables: Vec<ObjectName> = cursor.list(|cursor| {
        let table = cursor.object_name()?;
        while !cursor.is_done() && !cursor.is_symbol(b',') {
            if cursor.is("write") {
                mode = "write";
            }
            cursor.next();
        }
        Ok(table)
    })?;
    Ok(Change::Lock(TableLock {
        tables,
        mode: mode.to_owned(),
    }))
}

fn vacuum(cursor: &mut Cursor<'_>, word: &str) -> Read<Change> {
    let mut full = word == "optimize";
    if cursor.is_symbol(b'(') {
        let mut options = cursor.inside()?;
        while !options.is_done() {
            full |= options.eat("full") && !options.is_any(&["false", "off"]);
            options.next();
        }
    }
    while let Some(option) = cursor.eat_any(&[
        "full",
        "freeze",
        "verbose",
        "analyze",
        "table",
        "local",
        "no_write_to_binlog",
    ]) {
        full |= option == "full";
    }
    let table = cursor.object_name().ok();
    while cursor.next().is_some() {}
    Ok(Change::Vacuum {
        full: full && word != "analyze",
        table,
    })
}

fn reindex(cursor: &mut Cursor<'_>) -> Read<Change> {
    let mut concurrently = false;
    if cursor.is_symbol(b'(') {
        let mut options = cursor.inside()?;
        while !options.is_done() {
            concurrently |= options.eat("concurrently") && !options.is_any(&["false", "off"]);
            options.next();
        }
    }
    let Some(kind) = cursor.eat_any(&["index", "table", "schema", "database", "system"]) else {
        // SQLite: REINDEX [name].
        let target = cursor.object_name().ok();
        return Ok(Change::Reindex {
            concurrently,
            target,
            system: false,
        });
    };
    concurrently |= cursor.eat("concurrently");
    let target = if cursor.is_done() {
        None
    } else {
        Some(cursor.object_name()?)
    };
    Ok(Change::Reindex {
        concurrently,
        target,
        system: kind == "system",
    })
}

fn refresh(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.require("materialized view")?;
    let concurrently = cursor.eat("concurrently");
    let view = cursor.object_name()?;
    let with_data = !cursor.eat_all("with no data");
    cursor.eat_all("with data");
    Ok(Change::Refresh {
        view,
        concurrently,
        with_data,
    })
}

/// A command of `psql`.
pub(super) fn meta(line: &str) -> Change {
    let command = line
        .trim_start_matches('\\')
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let hides = ["i", "ir", "include", "include_relative", "gexec", "!"].contains(&command);
    if hides {
        return Change::Unknown {
            why: format!("what \\{command} runs is not in this file"),
        };
    }
    if ["if", "elif"].contains(&command) {
        return Change::Unknown {
            why: "whether what follows runs is decided by psql".to_owned(),
        };
    }
    Change::Nothing
}
