//! Reading what works on rows. Loosely: the table, whether there is a condition, and what is called.

use super::cursor::{Cursor, Read};
use super::query::{query, sources};
use crate::migration::statement::{Change, Name};

pub(super) fn read(cursor: &mut Cursor<'_>) -> Read<Vec<Change>> {
    if cursor.is("with") {
        return with(cursor);
    }
    if cursor.is("explain") {
        return explain(cursor);
    }
    one(cursor).map(|change| vec![change])
}

fn one(cursor: &mut Cursor<'_>) -> Read<Change> {
    match cursor
        .peek()
        .map(|token| token.span.of(cursor.text).to_ascii_lowercase())
        .unwrap_or_default()
        .as_str()
    {
        "insert" | "replace" => insert(cursor),
        "update" => update(cursor),
        "delete" => delete(cursor),
        "copy" => copy(cursor),
        "load" => load(cursor),
        "merge" => merge(cursor),
        "show" | "describe" | "desc" | "fetch" | "declare" | "close" | "move" => {
            while cursor.next().is_some() {}
            Ok(Change::Read {
                calls: Vec::new(),
                all_of: None,
            })
        }
        _ => query(cursor),
    }
}

fn insert(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    while cursor
        .eat_any(&["low_priority", "delayed", "high_priority", "ignore"])
        .is_some()
    {}
    if cursor.eat("or") {
        cursor.next();
    }
    cursor.eat("into");
    let table = cursor.object_name()?;
    if cursor.eat("as") {
        cursor.name()?;
    }
    let mut columns = Vec::new();
    if cursor.is_symbol(b'(') && !cursor.ahead_is(1, "select") && !cursor.ahead_is(1, "with") {
        let mut inside = cursor.inside()?;
        while !inside.is_done() {
            columns.push(inside.name()?);
            inside.skip_to_comma();
        }
    }
    let selected = selected(*cursor);
    // Rows of values can be long, and nothing in them matters.
    let from = if cursor.is_any(&["values", "default"]) {
        None
    } else {
        sources(&cursor.remaining()).into_iter().next()
    };
    cursor.rest()?;
    Ok(Change::Insert {
        table: Some(table),
        columns,
        from,
        selected,
    })
}

/// The columns of a query that gives them as they are, one by one.
fn selected(mut cursor: Cursor<'_>) -> Vec<Option<Name>> {
    let mut all = Vec::new();
    if !cursor.eat("select") {
        return all;
    }
    loop {
        let mut look = cursor;
        let plain = look
            .object_name()
            .ok()
            .filter(|_| look.is_symbol(b',') || look.is("from"))
            .map(|name| name.name)
            .filter(|name| !VALUES.contains(&name.as_str()));
        all.push(plain);
        if cursor.expr(&["from"]).is_err() || !cursor.symbol(b',') {
            return all;
        }
    }
}

/// Words that are values, and no columns.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "current_timestamp",
    "current_date",
    "current_time",
];

fn update(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    while cursor.eat_any(&["low_priority", "ignore"]).is_some() {}
    if cursor.eat("or") {
        cursor.next();
    }
    cursor.eat("only");
    let table = cursor.object_name()?;
    let mut columns = Vec::new();
    let mut filter = None;
    let mut limited = false;
    let mut set = false;
    while !cursor.is_done() {
        if cursor.eat("where") {
            filter = Some(cursor.expr(&["returning", "limit", "order"])?);
        } else if cursor.eat("limit") {
            limited = true;
            cursor.expr(&["returning"])?;
        } else if cursor.is_symbol(b'(') {
            cursor.parentheses()?;
        } else if cursor.eat("set") {
            set = true;
            columns = assigned(*cursor);
        } else {
            cursor.next();
        }
    }
    if set {
        Ok(Change::Update {
            table,
            filter,
            columns,
            limited,
        })
    } else {
        cursor.fail("SET")
    }
}

/// The columns that are assigned, after SET.
fn assigned(mut cursor: Cursor<'_>) -> Vec<Name> {
    let mut columns = Vec::new();
    loop {
        if let Ok(name) = cursor.object_name()
            && cursor.symbol(b'=')
        {
            columns.push(name.name);
        }
        if cursor
            .expr(&["where", "from", "returning", "limit", "order"])
            .is_err()
            || !cursor.symbol(b',')
        {
            return columns;
        }
    }
}

