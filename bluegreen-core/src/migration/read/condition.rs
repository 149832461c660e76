//! What a condition says of a row in which some columns are NULL.
//!
//! Source: PostgreSQL manual, logical operators (three values) and comparison functions. Only what is sure is
//! said: whatever the reader does not know is [`Truth::Open`].

use super::cursor::{Cursor, Read};
use crate::migration::Engine;
use crate::migration::source::{PieceKind, TokenKind, split};
use crate::migration::statement::Name;

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) enum Truth {
    True,
    /// A CHECK refuses the row.
    False,
    /// A CHECK lets the row pass, a WHERE does not take it.
    Null,
    /// It depends on what is not known here.
    Open,
}

/// Deeper parentheses are not looked into.
const DEPTH_MAX: u8 = 24;

/// Longer conditions are not looked at.
const BYTES_MAX: usize = 4096;

/// Functions that give NULL for NULL.
const STRICT: &[&str] = &[
    "abs",
    "array_length",
    "btrim",
    "cardinality",
    "ceil",
    "char_length",
    "character_length",
    "date_part",
    "floor",
    "json_typeof",
    "jsonb_typeof",
    "length",
    "lower",
    "ltrim",
    "octet_length",
    "round",
    "rtrim",
    "starts_with",
    "substr",
    "substring",
    "trim",
    "trunc",
    "upper",
];

/// What a condition comes to when these columns are NULL, and all others are anything.
pub(in crate::migration) fn when_null(text: &str, engine: Engine, is_null: &dyn Fn(&Name) -> bool) -> Truth {
    let mut truth = Truth::Open;
    if text.len() > BYTES_MAX {
        return truth;
    }
    let mut pieces = 0;
    split(text, engine, &mut |piece| {
        pieces += 1;
        if piece.kind == PieceKind::Sql {
            let cursor = &mut Cursor::new(text, engine, piece.tokens);
            let read = any(cursor, is_null, 0);
            truth = read.ok().filter(|_| cursor.is_done()).unwrap_or(Truth::Open);
        }
    });
    if pieces == 1 { truth } else { Truth::Open }
}

fn any(cursor: &mut Cursor<'_>, is_null: &dyn Fn(&Name) -> bool, depth: u8) -> Read<Truth> {
    let mut truth = all(cursor, is_null, depth)?;
    while cursor.eat("or") {
        truth = negated(both(negated(truth), negated(all(cursor, is_null, depth)?)));
    }
    Ok(truth)
}

fn all(cursor: &mut Cursor<'_>, is_null: &dyn Fn(&Name) -> bool, depth: u8) -> Read<Truth> {
    let mut truth = term(cursor, is_null, depth)?;
    while cursor.eat("and") {
        truth = both(truth, term(cursor, is_null, depth)?);
    }
    Ok(truth)
}

const fn both(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Truth::False, _) | (_, Truth::False) => Truth::False,
        (Truth::Open, _) | (_, Truth::Open) => Truth::Open,
        (Truth::Null, _) | (_, Truth::Null) => Truth::Null,
        (Truth::True, Truth::True) => Truth::True,
    }
}

const fn negated(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::False => Truth::True,
        other => other,
    }
}

fn known(truth: bool) -> Truth {
    if truth { Truth::True } else { Truth::False }
}

fn term(cursor: &mut Cursor<'_>, is_null: &dyn Fn(&Name) -> bool, depth: u8) -> Read<Truth> {
    if cursor.eat("not") {
        return term(cursor, is_null, depth).map(negated);
    }
    if cursor.is_symbol(b'(') && depth < DEPTH_MAX {
        let mut look = *cursor;
        let mut inside = look.inside()?;
        let whole = look.is_done() || look.is_any(&["and", "or"]);
        if whole {
            let truth = any(&mut inside, is_null, depth + 1)?;
            *cursor = look;
            return Ok(if inside.is_done() { truth } else { Truth::Open });
        }
    }
    if let Some(word) = cursor.eat_any(&["true", "false"])
        && (cursor.is_done() || cursor.is_any(&["and", "or"]))
    {
        return Ok(known(word == "true"));
    }
    if cursor.is_any(&["num_nonnulls", "num_nulls"]) {
        return counted(cursor, is_null);
    }
    compared(cursor, is_null)
}

