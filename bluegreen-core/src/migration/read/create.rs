//! Reading CREATE, except for tables.

use super::cursor::{Cursor, Read};
use super::{at, query, table, types};
use crate::migration::source::{Span, TokenKind};
use crate::migration::statement::{
    Change, CreateIndex, CreateView, DomainAction, Located, ObjectKind, TypeAction, Volatility,
};

pub(super) fn read(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    cursor.require("create")?;
    if cursor.eat("schema") {
        return schema(cursor, span);
    }
    Ok(vec![at(span, one(cursor)?)])
}

fn one(cursor: &mut Cursor<'_>) -> Read<Change> {
    let or_replace = cursor.eat_all("or replace");
    if cursor.is_mysql() {
        mysql_prefix(cursor)?;
    }
    cursor.eat_any(&["global", "local"]);
    let temporary = cursor.eat_any(&["temp", "temporary"]).is_some();
    cursor.eat("unlogged");
    if cursor.eat("foreign") && !cursor.is("table") {
        return object(cursor, or_replace);
    }
    if cursor.eat("table") {
        return table::create(cursor, temporary, or_replace);
    }
    if cursor.is_any(&["unique", "index", "fulltext", "spatial"]) {
        return index(cursor);
    }
    let materialized = cursor.eat("materialized");
    cursor.eat("recursive");
    if cursor.eat("view") {
        return view(cursor, or_replace, materialized);
    }
    if cursor.is_any(&["function", "procedure", "aggregate"]) {
        return routine(cursor, or_replace);
    }
    if cursor.eat("constraint") || cursor.is("trigger") {
        return trigger(cursor);
    }
    if cursor.eat("type") {
        return kind(cursor);
    }
    if cursor.eat("domain") {
        return domain(cursor);
    }
    if cursor.eat("policy") {
        return policy(cursor);
    }
    object(cursor, or_replace)
}

/// `DEFINER = a@b SQL SECURITY INVOKER ALGORITHM = MERGE` before VIEW, TRIGGER and the like.
fn mysql_prefix(cursor: &mut Cursor<'_>) -> Read<()> {
    loop {
        if cursor.eat("definer") {
            cursor.require_symbol(b'=', "=")?;
            cursor.next();
            if cursor.is_symbol(b'(') {
                cursor.parentheses()?;
            }
            // The host: `@localhost` is one token, `@` and a text are two.
            while cursor
                .peek()
                .is_some_and(|token| token.kind == TokenKind::Placeholder)
            {
                cursor.next();
                if cursor.peek().is_some_and(|token| {
                    matches!(
                        token.kind,
                        TokenKind::Text | TokenKind::Quoted | TokenKind::Symbol(b'%')
                    )
                }) {
                    cursor.next();
                }
            }
        } else if cursor.eat("algorithm") {
            cursor.symbol(b'=');
            cursor.next();
        } else if cursor.eat_all("sql security") {
            cursor.next();
        } else {
            return Ok(());
        }
    }
}

fn index(cursor: &mut Cursor<'_>) -> Read<Change> {
    let unique = cursor.eat("unique");
    let mut kind = cursor.eat_any(&["fulltext", "spatial"]).map(str::to_owned);
    let after_index = cursor.span().end;
    cursor.require("index")?;
    let concurrently = cursor.is_postgres() && cursor.eat("concurrently");
    let if_not_exists = cursor.if_not_exists();
    let name = if cursor.is("on") {
        None
    } else {
        Some(cursor.object_name()?)
    };
    if cursor.is_mysql() && cursor.eat("using") {
        cursor.name()?;
    }
    cursor.require("on")?;
    let only = cursor.eat("only");
    let table = cursor.object_name()?;
    if cursor.eat("using") {
        kind = Some(cursor.name()?.as_str().to_owned());
    }
    let (columns, all_plain) = cursor.index_parts()?;
    let mut plain = all_plain;
    let mut online = Vec::new();
    if cursor.is_mysql() {
        loop {
            table::index_options(cursor)?;
            let Some(option) = super::mysql::online(cursor)? else {
                break;
            };
            online.push(option);
        }
    } else {
        plain &= index_tail(cursor)?;
    }
    Ok(Change::CreateIndex(CreateIndex {
        name,
        table,
        unique,
        concurrently,
        if_not_exists,
        only,
        columns,
        plain,
        kind,
        online,
        after_index,
    }))
}

/// Whether the index holds every row.
fn index_tail(cursor: &mut Cursor<'_>) -> Read<bool> {
    loop {
        if cursor.eat_any(&["include", "with"]).is_some() {
            cursor.parentheses()?;
        } else if cursor.eat_all("nulls not distinct") || cursor.eat_all("nulls distinct") {
        } else if cursor.eat("tablespace") {
            cursor.name()?;
        } else if cursor.eat("where") {
            cursor.expr(&[])?;
            return Ok(false);
        } else {
            return Ok(true);
        }
    }
}

