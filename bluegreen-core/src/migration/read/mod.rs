//! From the tokens of a statement to what it does.
//!
//! One reader for all engines. What decides a verdict is the definition of tables, whose grammar is small
//! and much the same everywhere; it is read strictly, to the last token, or the statement is unknown.
//! Queries and expressions are read loosely: balanced, and for the functions they call.

mod alter;
mod alter_table;
mod block;
mod column;
mod condition;
mod create;
mod cursor;
mod data;
mod drop;
mod mysql;
mod query;
mod session;
mod table;
mod types;

pub(super) use condition::{Truth, when_null};
use cursor::{Cursor, Read};
pub(super) use table::references;

use super::Engine;
use super::source::{Piece, PieceKind, Span, TokenKind};
use super::statement::{Change, Located, Statement};

/// Reads one piece of a script.
pub(super) fn statement(text: &str, engine: Engine, piece: Piece<'_>) -> Statement {
    let changes = match piece.kind {
        PieceKind::Meta => vec![at(piece.span, session::meta(piece.span.of(text)))],
        PieceKind::Marker(_) => Vec::new(),
        PieceKind::Sql => sql(text, engine, &piece),
    };
    Statement {
        span: piece.span,
        changes,
        allowances: piece.allowances,
    }
}

const fn at(span: Span, change: Change) -> Located {
    Located { change, span }
}

fn sql(text: &str, engine: Engine, piece: &Piece<'_>) -> Vec<Located> {
    let broken = piece.tokens.iter().find_map(|token| match token.kind {
        TokenKind::Broken(why) => Some((token.span, why)),
        _ => None,
    });
    if let Some((span, why)) = broken {
        return vec![at(span, Change::Unknown { why: why.to_owned() })];
    }
    let mut cursor = Cursor::new(text, engine, piece.tokens);
    let read = dispatch(&mut cursor, piece.span).and_then(|changes| {
        if cursor.is_done() {
            Ok(changes)
        } else {
            cursor.fail("the end of the statement")
        }
    });
    read.unwrap_or_else(|unread| {
        let found = unread.span.of(text);
        let found: String = found.chars().take(40).collect();
        vec![at(
            unread.span,
            Change::Unknown {
                why: format!("expected {}, found {found:?}", unread.expected),
            },
        )]
    })
}

fn dispatch(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    let one = |change: Read<Change>| change.map(|change| vec![at(span, change)]);
    let Some(first) = cursor.peek() else {
        return Ok(Vec::new());
    };
    if first.is_symbol(b'(') {
        return one(query::query(cursor));
    }
    let word = first.span.of(cursor.text).to_ascii_lowercase();
    match word.as_str() {
        "create" => create::read(cursor, span),
        "alter" => alter::read(cursor, span),
        "drop" => drop::read(cursor, span),
        // MariaDB: settings for one statement, which follows.
        "set" if cursor.is_mysql() && cursor.ahead_is(1, "statement") => {
            while !cursor.is("for") && cursor.next().is_some() {}
            cursor.require("for")?;
            dispatch(cursor, span)
        }
        "do" if cursor.is_postgres() => block::read(cursor, span),
        "truncate" => drop::truncate(cursor, span),
        "rename" if cursor.is_mysql() => mysql::rename(cursor, span),
        "insert" | "replace" | "update" | "delete" | "select" | "with" | "values" | "table" | "copy"
        | "merge" | "load" | "explain" | "show" | "describe" | "desc" | "fetch" | "declare" | "close"
        | "move" => {
            let changes = data::read(cursor)?;
            Ok(changes.into_iter().map(|change| at(span, change)).collect())
        }
        _ => one(session::read(cursor)),
    }
}
