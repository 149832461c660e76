//! The tolerant lexer: every text has tokens, and it reads each byte a bounded number of times.

use super::{Span, Token, TokenKind};
use crate::migration::Engine;

/// How many dollar quotes with no end are looked for. Each costs a look through the whole rest.
const UNENDED_DOLLAR_QUOTES_MAX: u8 = 16;

/// What the lexer hands out: a token, or a comment, which the splitter reads for what it tells us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// A token of a statement.
    Token(Token),
    /// A comment with its marks.
    Comment(Span),
}

/// Reads a text lexeme by lexeme.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    engine: Engine,
    at: usize,
    /// What ends a statement instead of `;`. It ends a word, too: `END$$`.
    pub(super) delimiter: Option<&'a str>,
    /// Inside `/*! … */`, whose content MySQL executes.
    executable_comment: bool,
    /// Quotes of which the rest of the text is known to hold no closing one.
    unended: Vec<u8>,
    unended_dollar_quotes: u8,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str, engine: Engine) -> Self {
        Self {
            text,
            engine,
            at: 0,
            delimiter: None,
            executable_comment: false,
            unended: Vec::new(),
            unended_dollar_quotes: 0,
        }
    }

    /// Where the next lexeme is looked for.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Goes on from another place, which lies ahead.
    pub(super) fn skip_to(&mut self, position: usize) {
        self.at = self.at.max(position).min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The end of the line in which the lexer stands.
    fn line_end(&self) -> usize {
        self.rest().find('\n').map_or(self.text.len(), |at| self.at + at)
    }

    pub(super) fn next(&mut self) -> Option<Lexeme> {
        loop {
            let start = self.at;
            let first = self.byte(0)?;
            let second = self.byte(1);
            let mysql = self.engine.is_mysql_like();
            match first {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                // A byte order mark.
                0xef if self.rest().starts_with('\u{feff}') => self.at += 3,
                b'-' if second == Some(b'-') => {
                    self.at = self.line_end();
                    return Some(self.comment(start));
                }
                b'#' if mysql => {
                    self.at = self.line_end();
                    return Some(self.comment(start));
                }
                b'/' if second == Some(b'*') && mysql && self.starts_executable_comment() => {}
                b'/' if second == Some(b'*') => {
                    return Some(self.block_comment(start));
                }
                b'*' if second == Some(b'/') && self.executable_comment => {
                    self.executable_comment = false;
                    self.at += 2;
                }
                _ => return Some(self.token(start, first)),
            }
        }
    }

    const fn comment(&self, start: usize) -> Lexeme {
        Lexeme::Comment(Span::new(start, self.at))
    }

    /// Steps into `/*!40101` or `/*M!`, whose content is executed.
    fn starts_executable_comment(&mut self) -> bool {
        let rest = self.rest();
        let Some(inside) = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!")) else {
            return false;
        };
        let inside = inside.trim_start_matches(|c: char| c.is_ascii_digit());
        self.at = self.text.len() - inside.len();
        self.executable_comment = true;
        true
    }

    fn block_comment(&mut self, start: usize) -> Lexeme {
        let nested = self.engine == Engine::Postgres;
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        let mut at = start;
        if self.unended.contains(&b'*') {
            at = bytes.len();
        }
        while let Some(byte) = bytes.get(at) {
            let next = bytes.get(at + 1);
            if *byte == b'/' && next == Some(&b'*') && (nested || depth == 0) {
                depth += 1;
                at += 2;
            } else if *byte == b'*' && next == Some(&b'/') {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    self.at = at;
                    return self.comment(start);
                }
            } else {
                at += 1;
            }
        }
        self.unended.push(b'*');
        self.at = start;
        Lexeme::Token(self.broken_line(start, "a comment that does not end"))
    }

    /// What has no end is given up to the end of its line, so that it does not swallow the file.
    fn broken_line(&mut self, start: usize, why: &'static str) -> Token {
        self.at = self.line_end().max(start + 1);
        // A `;` at the end of the line still ends the statement.
        let line = self.text.get(start..self.at).unwrap_or_default().trim_end();
        if line.len() > 1 && line.ends_with(';') {
            self.at = start + line.len() - 1;
        }
        self.ended(start, TokenKind::Broken(why))
    }

    const fn ended(&self, start: usize, kind: TokenKind) -> Token {
        Token {
            kind,
            span: Span::new(start, self.at),
        }
    }

    fn token(&mut self, start: usize, first: u8) -> Lexeme {
        let mysql = self.engine.is_mysql_like();
        let second = self.byte(1);
        let token = match first {
            b'\'' => self.quoted(start, 0, first, mysql, TokenKind::Text),
            b'"' if mysql => self.quoted(start, 0, first, true, TokenKind::Text),
            b'"' => self.quoted(start, 0, first, false, TokenKind::Quoted),
            b'`' if self.engine != Engine::Postgres => self.quoted(start, 0, first, false, TokenKind::Quoted),
            b'[' if self.engine == Engine::Sqlite => self.quoted(start, 0, b']', false, TokenKind::Quoted),
            b'e' | b'E' if second == Some(b'\'') && self.engine == Engine::Postgres => {
                self.quoted(start, 1, b'\'', true, TokenKind::Text)
            }
            b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if second == Some(b'\'') => {
                self.quoted(start, 1, b'\'', mysql, TokenKind::Text)
            }
            b'u' | b'U' if second == Some(b'&') && self.byte(2) == Some(b'\'') => {
                self.quoted(start, 2, b'\'', false, TokenKind::Text)
            }
            b'u' | b'U' if second == Some(b'&') && self.byte(2) == Some(b'"') => {
                self.quoted(start, 2, b'"', false, TokenKind::Quoted)
            }
            b'$' if second == Some(b'{') && self.template().is_some() => self.word(start),
            b'$' if self.engine == Engine::Postgres => self.dollar(start),
            b':' if self.engine == Engine::Postgres && !self.follows(start, b':') => self.variable(start),
            b'0'..=b'9' => self.number(start),
            b'.' if second.is_some_and(|b| b.is_ascii_digit()) && !self.follows_name(start) => {
                self.number(start)
            }
            b'?' if self.engine != Engine::Postgres => self.one(start, TokenKind::Placeholder),
            b'@' if mysql => {
                self.at += 1;
                self.while_word();
                self.ended(start, TokenKind::Placeholder)
            }
            _ if is_word_start(first) => self.word(start),
            0x21..=0x7e => self.one(start, TokenKind::Symbol(first)),
            _ => self.one(start, TokenKind::Broken("a control character")),
        };
        Lexeme::Token(token)
    }

    fn one(&mut self, start: usize, kind: TokenKind) -> Token {
        self.at = start + 1;
        self.ended(start, kind)
    }

    fn follows_name(&self, start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        before.is_some_and(|b| is_word_part(*b) || matches!(b, b'"' | b'`' | b']' | b')'))
    }

    fn follows(&self, start: usize, byte: u8) -> bool {
        let before = start.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        before == Some(&byte)
    }

    /// How long the place is that stands here for a name, as Flyway writes it: `${schema}`.
    fn template(&self) -> Option<usize> {
        let inside = self.rest().strip_prefix("${")?;
        let name = inside.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-')))?;
        (name > 0 && inside.as_bytes().get(name) == Some(&b'}')).then_some(name + "${}".len())
    }

    /// A variable of psql: `:name` and `:"name"` stand for a name, `:'name'` for a text.
    fn variable(&mut self, start: usize) -> Token {
        match self.byte(1) {
            Some(b'"') => self.quoted(start, 1, b'"', false, TokenKind::Word),
            Some(b'\'') => self.quoted(start, 1, b'\'', false, TokenKind::Text),
            Some(second) if is_word_start(second) => {
                self.at += 1;
                self.word(start)
            }
            _ => self.one(start, TokenKind::Symbol(b':')),
        }
    }

    fn while_word(&mut self) {
        while self.byte(0).is_some_and(is_word_part)
            && !self
                .delimiter
                .is_some_and(|delimiter| self.rest().starts_with(delimiter))
        {
            let template = (self.byte(0) == Some(b'$')).then(|| self.template()).flatten();
            self.at += template.unwrap_or(1);
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
        }
    }

    fn word(&mut self, start: usize) -> Token {
        self.while_word();
        let text = Span::new(start, self.at).of(self.text);
        let kind = if text.contains('\u{fffd}') {
            TokenKind::Broken("bytes that are not UTF-8")
        } else {
            TokenKind::Word
        };
        self.ended(start, kind)
    }

    fn number(&mut self, start: usize) -> Token {
        while self.byte(0).is_some_and(|b| is_word_part(b) || b == b'.') {
            self.at += 1;
        }
        self.ended(start, TokenKind::Number)
    }

    /// What stands between quotes; `prefix` bytes stand before the opening one.
    fn quoted(&mut self, start: usize, prefix: usize, close: u8, backslash: bool, kind: TokenKind) -> Token {
        let bytes = self.text.as_bytes();
        let mut at = start + prefix + 1;
        if self.unended.contains(&close) {
            return self.broken_line(start, "a quote that is not closed");
        }
        while let Some(byte) = bytes.get(at) {
            if *byte == b'\\' && backslash {
                at += 2;
            } else if *byte == close {
                if bytes.get(at + 1) == Some(&close) && close != b']' {
                    at += 2;
                } else {
                    self.at = at + 1;
                    return self.ended(start, kind);
                }
            } else {
                at += 1;
            }
        }
        self.unended.push(close);
        self.broken_line(start, "a quote that is not closed")
    }

    /// `$1`, `$$ … $$` or `$tag$ … $tag$`.
    fn dollar(&mut self, start: usize) -> Token {
        let rest = self.rest();
        let tag = rest.get(1..).map_or(0, |after| {
            after
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(after.len())
        });
        let opens = self.byte(1 + tag) == Some(b'$') && !self.byte(1).is_some_and(|b| b.is_ascii_digit());
        if !opens {
            self.at += 1;
            self.while_word();
            return self.ended(start, TokenKind::Placeholder);
        }
        let quote = rest.get(..tag + 2).unwrap_or_default();
        let inside = start + quote.len();
        let end = (self.unended_dollar_quotes < UNENDED_DOLLAR_QUOTES_MAX)
            .then(|| self.text.get(inside..).and_then(|inside| inside.find(quote)))
            .flatten();
        if let Some(end) = end {
            self.at = inside + end + quote.len();
            return self.ended(start, TokenKind::Text);
        }
        self.unended_dollar_quotes = self.unended_dollar_quotes.saturating_add(1);
        self.broken_line(start, "a dollar quote that is not closed")
    }
}

const fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn is_word_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