/// `num_nonnulls(a, b) = 1`: decided when all of the columns are NULL.
fn counted(cursor: &mut Cursor<'_>, is_null: &dyn Fn(&Name) -> bool) -> Read<Truth> {
    let nulls = cursor.eat("num_nulls") || !cursor.eat("num_nonnulls");
    let mut inside = cursor.inside()?;
    let columns = inside.list(Cursor::object_name)?;
    let mut operator = String::new();
    while let Some(TokenKind::Symbol(symbol @ (b'=' | b'<' | b'>' | b'!'))) =
        cursor.peek().map(|token| token.kind)
    {
        operator.push(char::from(symbol));
        cursor.next();
    }
    let number = cursor
        .next()
        .and_then(|token| token.span.of(cursor.text).parse::<usize>().ok());
    let (true, Some(number)) = (columns.iter().all(|column| is_null(&column.name)), number) else {
        return Ok(Truth::Open);
    };
    let count = if nulls { columns.len() } else { 0 };
    Ok(match operator.as_str() {
        "=" => known(count == number),
        "<>" | "!=" => known(count != number),
        "<" => known(count < number),
        "<=" => known(count <= number),
        ">" => known(count > number),
        ">=" => known(count >= number),
        _ => Truth::Open,
    })
}

/// `a IS NOT NULL`, and comparisons, which are NULL when one side is.
fn compared(cursor: &mut Cursor<'_>, is_null: &dyn Fn(&Name) -> bool) -> Read<Truth> {
    let (mut null, mut strict, mut between) = (false, true, false);
    let mut depth = 0_u32;
    while let Some(token) = cursor.peek() {
        if depth == 0 {
            if cursor.is("or") || (cursor.is("and") && !between) {
                break;
            }
            let tests = cursor.eat_all("is not null") || cursor.eat("notnull");
            if tests || cursor.eat_all("is null") || cursor.eat("isnull") {
                let alone = cursor.is_done() || cursor.is_any(&["and", "or"]);
                let sure = null && strict && alone;
                return Ok(if sure { known(!tests) } else { Truth::Open });
            }
            between = cursor.is("between") || (between && !cursor.is("and"));
        }
        match token.kind {
            // What is within an expression is no condition of its own.
            TokenKind::Word if depth > 0 && cursor.is_any(&["and", "or", "isnull", "notnull"]) => {
                strict = false;
            }
            TokenKind::Word if cursor.is_any(&["is", "case", "select", "exists", "row"]) => strict = false,
            TokenKind::Word if cursor.is_any(WORDS) => {}
            TokenKind::Word | TokenKind::Quoted => {
                let name = cursor.object_name()?;
                if cursor.is_symbol(b'(') {
                    strict &= STRICT.contains(&name.name.as_str());
                } else {
                    null |= is_null(&name.name);
                }
                continue;
            }
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
            // An array that holds NULL is not NULL, and operators that are one bar or `?` are somebody's own.
            TokenKind::Symbol(b'[' | b'?' | b'#') | TokenKind::Broken(_) | TokenKind::Placeholder => {
                strict = false;
            }
            TokenKind::Symbol(b'|') => {
                if !cursor.ahead(1).is_some_and(|next| next.is_symbol(b'|')) {
                    strict = false;
                }
                cursor.next();
            }
            TokenKind::Symbol(_) | TokenKind::Text | TokenKind::Number => {}
        }
        cursor.next();
    }
    Ok(if null && strict { Truth::Null } else { Truth::Open })
}

/// Words of comparisons that name no column.
const WORDS: &[&str] = &[
    "not",
    "in",
    "like",
    "ilike",
    "similar",
    "to",
    "between",
    "and",
    "any",
    "all",
    "symmetric",
    "true",
    "false",
    "collate",
    "escape",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_is_said() {
        use Truth::{False, Null, Open, True};
        // `new` and `other` are NULL; `old` is anything.
        for (condition, truth) in [
            ("new IS NOT NULL", False),
            ("(((new is not null)))", False),
            ("new IS NULL", True),
            ("NOT (new IS NULL)", False),
            ("new IS NOT NULL AND old > 0", False),
            ("new IS NOT NULL OR old > 0", Open),
            ("new IS NOT NULL OR other IS NOT NULL", False),
            ("old IS NOT NULL", Open),
            ("new > 0", Null),
            ("length(new) < 10 AND new <> ''", Null),
            ("new BETWEEN 1 AND 10", Null),
            ("new BETWEEN 1 AND 10 AND other IS NOT NULL", False),
            ("new IN ('a', 'b') OR new IS NULL", True),
            ("\"new\" = ANY (ARRAY['a', 'b'])", Open),
            ("coalesce(new, 1) > 0", Open),
            ("new IS DISTINCT FROM old", Open),
            ("num_nonnulls(new, other) = 1", False),
            ("num_nonnulls(new, old) = 1", Open),
            ("num_nulls(new) = 0", False),
            ("CASE WHEN new IS NULL THEN false END", Open),
            ("(new IS NULL OR old > 0) = false", Open),
            ("new IS NULL = old", Open),
            ("true", True),
            ("new", Null),
            ("", Open),
            ("((", Open),
            ("a; b", Open),
        ] {
            let said = when_null(condition, Engine::Postgres, &|name| {
                matches!(name.as_str(), "new" | "other")
            });
            assert_eq!(said, truth, "{condition}");
        }
    }
}
