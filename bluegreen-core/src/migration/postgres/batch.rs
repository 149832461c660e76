//! A statement of a backfill, batch by batch along the primary key.

use std::fmt::Write;

use crate::migration::Engine;
use crate::migration::source::{Token, TokenKind, split};

/// An UPDATE or DELETE, taken apart where the batch's condition belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batches {
    /// As it is written: the table.
    pub table: String,
    /// What its columns are called by: its alias or name.
    qualifier: String,
    head: String,
    condition: Option<String>,
    tail: String,
}

/// A column of a primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    /// Quoted where it has to be.
    pub name: String,
    /// As the server writes it.
    pub kind: String,
}

impl Batches {
    pub(super) fn read(sql: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        split(sql, Engine::Postgres, &mut |piece| {
            tokens.extend_from_slice(piece.tokens);
        });
        taken_apart(sql, &tokens).ok_or_else(|| {
            "a backfill is an UPDATE or DELETE of one table, so that it can run in batches: it begins with that word"
                .to_owned()
        })
    }

    /// The key of the last row of the next batch. The key of the last one before are its parameters.
    pub(super) fn end_of_next(&self, key: &[KeyColumn], begun: bool, rows: u32) -> String {
        let names = names(key, "");
        let texts: Vec<_> = key
            .iter()
            .map(|column| format!("{}::text", column.name))
            .collect();
        let after = if begun {
            format!(" WHERE ({names}) > ({})", values(key, 1))
        } else {
            String::new()
        };
        let down: Vec<_> = key.iter().map(|column| format!("{} DESC", column.name)).collect();
        format!(
            "SELECT {} FROM (SELECT {names} FROM {}{after} ORDER BY {names} LIMIT {rows}) AS batch ORDER BY {} LIMIT 1",
            texts.join(", "),
            self.table,
            down.join(", "),
        )
    }

    /// The statement for one batch: its parameters are the key of its last row, and then that of the one
    /// before its first.
    pub(super) fn statement(&self, key: &[KeyColumn], begun: bool) -> String {
        let names = names(key, &format!("{}.", self.qualifier));
        // A comment may end what stands before.
        let mut sql = format!("{}\nWHERE ({names}) <= ({})", self.head, values(key, 1));
        if begun {
            let _ = write!(sql, " AND ({names}) > ({})", values(key, key.len() + 1));
        }
        if let Some(condition) = &self.condition {
            let _ = write!(sql, " AND ({condition}\n)");
        }
        let _ = write!(sql, " {}", self.tail);
        sql
    }
}

fn names(key: &[KeyColumn], before: &str) -> String {
    let names: Vec<_> = key
        .iter()
        .map(|column| format!("{before}{}", column.name))
        .collect();
    names.join(", ")
}

/// Parameters as texts, which every type can be read from.
fn values(key: &[KeyColumn], from: usize) -> String {
    let values: Vec<_> = key
        .iter()
        .enumerate()
        .map(|(at, column)| format!("${}::text::{}", from + at, column.kind))
        .collect();
    values.join(", ")
}

