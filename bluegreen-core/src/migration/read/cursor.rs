//! Walking over the tokens of one statement.

use crate::migration::Engine;
use crate::migration::source::{Span, Token, TokenKind};
use crate::migration::statement::{Expr, Name, ObjectName};

/// Why a statement could not be read: what was expected, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub expected: &'static str,
    pub span: Span,
}

pub(super) type Read<T> = Result<T, Unread>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub text: &'a str,
    pub engine: Engine,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str, engine: Engine, tokens: &'a [Token]) -> Self {
        Self {
            text,
            engine,
            tokens,
            at: 0,
        }
    }

    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres)
    }

    pub(super) const fn is_mysql(&self) -> bool {
        self.engine.is_mysql_like()
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    pub(super) fn ahead(&self, by: usize) -> Option<Token> {
        self.tokens.get(self.at + by).copied()
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Where it stands: the span of the next token, or of the last one.
    pub(super) fn span(&self) -> Span {
        self.peek()
            .or_else(|| self.tokens.last().copied())
            .map_or_else(Span::default, |token| token.span)
    }

    /// From a place before to the last token that was read.
    pub(super) fn since(&self, start: Span) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(start, |last| start.to(last.span))
    }

    pub(super) fn fail<T>(&self, expected: &'static str) -> Read<T> {
        Err(Unread {
            expected,
            span: self.span(),
        })
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub(super) fn ahead_is(&self, by: usize, word: &str) -> bool {
        self.ahead(by).is_some_and(|token| token.is_word(self.text, word))
    }

    /// Whether the statement ends with this word.
    pub(super) fn last_is(&self, word: &str) -> bool {
        self.tokens
            .last()
            .is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    /// One of several words; which.
    pub(super) fn eat_any<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let found = words.iter().find(|word| self.is(word)).copied();
        self.at += usize::from(found.is_some());
        found
    }

    /// All of the words in order, separated by blanks; none when one of them is missing.
    pub(super) fn eat_all(&mut self, words: &str) -> bool {
        let mut count = 0;
        for word in words.split(' ') {
            if !self.ahead_is(count, word) {
                return false;
            }
            count += 1;
        }
        self.at += count;
        true
    }

    pub(super) fn require(&mut self, word: &'static str) -> Read<()> {
        if self.eat_all(word) {
            Ok(())
        } else {
            self.fail(word)
        }
    }

    pub(super) fn is_symbol(&self, symbol: u8) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub(super) fn symbol(&mut self, symbol: u8) -> bool {
        let is = self.is_symbol(symbol);
        self.at += usize::from(is);
        is
    }

    pub(super) fn require_symbol(&mut self, symbol: u8, expected: &'static str) -> Read<()> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            self.fail(expected)
        }
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_all("if exists")
    }

    pub(super) fn if_not_exists(&mut self) -> bool {
        self.eat_all("if not exists")
    }

    pub(super) fn name(&mut self) -> Read<Name> {
        let Some(token) = self.peek() else {
            return self.fail("a name");
        };
        let text = token.span.of(self.text);
        let name = match token.kind {
            TokenKind::Word => Self::folded(text),
            TokenKind::Quoted => self.unquoted(text),
            // MySQL takes a name in single quotes for an index or a constraint here and there.
            TokenKind::Text if self.engine == Engine::Sqlite || self.is_mysql() => {
                Self::folded(text.trim_matches(['\'', '"']))
            }
            _ => return self.fail("a name"),
        };
        self.at += 1;
        Ok(name)
    }

    fn folded(text: &str) -> Name {
        Name::new(if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            text.to_lowercase()
        })
    }

    fn unquoted(&self, text: &str) -> Name {
        let text = text
            .strip_prefix("U&")
            .or_else(|| text.strip_prefix("u&"))
            .unwrap_or(text);
        let quote = text.chars().next().unwrap_or('"');
        let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        let inside = if inside.contains(quote) {
            inside.replace(&format!("{quote}{quote}"), &quote.to_string())
        } else {
            inside.to_owned()
        };
        // Only PostgreSQL tells `"A"` from `a`.
        if self.is_postgres() {
            Name::new(inside)
        } else {
            Self::folded(&inside)
        }
    }

    /// `schema.name`; of `database.schema.name` the last two.
    pub(super) fn object_name(&mut self) -> Read<ObjectName> {
        let start = self.span();
        let mut name = self.name()?;
        let mut schema = None;
        while self.symbol(b'.') {
            schema = Some(std::mem::replace(&mut name, self.name()?));
        }
        Ok(ObjectName {
            schema,
            name,
            span: self.since(start),
        })
    }

    /// One or more things, separated by commas.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.symbol(b',') {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// `(a, b)`: names in parentheses.
    pub(super) fn names(&mut self) -> Read<Vec<Name>> {
        self.require_symbol(b'(', "(")?;
        let names = self.list(|cursor| {
            let mut name = cursor.name()?;
            // PostgreSQL 18: `PERIOD at` in a foreign key over time.
            if name.as_str() == "period" && !cursor.is_symbol(b',') && !cursor.is_symbol(b')') {
                name = cursor.name()?;
            }
            // MySQL: the length of a prefix, an order.
            if cursor.is_symbol(b'(') {
                cursor.parentheses()?;
            }
            cursor.eat_any(&["asc", "desc"]);
            cursor.eat_all("without overlaps");
            Ok(name)
        })?;
        self.require_symbol(b')', ")")?;
        Ok(names)
    }

    /// The columns of an index: only those that are plain.
    pub(super) fn index_columns(&mut self) -> Read<Vec<Name>> {
        self.index_parts().map(|(names, _)| names)
    }

    /// The same, and whether all of them are plain.
    pub(super) fn index_parts(&mut self) -> Read<(Vec<Name>, bool)> {
        let mut inside = self.inside()?;
        let mut names = Vec::new();
        let mut parts = 0;
        while !inside.is_done() {
            let plain = inside.name().ok().filter(|_| !inside.is_symbol(b'.'));
            let prefix = inside.is_symbol(b'(');
            // `lower(name)` is an expression; `name(10)` a prefix in MySQL.
            if let Some(name) = plain.filter(|_| !prefix || inside.is_mysql()) {
                names.push(name);
            }
            parts += 1;
            inside.skip_to_comma();
        }
        let plain = parts == names.len();
        Ok((names, plain))
    }

    /// A cursor over what stands in the parentheses that begin here; this one goes on after them.
    pub(super) fn inside(&mut self) -> Read<Cursor<'a>> {
        let start = self.at + 1;
        self.parentheses()?;
        let tokens = self.tokens.get(start..self.at - 1).unwrap_or_default();
        Ok(Cursor {
            text: self.text,
            engine: self.engine,
            tokens,
            at: 0,
        })
    }

    /// Whatever stands in the parentheses that begin here; its span with them.
    pub(super) fn parentheses(&mut self) -> Read<Span> {
        if !self.is_symbol(b'(') {
            return self.fail("(");
        }
        let start = self.span();
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(self.since(start));
            }
        }
        self.fail("a closing )")
    }

    /// Skips the rest of an item of a list, and the comma.
    pub(super) fn skip_to_comma(&mut self) {
        let mut depth = 0_i32;
        while let Some(token) = self.next() {
            match token.kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth -= 1,
                TokenKind::Symbol(b',') if depth == 0 => return,
                _ => {}
            }
        }
    }

    /// Skips the rest; its parentheses must be balanced.
    pub(super) fn rest(&mut self) -> Read<()> {
        let mut depth = 0_i32;
        while let Some(token) = self.next() {
            match token.kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                break;
            }
        }
        if depth == 0 && self.is_done() {
            Ok(())
        } else {
            self.fail("balanced parentheses")
        }
    }

    /// Everything up to the end, as a sub-cursor that looks from the beginning again.
    pub(super) fn remaining(&self) -> Cursor<'a> {
        Cursor {
            text: self.text,
            engine: self.engine,
            tokens: self.tokens.get(self.at..).unwrap_or_default(),
            at: 0,
        }
    }

    /// An expression: everything up to a comma, a closing parenthesis or one of the words, outside of
    /// parentheses. Its first token is never one of the words.
    pub(super) fn expr(&mut self, until: &[&str]) -> Read<Expr> {
        let begin = self.at;
        let start = self.span();
        let mut calls = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token.kind {
                TokenKind::Symbol(b',' | b')') if depth == 0 => break,
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth -= 1,
                TokenKind::Word if depth == 0 && self.at > begin && self.is_any(until) => break,
                TokenKind::Word | TokenKind::Quoted
                    if self.ahead(1).is_some_and(|next| next.is_symbol(b'('))
                        && !self.is_any(NO_CALL)
                        && !self.follows_cast() =>
                {
                    calls.push(
                        token
                            .span
                            .of(self.text)
                            .trim_matches(['"', '`'])
                            .to_ascii_lowercase(),
                    );
                }
                _ => {}
            }
            self.at += 1;
        }
        if self.at == begin {
            return self.fail("an expression");
        }
        if depth > 0 {
            return self.fail("a closing )");
        }
        let tokens = self.tokens.get(begin..self.at).unwrap_or_default();
        Ok(Expr {
            text: self.since(start).of(self.text).to_owned(),
            calls,
            not_null: Cursor {
                text: self.text,
                engine: self.engine,
                tokens,
                at: 0,
            }
            .not_null_columns(),
        })
    }

    /// `::varchar(10)` calls nothing.
    fn follows_cast(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .is_some_and(|token| token.is_symbol(b':'))
    }

    /// The columns that a condition says are not NULL: `a IS NOT NULL`, alone or joined by AND.
    fn not_null_columns(mut self) -> Vec<Name> {
        // Parentheses around the whole.
        // Each look walks through all of it, so that there are not many.
        for _ in 0..PARENTHESES_MAX {
            let mut look = self;
            match look.inside() {
                Ok(inside) if look.is_done() => self = inside,
                _ => break,
            }
        }
        let mut found = Vec::new();
        let mut depth = 0_i32;
        let mut begins_term = true;
        while let Some(token) = self.peek() {
            match token.kind {
                TokenKind::Symbol(b'(') => {
                    // `(a IS NOT NULL)` as one of the terms.
                    let mut look = self;
                    if begins_term
                        && depth == 0
                        && let Ok(inside) = look.inside()
                        && (look.is_done() || look.is("and"))
                        && inside.tokens.len() <= 6
                    {
                        found.extend(inside.not_null_columns());
                        self = look;
                        continue;
                    }
                    depth += 1;
                }
                TokenKind::Symbol(b')') => depth -= 1,
                TokenKind::Word if depth == 0 && self.is("or") => return Vec::new(),
                _ if depth == 0 && begins_term => {
                    let mut look = self;
                    if let Ok(name) = look.object_name()
                        && look.eat_all("is not null")
                        && (look.is_done() || look.is("and") || look.is("or"))
                    {
                        found.push(name.name);
                        self = look;
                        begins_term = false;
                        continue;
                    }
                }
                _ => {}
            }
            begins_term = depth == 0 && self.is("and");
            self.at += 1;
        }
        found
    }
}

/// More parentheses than these around a whole condition are not looked through.
const PARENTHESES_MAX: usize = 8;

/// Words before a parenthesis that are no functions.
const NO_CALL: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "any",
    "all",
    "some",
    "exists",
    "between",
    "like",
    "ilike",
    "values",
    "select",
    "from",
    "where",
    "as",
    "on",
    "using",
    "when",
    "then",
    "else",
    "case",
    "default",
    "check",
    "over",
    "filter",
    "then",
    "numeric",
    "varchar",
    "char",
    "decimal",
    "timestamp",
    "time",
    "interval",
    "bit",
    "with",
    "union",
    "array",
    "varying",
];