fn view(cursor: &mut Cursor<'_>, or_replace: bool, materialized: bool) -> Read<Change> {
    cursor.if_not_exists();
    let name = cursor.object_name()?;
    let query = cursor.remaining();
    cursor.rest()?;
    let (names, all_columns) = query::names(&query);
    Ok(Change::CreateView(CreateView {
        name,
        or_replace,
        materialized,
        reads: query::sources(&query),
        names,
        all_columns,
    }))
}

fn routine(cursor: &mut Cursor<'_>, or_replace: bool) -> Read<Change> {
    cursor.next();
    cursor.if_not_exists();
    let name = cursor.object_name()?;
    let mut volatility = Volatility::Volatile;
    while let Some(token) = cursor.next() {
        let stable = ["immutable", "stable"]
            .iter()
            .any(|word| token.is_word(cursor.text, word));
        if stable {
            volatility = Volatility::Stable;
        }
    }
    Ok(Change::CreateRoutine {
        name,
        volatility,
        or_replace,
    })
}

fn trigger(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.require("trigger")?;
    cursor.if_not_exists();
    let name = cursor.object_name()?;
    let mut table = None;
    while let Some(token) = cursor.next() {
        if token.is_word(cursor.text, "on") {
            table = cursor.object_name().ok();
            break;
        }
    }
    while cursor.next().is_some() {}
    if table.is_none() {
        cursor.fail("ON and a table")
    } else {
        Ok(Change::CreateTrigger {
            table,
            name: Some(name),
        })
    }
}

fn kind(cursor: &mut Cursor<'_>) -> Read<Change> {
    let name = cursor.object_name()?;
    let mut action = TypeAction::Other;
    if cursor.eat_all("as enum") {
        let mut inside = cursor.inside()?;
        let mut values = Vec::new();
        while let Some(token) = inside.next() {
            if token.kind == TokenKind::Text {
                values.push(token.span.of(cursor.text).trim_matches('\'').to_owned());
            }
        }
        action = TypeAction::CreateEnum { values };
    }
    cursor.rest()?;
    Ok(Change::Type { name, action })
}

fn domain(cursor: &mut Cursor<'_>) -> Read<Change> {
    let name = cursor.object_name()?;
    cursor.eat("as");
    let base = types::read(cursor)?;
    let mut constrained = false;
    while let Some(token) = cursor.next() {
        constrained |=
            token.is_word(cursor.text, "check") || (token.is_word(cursor.text, "not") && cursor.is("null"));
    }
    Ok(Change::Domain {
        name,
        action: DomainAction::Create { base, constrained },
    })
}

fn policy(cursor: &mut Cursor<'_>) -> Read<Change> {
    cursor.name()?;
    cursor.require("on")?;
    let table = cursor.object_name()?;
    let restrictive = cursor.eat_all("as restrictive");
    cursor.rest()?;
    Ok(Change::Policy { table, restrictive })
}

/// What may be in a schema's definition is read as what it is: here only the schema.
fn schema(cursor: &mut Cursor<'_>, span: Span) -> Read<Vec<Located>> {
    let if_not_exists = cursor.if_not_exists();
    let name = if cursor.is("authorization") {
        None
    } else {
        Some(cursor.object_name()?)
    };
    while cursor.next().is_some() {}
    Ok(vec![at(
        span,
        Change::Create {
            kind: ObjectKind::Schema,
            name,
            or_replace: false,
            if_not_exists,
        },
    )])
}

/// Things whose creation no reader or writer meets.
fn object(cursor: &mut Cursor<'_>, or_replace: bool) -> Read<Change> {
    let kinds: &[(&str, ObjectKind)] = &[
        ("sequence", ObjectKind::Sequence),
        ("database", ObjectKind::Database),
        ("extension", ObjectKind::Extension),
        ("role", ObjectKind::Role),
        ("user", ObjectKind::Role),
        ("group", ObjectKind::Role),
        ("rule", ObjectKind::Rule),
    ];
    let found = kinds
        .iter()
        .find(|(word, _)| cursor.eat(word))
        .map(|(_, kind)| *kind);
    let Some(kind) = found else {
        let other = cursor.eat_any(&[
            "collation",
            "publication",
            "subscription",
            "server",
            "statistics",
            "operator",
            "cast",
            "conversion",
            "language",
            "trusted",
            "procedural",
            "text",
            "access",
            "event",
            "tablespace",
            "transform",
            "default",
            "data",
            "virtual",
            "resource",
            "undo",
        ]);
        if other.is_none() && !cursor.is_any(&["mapping"]) {
            return cursor.fail("something that can be created");
        }
        // A trigger on events of the whole database runs with every later definition.
        while cursor.next().is_some() {}
        return Ok(Change::Create {
            kind: ObjectKind::Other,
            name: None,
            or_replace,
            if_not_exists: false,
        });
    };
    let if_not_exists = cursor.if_not_exists();
    let name = Some(cursor.object_name()?);
    if matches!(kind, ObjectKind::Rule) {
        while cursor.next().is_some() {}
    } else {
        cursor.rest()?;
    }
    Ok(Change::Create {
        kind,
        name,
        or_replace,
        if_not_exists,
    })
}
