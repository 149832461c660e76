//! Reading CREATE TABLE.

use super::column;
use super::cursor::{Cursor, Read};
use crate::migration::statement::{Change, Constraint, ConstraintKind, CreateTable, ObjectName, Storage};

/// After CREATE [TEMPORARY | UNLOGGED | FOREIGN] TABLE.
pub(super) fn create(cursor: &mut Cursor<'_>, temporary: bool, or_replace: bool) -> Read<Change> {
    let if_not_exists = cursor.if_not_exists();
    let mut table = empty(cursor.object_name()?, if_not_exists, temporary);
    table.or_replace = or_replace;
    if cursor.eat_all("partition of") {
        table.partition_of = Some(cursor.object_name()?);
    } else if cursor.eat("of") {
        // The columns are those of a type.
        table.like = Some(cursor.object_name()?);
    } else if cursor.eat("like") {
        table.like = Some(cursor.object_name()?);
    }
    // `CREATE TABLE a (SELECT …)` and `CREATE TABLE a (b, c) AS SELECT …` are queries.
    let query = |cursor: &Cursor<'_>| {
        cursor.is_symbol(b'(') && (cursor.ahead_is(1, "select") || cursor.ahead_is(1, "with"))
    };
    if cursor.is_symbol(b'(') && !query(cursor) {
        let before = *cursor;
        let mut inside = cursor.inside()?;
        if cursor.is("as") && cursor.is_postgres() {
            *cursor = before;
            cursor.parentheses()?;
        } else {
            body(&mut inside, &mut table)?;
        }
    }
    if table.partition_of.is_some() {
        table.default_partition = cursor.eat("default");
        if cursor.eat_all("for values") {
            bounds(cursor)?;
        }
    }
    options(cursor, &mut table)?;
    Ok(Change::CreateTable(table))
}

pub(super) const fn empty(table: ObjectName, if_not_exists: bool, temporary: bool) -> CreateTable {
    CreateTable {
        table,
        or_replace: false,
        if_not_exists,
        temporary,
        columns: Vec::new(),
        constraints: Vec::new(),
        partition_of: None,
        default_partition: false,
        partitioned: false,
        like: None,
        from_query: false,
        charset: None,
        indexes: Vec::new(),
        storage: Storage::InnoDb,
    }
}

/// What a partition holds, after FOR VALUES.
pub(super) fn bounds(cursor: &mut Cursor<'_>) -> Read<()> {
    cursor.eat_any(&["in", "from", "with"]);
    cursor.parentheses()?;
    if cursor.eat("to") {
        cursor.parentheses()?;
    }
    Ok(())
}

/// Columns, constraints and indexes, without the parentheses.
fn body(inside: &mut Cursor<'_>, table: &mut CreateTable) -> Read<()> {
    while !inside.is_done() {
        if column::begins_constraint(inside) {
            let constraint = column::constraint(inside)?;
            table.constraints.push(constraint);
            if inside.is_mysql() {
                index_options(inside)?;
            }
        } else if inside.is_postgres() && inside.eat("like") {
            table.like = Some(inside.object_name()?);
            while inside.eat_any(&["including", "excluding"]).is_some() {
                inside.name()?;
            }
        } else if inside.is_mysql() && inside.eat("period") {
            inside.require("for")?;
            inside.name()?;
            inside.parentheses()?;
        } else if begins_index(inside) {
            index(inside, table)?;
        } else {
            // A partition and a table of a type declare only what differs: their columns have no type.
            let typed = table.partition_of.is_none() && table.like.is_none();
            let column = if typed {
                column::column(inside)
            } else {
                column::perhaps_untyped(inside)
            };
            table.columns.push(column?);
        }
        if !inside.symbol(b',') {
            break;
        }
    }
    if inside.is_done() {
        Ok(())
    } else {
        inside.fail(", or )")
    }
}

fn begins_index(inside: &Cursor<'_>) -> bool {
    inside.is_mysql()
        && (inside.is_any(&["fulltext", "spatial"])
            || (inside.is_any(&["key", "index"])
                && (inside.ahead(1).is_some_and(|token| token.is_symbol(b'('))
                    || inside.ahead_is(1, "if")
                    || inside.ahead_is(2, "using")
                    || inside.ahead(2).is_some_and(|token| token.is_symbol(b'(')))))
}

fn index(inside: &mut Cursor<'_>, table: &mut CreateTable) -> Read<()> {
    let kind = inside.eat_any(&["fulltext", "spatial"]).map(str::to_owned);
    inside.eat_any(&["key", "index"]);
    inside.if_not_exists();
    let name = if inside.is_symbol(b'(') || inside.is("using") {
        None
    } else {
        Some(inside.name()?)
    };
    if inside.eat("using") {
        inside.name()?;
    }
    let columns = inside.index_columns()?;
    index_options(inside)?;
    table.indexes.push((name, columns, kind));
    Ok(())
}

