//! Reading DO: the statements that a block of PL/pgSQL holds, as far as they stand there as they are.

use super::cursor::{Cursor, Read};
use super::{at, dispatch};
use crate::migration::source::{PieceKind, Span, TokenKind, split_within};
use crate::migration::statement::{Change, Located};

/// After DO.
pub(super) fn read(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("do")?;
    let mut body = None;
    let mut language = None;
    while let Some(token) = cursor.next() {
        if token.is_word(cursor.text, "language") {
            // A text in quotes is taken, too.
            let name = cursor.next();
            language = name.map(|name| name.span.of(cursor.text).trim_matches('\''));
        } else if token.kind == TokenKind::Text {
            body = Some(token.span);
        }
    }
    let readable = language.is_none_or(|language| language.eq_ignore_ascii_case("plpgsql"));
    let inside = body
        .filter(|_| readable)
        .and_then(|body| inside(cursor.text, body));
    let Some(inside) = inside else {
        return Ok(vec![dynamic(
            span,
            "what the block runs cannot be read from outside",
        )]);
    };
    let mut changes = Vec::new();
    let mut declaring = false;
    split_within(cursor.text, cursor.engine, inside, &mut |piece| {
        if piece.kind != PieceKind::Sql {
            return;
        }
        let mut cursor = Cursor::new(cursor.text, cursor.engine, piece.tokens);
        match statement(&mut cursor, piece.span, &mut declaring) {
            Ok(found) if cursor.is_done() => changes.extend(found),
            _ => changes.push(dynamic(piece.span, "this part of the block could not be read")),
        }
    });
    Ok(changes)
}

fn dynamic(span: Span, why: &str) -> Located {
    at(span, Change::Dynamic { why: why.to_owned() })
}

/// What stands between dollar quotes.
fn inside(text: &str, body: Span) -> Option<Span> {
    let quoted = body.of(text);
    let tag = quoted.get(1..)?.find('$')? + 2;
    quoted.starts_with('$').then(|| {
        Span::new(
            body.start + tag,
            body.end.saturating_sub(tag).max(body.start + tag),
        )
    })
}

/// One statement of a block, without what steers it.
fn statement(cursor: &mut Cursor<'_>, span: Span, declaring: &mut bool) -> Read<Vec<Located>> {
    loop {
        if cursor.is_done() {
            return Ok(Vec::new());
        }
        if *declaring && !cursor.is("begin") {
            break;
        }
        if cursor.eat("declare") {
            *declaring = true;
        } else if cursor.eat_any(&["begin", "else", "exception", "loop"]).is_some() {
            *declaring = false;
        } else if cursor.eat_any(&["if", "elsif", "elseif", "when"]).is_some() {
            skip_past(cursor, "then")?;
        } else if cursor.eat_any(&["for", "while", "foreach"]).is_some() {
            let executes = skip_past(cursor, "loop")?;
            if executes {
                return Ok(vec![dynamic(
                    span,
                    "the loop runs over SQL that is made while it runs",
                )]);
            }
        } else {
            break;
        }
    }
    let ignored = *declaring
        || cursor.is_any(&[
            "end", "null", "raise", "return", "exit", "continue", "assert", "get", "close", "open", "fetch",
        ]);
    let assigns = cursor
        .ahead(1)
        .is_some_and(|token| token.is_symbol(b':') || token.is_symbol(b'='));
    if ignored || assigns {
        while cursor.next().is_some() {}
        return Ok(Vec::new());
    }
    if cursor.is_any(&["do", "execute", "call"]) {
        while cursor.next().is_some() {}
        return Ok(vec![dynamic(
            span,
            "the block runs SQL that is made while it runs",
        )]);
    }
    if cursor.is_any(&["select", "perform"]) {
        return super::query::read_only(cursor).map(|change| vec![at(span, change)]);
    }
    let start = cursor.span();
    dispatch(cursor, Span::new(start.start, span.end))
}

/// Goes past a word; whether EXECUTE stood before it.
fn skip_past(cursor: &mut Cursor<'_>, word: &'static str) -> Read<bool> {
    let mut executes = false;
    while let Some(token) = cursor.next() {
        executes |= token.is_word(cursor.text, "execute");
        if token.is_word(cursor.text, word) {
            return Ok(executes);
        }
    }
    cursor.fail(word)
}
