//! Reading ALTER TABLE.

use super::cursor::{Cursor, Read};
use super::{at, column, mysql, table, types};
use crate::migration::source::Span;
use crate::migration::statement::{Change, Located, Name, ObjectName, TableAction, TriggerState};

/// After ALTER TABLE.
pub(super) fn read(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    if cursor.eat_all("all in tablespace") {
        while cursor.next().is_some() {}
        return Ok(vec![at(
            span,
            Change::Vacuum {
                full: true,
                table: None,
            },
        )]);
    }
    cursor.if_exists();
    cursor.eat("only");
    let table = cursor.object_name()?;
    cursor.symbol(b'*');
    if cursor.is_mysql() {
        cursor.eat_any(&["nowait"]);
    }
    let mut changes = Vec::new();
    loop {
        let start = cursor.span();
        let actions = if cursor.is_mysql() {
            mysql::actions(cursor)?
        } else {
            vec![action(cursor)?]
        };
        let place = cursor.since(start);
        changes.extend(actions.into_iter().map(|action| {
            at(
                place,
                Change::Table {
                    table: table.clone(),
                    action,
                },
            )
        }));
        // MySQL takes options without commas between them.
        if !cursor.symbol(b',') && (!cursor.is_mysql() || cursor.is_done()) {
            break;
        }
    }
    Ok(changes)
}

/// One action of PostgreSQL and SQLite.
pub(super) fn action(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    let Some(verb) = cursor.eat_any(&[
        "add", "drop", "alter", "rename", "set", "validate", "attach", "detach", "enable", "disable",
        "force", "no", "owner", "cluster", "reset", "inherit", "replica", "of", "not", "without", "options",
        "modify", "merge", "split",
    ]) else {
        return cursor.fail("an action of ALTER TABLE");
    };
    match verb {
        "add" => add(cursor),
        "drop" => drop(cursor),
        "alter" => alter(cursor),
        "rename" => rename(cursor),
        "set" => set(cursor),
        "validate" => {
            cursor.require("constraint")?;
            Ok(TableAction::ValidateConstraint { name: cursor.name()? })
        }
        "attach" => attach(cursor),
        "detach" => detach(cursor),
        "enable" | "disable" => switch(cursor, verb == "enable"),
        "force" => cursor
            .require("row level security")
            .map(|()| TableAction::RowSecurity { on: true }),
        "no" => {
            if cursor.eat("inherit") {
                cursor.object_name()?;
                return Ok(TableAction::Other);
            }
            cursor
                .require("force row level security")
                .map(|()| TableAction::RowSecurity { on: false })
        }
        "cluster" => {
            cursor.require("on")?;
            cursor.name()?;
            Ok(TableAction::SetParameters)
        }
        "reset" => {
            cursor.parentheses()?;
            Ok(TableAction::SetParameters)
        }
        "owner" => {
            cursor.require("to")?;
            cursor.name()?;
            Ok(TableAction::Other)
        }
        "inherit" | "of" => {
            cursor.object_name()?;
            Ok(TableAction::Other)
        }
        "replica" => {
            cursor.require("identity")?;
            let nothing = cursor.eat("nothing");
            if cursor.eat_all("using index") {
                cursor.name()?;
            } else {
                cursor.eat_any(&["full", "default"]);
            }
            Ok(TableAction::ReplicaIdentity { nothing })
        }
        "not" => cursor.require("of").map(|()| TableAction::Other),
        "without" => {
            cursor.eat_any(&["cluster", "oids"]);
            Ok(TableAction::SetParameters)
        }
        "options" => {
            cursor.parentheses()?;
            Ok(TableAction::Other)
        }
        _ => cursor.fail("an action of this server"),
    }
}

fn add(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if column::begins_constraint(cursor) {
        return column::constraint(cursor).map(TableAction::AddConstraint);
    }
    cursor.eat("column");
    let if_not_exists = cursor.if_not_exists();
    let column = column::column(cursor)?;
    Ok(TableAction::AddColumn {
        column,
        if_not_exists,
        position: None,
    })
}

fn drop(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    let constraint = cursor.eat("constraint");
    if !constraint {
        cursor.eat("column");
    }
    let if_exists = cursor.if_exists();
    let name = cursor.name()?;
    let cascade = cursor.eat("cascade");
    cursor.eat("restrict");
    Ok(if constraint {
        TableAction::DropConstraint {
            name,
            if_exists,
            cascade,
        }
    } else {
        TableAction::DropColumn {
            column: name,
            if_exists,
            cascade,
        }
    })
}

fn rename(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat_any(&["to", "as"]).is_some() {
        return Ok(TableAction::RenameTable {
            to: cursor.object_name()?,
        });
    }
    let constraint = cursor.eat("constraint");
    if !constraint {
        cursor.eat("column");
    }
    let from = cursor.name()?;
    cursor.require("to")?;
    let to = cursor.name()?;
    Ok(if constraint {
        TableAction::RenameConstraint { from, to }
    } else {
        TableAction::RenameColumn { from, to }
    })
}