fn taken_apart(sql: &str, tokens: &[Token]) -> Option<Batches> {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(sql, word));
    let is_name = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))
    };
    let symbol = |at: usize, symbol: u8| tokens.get(at).is_some_and(|token| token.is_symbol(symbol));
    let mut at = match () {
        () if is(0, "update") => 1,
        () if is(0, "delete") && is(1, "from") => 2,
        () => return None,
    };
    at += usize::from(is(at, "only"));
    let first = tokens.get(at).filter(|_| is_name(at))?;
    while symbol(at + 1, b'.') && is_name(at + 2) {
        at += 2;
    }
    let last = tokens.get(at)?;
    let table = sql.get(first.span.start..last.span.end)?.to_owned();
    let mut qualifier = table.clone();
    at += 1;
    at += usize::from(symbol(at, b'*'));
    let named = is(at, "as");
    at += usize::from(named);
    if is_name(at)
        && !["set", "using", "where", "returning"]
            .iter()
            .any(|word| is(at, word))
    {
        tokens.get(at)?.span.of(sql).clone_into(&mut qualifier);
    } else if named {
        return None;
    }
    let mut depth = 0_i32;
    let mut filter = None;
    let mut returning = None;
    for token in tokens.get(at..)? {
        match token.kind {
            TokenKind::Symbol(b'(') => depth += 1,
            TokenKind::Symbol(b')') => depth -= 1,
            TokenKind::Word if depth == 0 && token.is_word(sql, "where") => {
                filter.get_or_insert(token.span);
            }
            TokenKind::Word if depth == 0 && token.is_word(sql, "returning") => {
                returning.get_or_insert(token.span.start);
            }
            _ => {}
        }
    }
    let last = tokens.last().map_or(sql.len(), |token| token.span.end);
    let end = returning.unwrap_or(last);
    let head_end = filter.map_or(end, |filter| filter.start);
    Some(Batches {
        table,
        qualifier,
        head: sql.get(..head_end)?.trim_end().to_owned(),
        condition: match filter {
            Some(filter) => Some(sql.get(filter.end..end)?.trim().to_owned()),
            None => None,
        },
        tail: sql.get(end..last)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(columns: &[(&str, &str)]) -> Vec<KeyColumn> {
        let column = |(name, kind): &(&str, &str)| KeyColumn {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
        };
        columns.iter().map(column).collect()
    }

    #[test]
    fn the_condition_of_the_batch_stands_before_that_of_the_statement() {
        let id = key(&[("id", "bigint")]);
        for (sql, expected) in [
            (
                "UPDATE t SET a = b WHERE a IS NULL OR b = 1",
                "UPDATE t SET a = b\nWHERE (t.id) <= ($1::text::bigint) AND (t.id) > ($2::text::bigint) AND (a IS NULL OR b = 1\n) ",
            ),
            (
                "UPDATE t SET a = b",
                "UPDATE t SET a = b\nWHERE (t.id) <= ($1::text::bigint) AND (t.id) > ($2::text::bigint) ",
            ),
            (
                "update only s.t as x set a = (select 1 from u where u.id = x.id) from v where v.id = x.id returning x.id",
                "update only s.t as x set a = (select 1 from u where u.id = x.id) from v\nWHERE (x.id) <= ($1::text::bigint) AND (x.id) > ($2::text::bigint) AND (v.id = x.id\n) returning x.id",
            ),
            (
                "DELETE FROM t -- old\nWHERE at < '2020-01-01' -- very",
                "DELETE FROM t -- old\nWHERE (t.id) <= ($1::text::bigint) AND (t.id) > ($2::text::bigint) AND (at < '2020-01-01'\n) ",
            ),
        ] {
            let made = Batches::read(sql).unwrap().statement(&id, true);
            assert_eq!(made, expected);
        }
    }

    #[test]
    fn a_key_of_several_columns_is_compared_as_a_row() {
        let two = key(&[("a", "int"), ("\"B\"", "text")]);
        let batches = Batches::read("UPDATE t SET c = 1").unwrap();
        assert_eq!(
            batches.end_of_next(&two, true, 10),
            "SELECT a::text, \"B\"::text FROM (SELECT a, \"B\" FROM t WHERE (a, \"B\") > ($1::text::int, $2::text::text) ORDER BY a, \"B\" LIMIT 10) AS batch ORDER BY a DESC, \"B\" DESC LIMIT 1"
        );
        assert_eq!(
            batches.statement(&two, false),
            "UPDATE t SET c = 1\nWHERE (t.a, t.\"B\") <= ($1::text::int, $2::text::text) "
        );
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused() {
        for sql in [
            "WITH x AS (SELECT 1) UPDATE t SET a = 1",
            "INSERT INTO t SELECT 1",
            "UPDATE",
            "DELETE t",
        ] {
            assert!(Batches::read(sql).is_err(), "{sql}");
        }
    }
}
