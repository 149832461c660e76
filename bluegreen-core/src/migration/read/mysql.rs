//! Reading what only MySQL and MariaDB have.

use super::cursor::{Cursor, Read};
use super::{at, column, table};
use crate::migration::source::Span;
use crate::migration::statement::{
    Change, Charset, Column, Located, Name, OnlineOption, Position, Storage, TableAction,
};

/// After RENAME: `TABLE a TO b, c TO d`.
pub(super) fn rename(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("rename")?;
    if cursor.eat("user") {
        while cursor.next().is_some() {}
        return Ok(vec![at(span, Change::Revoke)]);
    }
    if cursor.eat_any(&["table", "tables"]).is_none() {
        return cursor.fail("TABLE");
    }
    cursor.if_exists();
    let renames = cursor.list(|cursor| {
        let start = cursor.span();
        let table = cursor.object_name()?;
        cursor.require("to")?;
        let to = cursor.object_name()?;
        Ok(at(
            cursor.since(start),
            Change::Table {
                table,
                action: TableAction::RenameTable { to },
            },
        ))
    })?;
    Ok(renames)
}

/// `ALGORITHM=…` or `LOCK=…`, when one stands here.
pub(super) fn online(cursor: &mut Cursor<'_>) -> Read<Option<OnlineOption>> {
    let Some(option) = cursor.eat_any(&["algorithm", "lock"]) else {
        return Ok(None);
    };
    cursor.symbol(b'=');
    let value = cursor.name()?.as_str().to_ascii_uppercase();
    Ok(Some(if option == "lock" {
        OnlineOption::Lock(value)
    } else {
        OnlineOption::Algorithm(value)
    }))
}

/// One item of an ALTER TABLE; `ADD (a int, b int)` is several actions.
pub(super) fn actions(cursor: &mut Cursor<'_>) -> Read<Vec<TableAction>> {
    if let Some(option) = online(cursor)? {
        return Ok(vec![TableAction::Online(option)]);
    }
    if cursor.eat("add") {
        return add(cursor);
    }
    one(cursor).map(|action| vec![action])
}

fn one(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    // MariaDB: how long it waits for the lock.
    if cursor.eat("nowait") || (cursor.eat("wait") && cursor.next().is_some()) {
        return Ok(TableAction::Option {
            name: "wait".to_owned(),
        });
    }
    if cursor.eat("drop") {
        return drop(cursor);
    }
    if cursor.eat("modify") {
        cursor.eat("column");
        cursor.if_exists();
        let old = cursor.name()?;
        let column = column::after_name(cursor, old.clone())?;
        return Ok(TableAction::Redefine {
            old,
            column,
            position: position(cursor)?,
        });
    }
    if cursor.eat("change") {
        cursor.eat("column");
        cursor.if_exists();
        let old = cursor.name()?;
        let column = column::column(cursor)?;
        return Ok(TableAction::Redefine {
            old,
            column,
            position: position(cursor)?,
        });
    }
    if cursor.eat("alter") {
        return alter(cursor);
    }
    if cursor.eat("rename") {
        return renames(cursor);
    }
    if cursor.eat_all("convert to") {
        let mut charset = table::charset(cursor)?.flatten();
        if let Some(collation) = table::charset(cursor)? {
            charset = collation;
        }
        return Ok(TableAction::SetCharset(Charset::Convert(charset)));
    }
    if cursor.eat_all("order by") {
        cursor.list(|cursor| cursor.expr(&[]))?;
        return Ok(TableAction::OrderBy);
    }
    if let Some(word) = cursor.eat_any(&["disable", "enable"]) {
        cursor.eat_any(&["keys"]);
        return Ok(TableAction::Option {
            name: format!("{word} keys"),
        });
    }
    if let Some(verb) = cursor.eat_any(&[
        "discard",
        "import",
        "exchange",
        "coalesce",
        "reorganize",
        "analyze",
        "check",
        "optimize",
        "rebuild",
        "repair",
        "truncate",
        "remove",
        "partition",
    ]) {
        return partition(cursor, verb);
    }
    option(cursor)
}

fn add(cursor: &mut Cursor<'_>) -> Read<Vec<TableAction>> {
    if cursor.eat("partition") {
        while cursor.next().is_some() {}
        return Ok(vec![TableAction::Partition {
            verb: "add".to_owned(),
        }]);
    }
    if cursor.is_any(&["fulltext", "spatial", "index", "key"]) && !cursor.ahead_is(1, "varchar") {
        return add_index(cursor).map(|action| vec![action]);
    }
    if column::begins_constraint(cursor) {
        let constraint = column::constraint(cursor)?;
        table::index_options(cursor)?;
        return Ok(vec![TableAction::AddConstraint(constraint)]);
    }
    cursor.eat("column");
    let if_not_exists = cursor.if_not_exists();
    let added = |column: Column, position| TableAction::AddColumn {
        column,
        if_not_exists,
        position,
    };
    if cursor.is_symbol(b'(') {
        let mut inside = cursor.inside()?;
        let columns = inside.list(column::column)?;
        if !inside.is_done() {
            return inside.fail(", or )");
        }
        return Ok(columns.into_iter().map(|column| added(column, None)).collect());
    }
    let column = column::column(cursor)?;
    let position = position(cursor)?;
    Ok(vec![added(column, position)])
}

fn add_index(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    let kind = cursor.eat_any(&["fulltext", "spatial"]).map(str::to_owned);
    cursor.eat_any(&["index", "key"]);
    cursor.if_not_exists();
    let name = if cursor.is_symbol(b'(') || cursor.is("using") {
        None
    } else {
        Some(cursor.name()?)
    };
    if cursor.eat("using") {
        cursor.name()?;
    }
    let columns = cursor.index_columns()?;
    table::index_options(cursor)?;
    Ok(TableAction::AddIndex {
        name,
        columns,
        unique: false,
        kind,
    })
}

