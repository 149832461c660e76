//! Reading queries, loosely: what they call, and what they read.

use std::collections::HashSet;

use super::cursor::{Cursor, Read};
use crate::migration::source::{Token, TokenKind};
use crate::migration::statement::{Change, Name, ObjectName, is_known_function};

/// A query: what it calls. `SELECT … INTO` makes a table.
pub(super) fn query(cursor: &mut Cursor<'_>) -> Read<Change> {
    let mut look = *cursor;
    let begin = *cursor;
    let mut depth = 0_i32;
    let mut into = None;
    while let Some(token) = look.peek() {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => depth -= 1,
            TokenKind::Word if depth == 0 && look.is_postgres() && look.is("into") => {
                look.next();
                look.eat_any(&["temporary", "temp", "unlogged"]);
                look.eat("table");
                into = look.object_name().ok();
                continue;
            }
            _ => {}
        }
        look.next();
    }
    *cursor = begin;
    if let Some(table) = into {
        cursor.rest()?;
        let mut table = super::table::empty(table, false, false);
        table.from_query = true;
        return Ok(Change::CreateTable(table));
    }
    read_only(cursor)
}

/// A query. One that only calls functions that are not known may do anything.
pub(super) fn read_only(cursor: &mut Cursor<'_>) -> Read<Change> {
    let begin = *cursor;
    cursor.rest()?;
    let mut look = begin;
    let mut calls = Vec::new();
    let mut from = false;
    while let Some(token) = look.next() {
        from |= token.is_word(look.text, "from");
        if token.kind == TokenKind::Word && look.is_symbol(b'(') {
            calls.push(token.span.of(look.text).to_ascii_lowercase());
        }
    }
    let unknown = calls.iter().find(|call| !is_known_function(call));
    if let Some(call) = unknown.filter(|_| begin.is_postgres() && !from) {
        return Ok(Change::Dynamic {
            why: format!("what the function {call} does is not in the script"),
        });
    }
    Ok(Change::Read {
        calls,
        all_of: all_of(begin),
    })
}

/// The table of which a query reads every row.
fn all_of(mut cursor: Cursor<'_>) -> Option<ObjectName> {
    let mut table = None;
    let mut depth = 0_i32;
    while let Some(token) = cursor.peek() {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => depth -= 1,
            TokenKind::Word if depth == 0 && cursor.is_any(&["where", "limit", "fetch"]) => return None,
            TokenKind::Word if depth == 0 && table.is_none() && cursor.eat("from") => {
                cursor.eat("only");
                table = cursor.object_name().ok().filter(|_| !cursor.is_symbol(b'('));
                continue;
            }
            _ => {}
        }
        cursor.next();
    }
    table
}

/// The tables after FROM and JOIN.
pub(super) fn sources(cursor: &Cursor<'_>) -> Vec<ObjectName> {
    let mut cursor = *cursor;
    let mut found = Vec::new();
    while !cursor.is_done() {
        if cursor.eat_any(&["from", "join"]).is_some() {
            cursor.eat("only");
            if let Ok(name) = cursor.object_name() {
                found.push(name);
            }
        } else {
            cursor.next();
        }
    }
    found
}

/// The names in a query, and whether it takes all columns of something.
pub(super) fn names(cursor: &Cursor<'_>) -> (HashSet<Name>, bool) {
    let mut cursor = *cursor;
    let (mut names, mut all) = (HashSet::new(), false);
    let mut before = None;
    while let Some(token) = cursor.peek() {
        // `a.*` and `SELECT *`, but neither `count(*)` nor `a * b`.
        let lists = |before: Token| {
            let selects = ["select", "distinct", "all"]
                .iter()
                .any(|word| before.is_word(cursor.text, word));
            selects || before.is_symbol(b'.') || before.is_symbol(b',')
        };
        all |= token.is_symbol(b'*') && before.is_some_and(lists);
        before = Some(token);
        match cursor.name() {
            Ok(name) => drop(names.insert(name)),
            Err(_) => drop(cursor.next()),
        }
    }
    (names, all)
}
