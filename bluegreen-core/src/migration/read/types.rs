//! Reading the type of a column.

use super::cursor::{Cursor, Read};
use crate::migration::source::TokenKind;
use crate::migration::statement::SqlType;

pub(super) fn read(cursor: &mut Cursor<'_>) -> Read<SqlType> {
    cursor.eat("setof");
    let first = cursor.object_name()?;
    let builtin = first
        .schema
        .as_ref()
        .is_none_or(|schema| schema.as_str() == "pg_catalog");
    let mut kind = SqlType::default();
    let first = if builtin {
        first.name.as_str().to_owned()
    } else {
        first.to_string()
    };
    kind.name = match first.as_str() {
        "double" if cursor.eat("precision") => "double precision".to_owned(),
        "character" | "char" | "nchar" if cursor.eat("varying") => "varchar".to_owned(),
        "character" | "nchar" | "bpchar" => "char".to_owned(),
        "national" if cursor.eat_any(&["character", "char"]).is_some() => {
            if cursor.eat("varying") {
                "varchar".to_owned()
            } else {
                "char".to_owned()
            }
        }
        "national" if cursor.eat("varchar") => "varchar".to_owned(),
        "nvarchar" => "varchar".to_owned(),
        "bit" if cursor.eat("varying") => "varbit".to_owned(),
        "int4" | "integer" | "int" if cursor.is_postgres() => "integer".to_owned(),
        "integer" => "int".to_owned(),
        "int8" => "bigint".to_owned(),
        "int2" => "smallint".to_owned(),
        "float8" => "double precision".to_owned(),
        "float4" => "real".to_owned(),
        "float" if cursor.is_postgres() => float(cursor)?,
        "decimal" | "dec" if cursor.is_postgres() => "numeric".to_owned(),
        "numeric" | "dec" | "fixed" if cursor.is_mysql() => "decimal".to_owned(),
        "bool" => "boolean".to_owned(),
        "long" if cursor.eat("varchar") => "mediumtext".to_owned(),
        _ => first,
    };
    if cursor.is_symbol(b'(') {
        kind.args = arguments(cursor)?;
    }
    if matches!(kind.name.as_str(), "timestamp" | "time") {
        if cursor.eat_all("with time zone") {
            kind.name.push_str("tz");
        } else {
            cursor.eat_all("without time zone");
        }
    }
    if kind.name == "interval" {
        while cursor
            .eat_any(&["year", "month", "day", "hour", "minute", "second", "to"])
            .is_some()
        {}
        if cursor.is_symbol(b'(') {
            kind.args = arguments(cursor)?;
        }
    }
    // `char varying(10)` reads its length only now.
    if kind.args.is_empty() && cursor.is_symbol(b'(') && !cursor.is_postgres() {
        kind.args = arguments(cursor)?;
    }
    while let Some(word) = cursor.eat_any(&["unsigned", "signed", "zerofill"]) {
        kind.unsigned |= word != "signed";
    }
    if cursor.eat("array") {
        kind.dimensions = 1;
        bounds(cursor)?;
    }
    while cursor.is_symbol(b'[') {
        bounds(cursor)?;
        kind.dimensions = kind.dimensions.saturating_add(1);
    }
    // What SQLite takes as a type may have several words.
    if cursor.engine == crate::migration::Engine::Sqlite {
        while cursor.peek().is_some_and(|token| token.kind == TokenKind::Word) && !cursor.is_any(SQLITE_ENDS)
        {
            cursor.next();
        }
        if cursor.is_symbol(b'(') {
            kind.args = arguments(cursor)?;
        }
    }
    Ok(kind)
}

const SQLITE_ENDS: &[&str] = &[
    "constraint",
    "primary",
    "not",
    "null",
    "unique",
    "check",
    "default",
    "collate",
    "references",
    "generated",
    "as",
    "autoincrement",
    "on",
    "deferrable",
];

/// `float(1)` to `float(24)` is real.
fn float(cursor: &mut Cursor<'_>) -> Read<String> {
    let short = if cursor.is_symbol(b'(') {
        arguments(cursor)?
            .first()
            .and_then(|bits| bits.parse::<u8>().ok())
            .is_some_and(|bits| bits <= 24)
    } else {
        false
    };
    Ok(if short { "real" } else { "double precision" }.to_owned())
}

fn bounds(cursor: &mut Cursor<'_>) -> Read<()> {
    if cursor.symbol(b'[') {
        if cursor.peek().is_some_and(|token| token.kind == TokenKind::Number) {
            cursor.next();
        }
        cursor.require_symbol(b']', "]")?;
    }
    Ok(())
}

/// What stands in parentheses, separated by commas.
fn arguments(cursor: &mut Cursor<'_>) -> Read<Vec<String>> {
    let mut inside = cursor.inside()?;
    let mut all = Vec::new();
    while !inside.is_done() {
        let start = inside.span();
        while !inside.is_done() && !inside.is_symbol(b',') {
            inside.next();
        }
        all.push(inside.since(start).of(inside.text).to_owned());
        inside.symbol(b',');
    }
    Ok(all)
}