fn drop(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat_all("primary key") {
        return Ok(TableAction::DropPrimaryKey);
    }
    if cursor.eat_any(&["index", "key"]).is_some() {
        cursor.if_exists();
        return Ok(TableAction::DropIndex { name: cursor.name()? });
    }
    if cursor.eat_all("foreign key")
        || (cursor.is("check") && !cursor.ahead(1).is_none_or(|t| t.is_symbol(b','))) && cursor.eat("check")
    {
        cursor.if_exists();
        return Ok(TableAction::DropNamed { name: cursor.name()? });
    }
    if cursor.eat("partition") {
        cursor.if_exists();
        let names = cursor.list(Cursor::name)?;
        return Ok(TableAction::DropPartition { names });
    }
    if cursor.eat("constraint") {
        let if_exists = cursor.if_exists();
        return Ok(TableAction::DropConstraint {
            name: cursor.name()?,
            if_exists,
            cascade: false,
        });
    }
    cursor.eat("column");
    let if_exists = cursor.if_exists();
    let column = cursor.name()?;
    let cascade = cursor.eat("cascade");
    cursor.eat("restrict");
    Ok(TableAction::DropColumn {
        column,
        if_exists,
        cascade,
    })
}

fn alter(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat("index") {
        cursor.name()?;
        let hidden = cursor.eat_any(&["visible", "invisible", "ignored", "not"]);
        if hidden == Some("not") {
            cursor.require("ignored")?;
        }
        return Ok(TableAction::IndexVisibility {
            visible: matches!(hidden, Some("visible" | "not")),
        });
    }
    if cursor.eat_any(&["check", "constraint"]).is_some() {
        let name = cursor.name()?;
        cursor.eat("not");
        cursor.require("enforced")?;
        return Ok(TableAction::AlterConstraint { name });
    }
    cursor.eat("column");
    let column: Name = cursor.name()?;
    if cursor.eat_all("set default") {
        let default = cursor.expr(&["algorithm", "lock"])?;
        return Ok(TableAction::SetDefault { column, default });
    }
    if cursor.eat_all("drop default") {
        return Ok(TableAction::DropDefault { column });
    }
    if cursor.eat("set") && cursor.eat_any(&["visible", "invisible"]).is_some() {
        return Ok(TableAction::Option {
            name: "visibility of a column".to_owned(),
        });
    }
    cursor.fail("something that can be done to a column")
}

fn renames(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat_any(&["index", "key"]).is_some() {
        let from = cursor.name()?;
        cursor.require("to")?;
        return Ok(TableAction::RenameIndex {
            from,
            to: cursor.name()?,
        });
    }
    if cursor.eat("column") {
        cursor.if_exists();
        let from = cursor.name()?;
        cursor.require("to")?;
        return Ok(TableAction::RenameColumn {
            from,
            to: cursor.name()?,
        });
    }
    cursor.eat_any(&["to", "as"]);
    cursor.symbol(b'=');
    Ok(TableAction::RenameTable {
        to: cursor.object_name()?,
    })
}

fn partition(cursor: &mut Cursor<'_>, verb: &str) -> Read<TableAction> {
    if verb == "truncate" {
        cursor.require("partition")?;
        let names = cursor.list(Cursor::name)?;
        return Ok(TableAction::DropPartition { names });
    }
    let tablespace = matches!(verb, "discard" | "import");
    while cursor.next().is_some() {}
    Ok(if tablespace {
        TableAction::DropPartition { names: Vec::new() }
    } else {
        TableAction::Partition {
            verb: verb.to_owned(),
        }
    })
}

fn position(cursor: &mut Cursor<'_>) -> Read<Option<Position>> {
    if cursor.eat("first") {
        return Ok(Some(Position::First));
    }
    if cursor.eat("after") {
        return Ok(Some(Position::After(cursor.name()?)));
    }
    Ok(None)
}

/// `ENGINE=InnoDB`, `COMMENT='…'`.
fn option(cursor: &mut Cursor<'_>) -> Read<TableAction> {
    if cursor.eat("force") {
        return Ok(TableAction::Rebuild);
    }
    cursor.eat("default");
    if let Some(charset) = table::charset(cursor)? {
        return Ok(TableAction::SetCharset(Charset::Default(charset)));
    }
    let is_engine = cursor.is("engine");
    if let Some(storage) = table::storage(cursor)? {
        // Another format of rows is no other engine, and does not make a table InnoDB.
        return Ok(if is_engine || storage == Storage::Compressed {
            TableAction::SetStorage(storage)
        } else {
            TableAction::Rebuild
        });
    }
    let Some(name) = cursor.eat_any(&[
        "key_block_size",
        "page_compressed",
        "encryption",
        "tablespace",
        "comment",
        "auto_increment",
        "stats_persistent",
        "stats_auto_recalc",
        "stats_sample_pages",
        "avg_row_length",
        "checksum",
        "compression",
        "max_rows",
        "min_rows",
        "pack_keys",
        "insert_method",
        "connection",
        "delay_key_write",
        "union",
        "data",
        "secondary_engine",
        "password",
        "autoextend_size",
    ]) else {
        return cursor.fail("an action of ALTER TABLE");
    };
    cursor.eat_any(&["directory"]);
    cursor.symbol(b'=');
    if cursor.next().is_none() {
        return cursor.fail("the value of an option");
    }
    let rebuilds = matches!(
        name,
        "key_block_size" | "page_compressed" | "encryption" | "tablespace"
    );
    Ok(if rebuilds {
        TableAction::Rebuild
    } else {
        TableAction::Option {
            name: name.to_owned(),
        }
    })
}