fn delete(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    while cursor.eat_any(&["low_priority", "quick", "ignore"]).is_some() {}
    // MySQL: `DELETE a FROM a JOIN b …`.
    if !cursor.is("from") && cursor.is_mysql() {
        while !cursor.is_done() && !cursor.is("from") {
            cursor.next();
        }
    }
    cursor.require("from")?;
    cursor.eat("only");
    let table = cursor.object_name()?;
    let mut filter = None;
    let mut limited = false;
    while !cursor.is_done() {
        if cursor.eat("where") {
            filter = Some(cursor.expr(&["returning", "limit", "order"])?);
        } else if cursor.eat("limit") {
            limited = true;
        } else if cursor.is_symbol(b'(') {
            cursor.parentheses()?;
        } else {
            cursor.next();
        }
    }
    Ok(Change::Delete {
        table,
        filter,
        limited,
    })
}

/// What the common table expressions change, and what follows them.
fn with(cursor: &mut Cursor<'_>) -> Read<Vec<Change>> {
    cursor.next();
    cursor.eat("recursive");
    let mut changes = Vec::new();
    loop {
        cursor.name()?;
        if cursor.is_symbol(b'(') {
            cursor.parentheses()?;
        }
        cursor.require("as")?;
        cursor.eat("not");
        cursor.eat("materialized");
        let mut inside = cursor.inside()?;
        if inside.is_any(CHANGES) {
            changes.push(one(&mut inside)?);
        }
        // SEARCH and CYCLE of a recursive one.
        while !cursor.is_done() && !cursor.is_symbol(b',') && !cursor.is_symbol(b'(') && !cursor.is_any(ENDS)
        {
            cursor.next();
        }
        if !cursor.symbol(b',') {
            break;
        }
    }
    let end = if cursor.is_any(CHANGES) {
        one(cursor)?
    } else {
        query(cursor)?
    };
    // Of a query that only shows what was changed nothing has to be said.
    if changes.is_empty() || !matches!(end, Change::Read { .. }) {
        changes.push(end);
    }
    Ok(changes)
}

const CHANGES: &[&str] = &["insert", "update", "delete", "merge", "replace"];

/// What ends the common table expressions.
const ENDS: &[&str] = &[
    "insert", "update", "delete", "merge", "replace", "select", "values", "table",
];

fn copy(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    if cursor.is_symbol(b'(') {
        cursor.parentheses()?;
        while cursor.next().is_some() {}
        return Ok(Change::Read {
            calls: Vec::new(),
            all_of: None,
        });
    }
    let table = cursor.object_name()?;
    if cursor.is_symbol(b'(') {
        cursor.parentheses()?;
    }
    let reads = cursor.eat("to");
    if !reads {
        cursor.require("from")?;
    }
    while cursor.next().is_some() {}
    Ok(if reads {
        Change::Read {
            calls: Vec::new(),
            all_of: None,
        }
    } else {
        Change::Insert {
            table: Some(table),
            columns: Vec::new(),
            from: None,
            selected: Vec::new(),
        }
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of several readers")]
fn load(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    let rows = cursor.is_any(&["data", "xml"]);
    let mut table = None;
    while cursor.next().is_some() {
        if cursor.eat_all("into table") {
            table = cursor.object_name().ok();
        }
    }
    Ok(if rows {
        Change::Insert {
            table,
            columns: Vec::new(),
            from: None,
            selected: Vec::new(),
        }
    } else {
        Change::Nothing
    })
}

fn merge(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.next();
    cursor.eat("into");
    cursor.eat("only");
    let table = cursor.object_name()?;
    let from = sources(&cursor.remaining()).into_iter().next();
    cursor.rest()?;
    Ok(Change::Insert {
        table: Some(table),
        columns: Vec::new(),
        from,
        selected: Vec::new(),
    })
}

/// EXPLAIN ANALYZE runs what it explains.
fn explain(cursor: &mut Cursor<'_>) -> Read<Vec<Change>> {
    cursor.next();
    let mut runs = cursor.eat("analyze");
    if cursor.is_symbol(b'(') {
        let mut options = cursor.inside()?;
        while !options.is_done() {
            runs |= options.eat("analyze");
            options.next();
        }
    }
    cursor.eat("verbose");
    if cursor.is("explain") {
        return cursor.fail("a statement to explain");
    }
    if runs {
        return read(cursor);
    }
    while cursor.next().is_some() {}
    Ok(vec![Change::Read {
        calls: Vec::new(),
        all_of: None,
    }])
}