fn alter(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat("constraint") {
        let name = cursor.name()?;
        while !cursor.is_done() && !cursor.is_symbol(b',') {
            cursor.next();
        }
        return Ok(TableAction::AlterConstraint { name });
    }
    cursor.eat("column");
    let column = cursor.name()?;
    if cursor.eat("type") || cursor.eat_all("set data type") {
        return set_type(cursor, column);
    }
    if cursor.eat_all("set default") {
        let default = cursor.expr(&[])?;
        return Ok(TableAction::SetDefault { column, default });
    }
    if cursor.eat_all("drop default") {
        return Ok(TableAction::DropDefault { column });
    }
    if cursor.eat_all("set not null") {
        return Ok(TableAction::SetNotNull { column });
    }
    if cursor.eat_all("drop not null") {
        return Ok(TableAction::DropNotNull { column });
    }
    if cursor.eat_all("drop identity") {
        cursor.if_exists();
        return Ok(TableAction::DropIdentity { column });
    }
    if cursor.eat_all("drop expression") {
        cursor.if_exists();
        return Ok(TableAction::DropExpression { column });
    }
    if cursor.eat_all("set expression as") {
        cursor.parentheses()?;
        return Ok(TableAction::SetExpression { column });
    }
    if cursor.is("add") {
        cursor.require("add generated")?;
        while !cursor.is_done() && !cursor.is_symbol(b',') {
            if cursor.is_symbol(b'(') {
                cursor.parentheses()?;
            } else {
                cursor.next();
            }
        }
        return Ok(TableAction::AddIdentity { column });
    }
    if cursor.eat("set") && cursor.eat_any(&["storage", "compression"]).is_some() {
        cursor.name()?;
        return Ok(TableAction::Other);
    }
    // SET STATISTICS, SET (n_distinct = …), RESET (…), identity options, RESTART.
    if cursor.is_any(&[
        "statistics",
        "generated",
        "increment",
        "minvalue",
        "maxvalue",
        "start",
        "cache",
        "cycle",
        "no",
        "reset",
        "restart",
    ]) || cursor.is_symbol(b'(')
    {
        while !cursor.is_done() && !cursor.is_symbol(b',') {
            if cursor.is_symbol(b'(') {
                cursor.parentheses()?;
            } else {
                cursor.next();
            }
        }
        return Ok(TableAction::SetParameters);
    }
    cursor.fail("something that can be done to a column")
}

fn set_type(cursor: &mut Cursor<'_>, column: Name) -> Read<TableAction> {
    let to = types::read(cursor)?;
    let collation = if cursor.eat("collate") {
        Some(cursor.object_name()?.name.as_str().to_owned())
    } else {
        None
    };
    let using = if cursor.eat("using") {
        Some(cursor.expr(&[])?)
    } else {
        None
    };
    Ok(TableAction::SetType {
        column,
        to,
        collation,
        using,
    })
}

fn set(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat("schema") {
        return Ok(TableAction::SetSchema {
            schema: cursor.name()?,
        });
    }
    if let Some(word) = cursor.eat_any(&["logged", "unlogged"]) {
        return Ok(TableAction::SetLogged {
            logged: word == "logged",
        });
    }
    if cursor.eat("tablespace") {
        cursor.name()?;
        cursor.eat("nowait");
        return Ok(TableAction::SetTablespace);
    }
    if cursor.eat_all("access method") {
        cursor.name()?;
        return Ok(TableAction::SetAccessMethod);
    }
    if cursor.eat_all("without cluster") || cursor.eat_all("without oids") {
        return Ok(TableAction::SetParameters);
    }
    cursor.parentheses()?;
    Ok(TableAction::SetParameters)
}

fn attach(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    cursor.require("partition")?;
    let partition: ObjectName = cursor.object_name()?;
    let default = cursor.eat("default");
    if !default {
        cursor.require("for values")?;
        table::bounds(cursor)?;
    }
    Ok(TableAction::AttachPartition { partition, default })
}

fn detach(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    cursor.require("partition")?;
    let partition = cursor.object_name()?;
    let concurrently = cursor.eat("concurrently");
    let finalize = cursor.eat("finalize");
    Ok(TableAction::DetachPartition {
        partition,
        concurrently,
        finalize,
    })
}

fn switch(cursor: &mut Cursor<'_>, on: bool) -> Read<TableAction> {
    if cursor.eat_all("row level security") {
        return Ok(TableAction::RowSecurity { on });
    }
    cursor.eat_any(&["replica", "always"]);
    if cursor.eat_any(&["trigger", "rule"]).is_none() {
        return cursor.fail("TRIGGER, RULE or ROW LEVEL SECURITY");
    }
    cursor.name()?;
    Ok(TableAction::Trigger {
        state: if on {
            TriggerState::Enabled
        } else {
            TriggerState::Disabled
        },
    })
}