/// What may follow the columns of an index in MySQL.
pub(super) fn index_options(cursor: &mut Cursor<'_>) -> Read<()> {
    loop {
        if cursor.eat("using") || cursor.eat_all("with parser") {
            cursor.name()?;
        } else if cursor.eat_any(&["comment", "key_block_size"]).is_some() {
            cursor.symbol(b'=');
            cursor.next();
        } else if cursor.eat_any(&["visible", "invisible", "ignored"]).is_none()
            && !cursor.eat_all("not ignored")
        {
            return Ok(());
        }
    }
}

/// What follows the parentheses.
fn options(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Read<()> {
    while !cursor.is_done() {
        if cursor.is_mysql() && cursor.eat_all("with system versioning") {
            continue;
        }
        if cursor.eat("as")
            || cursor.is_any(&["select", "with"]) && is_query(cursor)
            || cursor.is_symbol(b'(')
        {
            table.from_query = true;
            return cursor.rest();
        }
        if cursor.eat_all("partition by") {
            table.partitioned = true;
            if cursor.is_postgres() {
                cursor.name()?;
                cursor.parentheses()?;
                continue;
            }
            return cursor.rest();
        }
        if cursor.eat("inherits") {
            let mut parents = cursor.inside()?;
            table.like = parents.object_name().ok();
        } else if cursor.eat_any(&["with", "options"]).is_some() {
            cursor.parentheses()?;
        } else if cursor.eat_all("without oids") {
        } else if cursor.eat_any(&["using", "tablespace", "server"]).is_some() {
            cursor.name()?;
        } else if cursor.eat_all("on commit") {
            cursor.eat_any(&["drop", "delete", "preserve"]);
            cursor.eat("rows");
        } else if cursor.eat_all("without rowid") || cursor.eat("strict") {
            cursor.symbol(b',');
        } else if cursor.is_mysql() {
            mysql_option(cursor, table)?;
        } else {
            return cursor.fail("an option of a table");
        }
    }
    Ok(())
}

fn is_query(cursor: &Cursor<'_>) -> bool {
    !(cursor.is("with") && cursor.ahead(1).is_some_and(|token| token.is_symbol(b'(')))
}

/// `ENGINE=InnoDB`, `DEFAULT CHARACTER SET = utf8mb4`, with or without `=` and commas.
fn mysql_option(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Read<()> {
    cursor.eat_any(&["ignore", "replace"]);
    if cursor.is_any(&["select", "as"]) {
        return Ok(());
    }
    cursor.eat("default");
    if let Some(charset) = charset(cursor)? {
        table.charset = charset;
        cursor.symbol(b',');
        return Ok(());
    }
    if let Some(storage) = storage(cursor)? {
        table.storage = table.storage.max(storage);
        cursor.symbol(b',');
        return Ok(());
    }
    if !cursor.eat_all("data directory") && !cursor.eat_all("index directory") {
        cursor.name()?;
    }
    cursor.symbol(b'=');
    if cursor.is_symbol(b'(') {
        cursor.parentheses()?;
    } else if cursor.next().is_none() {
        return cursor.fail("the value of an option");
    }
    cursor.symbol(b',');
    Ok(())
}

/// `CHARACTER SET = utf8mb4`, `COLLATE utf8mb4_bin`, when one stands here; DEFAULT names none.
#[expect(
    clippy::option_option,
    reason = "whether one stands here, and whether it has a name"
)]
pub(super) fn charset(cursor: &mut Cursor<'_>) -> Read<Option<Option<String>>> {
    if !cursor.eat_all("character set") && cursor.eat_any(&["charset", "collate"]).is_none() {
        return Ok(None);
    }
    cursor.symbol(b'=');
    let name = value(cursor)?;
    Ok(Some((name != "default").then_some(name)))
}

/// `ENGINE = InnoDB`, `ROW_FORMAT = COMPRESSED`, when one stands here.
pub(super) fn storage(cursor: &mut Cursor<'_>) -> Read<Option<Storage>> {
    let Some(option) = cursor.eat_any(&["engine", "row_format"]) else {
        return Ok(None);
    };
    cursor.symbol(b'=');
    let value = value(cursor)?;
    Ok(Some(match (option, value.as_str()) {
        ("engine", "innodb") | ("row_format", _) if value != "compressed" => Storage::InnoDb,
        ("row_format", _) => Storage::Compressed,
        _ => Storage::Other,
    }))
}

fn value(cursor: &mut Cursor<'_>) -> Read<String> {
    match cursor.next() {
        Some(token) => Ok(token
            .span
            .of(cursor.text)
            .trim_matches(['\'', '"', '`'])
            .to_lowercase()),
        None => cursor.fail("the value of an option"),
    }
}

/// The constraints of a table, those of its columns too.
pub(in crate::migration) fn all_constraints(table: &CreateTable) -> impl Iterator<Item = &Constraint> {
    table
        .constraints
        .iter()
        .chain(table.columns.iter().flat_map(|column| &column.constraints))
}

/// The foreign keys' targets of a new table.
pub(in crate::migration) fn references(table: &CreateTable) -> impl Iterator<Item = &ObjectName> {
    all_constraints(table).filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(references),
        _ => None,
    })
}
