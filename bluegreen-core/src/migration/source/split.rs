//! The tolerant splitter: statements with their tokens, one by one.
//!
//! It follows what the clients do: `psql` (dollar quotes, meta-commands, `COPY` data), `mysql` (`DELIMITER`,
//! executable comments), and bodies of functions and triggers that hold `;`. What is broken is given up for
//! its own statement only.

use super::directive::Directive;
use super::lexer::{Lexeme, Lexer};
use super::{Allowance, Marker, Span, Token, TokenKind, laravel};
use crate::migration::Engine;

/// What a piece of a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) enum PieceKind {
    /// A statement.
    Sql,
    /// A command of `psql`, which begins with a backslash.
    Meta,
    /// A migration tool's comment.
    Marker(Marker),
}

/// A piece of a script.
#[derive(Debug)]
pub(in crate::migration) struct Piece<'t> {
    pub kind: PieceKind,
    pub span: Span,
    pub tokens: &'t [Token],
    pub allowances: Vec<Allowance>,
}

/// Splits a script, and hands out one piece after the other.
pub(in crate::migration) fn split(text: &str, engine: Engine, each: &mut dyn FnMut(Piece<'_>)) {
    if let Some(statements) = laravel::statements(text) {
        for span in statements {
            let until_end = text.get(..span.end).unwrap_or_default();
            Splitter::new(until_end, engine, span.start).run(each);
        }
    } else {
        Splitter::new(text, engine, 0).run(each);
    }
}

/// Splits a part of a script: the body of a block.
pub(in crate::migration) fn split_within(
    text: &str,
    engine: Engine,
    part: Span,
    each: &mut dyn FnMut(Piece<'_>),
) {
    let until_end = text.get(..part.end).unwrap_or_default();
    Splitter::new(until_end, engine, part.start).run(each);
}

/// What sets the delimiter of the `mysql` client.
const DELIMITER: &str = "delimiter";

/// More comments that allow something are not remembered for one statement.
const ALLOWANCES_MAX: usize = 64;

#[derive(Debug)]
struct Splitter<'a> {
    text: &'a str,
    engine: Engine,
    lexer: Lexer<'a>,
    tokens: Vec<Token>,
    allowances: Vec<Allowance>,
    /// In a section that takes the migration back.
    down: bool,
    /// Between the markers that say where a statement begins and ends.
    whole: bool,
    body: Body,
}

/// The body of a function or trigger, whose `;` do not end the statement.
#[derive(Debug, Default)]
struct Body {
    depth: u32,
    after_end: bool,
    /// Where the first `;` in it stood: from there it goes on when the body has no end.
    first_semicolon: Option<usize>,
    /// A body without an end was met once: from then on `;` ends a statement.
    distrusted: bool,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, engine: Engine, start: usize) -> Self {
        let mut lexer = Lexer::new(text, engine);
        lexer.skip_to(start);
        Self {
            text,
            engine,
            lexer,
            tokens: Vec::new(),
            allowances: Vec::new(),
            down: false,
            whole: false,
            body: Body::default(),
        }
    }

    fn run(mut self, each: &mut dyn FnMut(Piece<'_>)) {
        loop {
            if self.tokens.is_empty() && self.line_command(each) {
                continue;
            }
            if self.at_delimiter() {
                self.finish(each);
                continue;
            }
            match self.lexer.next() {
                Some(Lexeme::Comment(span)) => self.comment(span, each),
                Some(Lexeme::Token(token)) => self.token(token, each),
                None if self.body.depth > 0 => self.resume_in_body(),
                None => break,
            }
        }
        self.finish(each);
    }

    /// A body has no end: what was read of it up to its first `;` is one statement, the rest is read anew.
    fn resume_in_body(&mut self) {
        let from = self.body.first_semicolon;
        self.body = Body {
            distrusted: true,
            ..Body::default()
        };
        if let Some(from) = from {
            let mut lexer = Lexer::new(self.text, self.engine);
            lexer.skip_to(from);
            self.lexer = lexer;
            self.tokens.retain(|token| token.span.start < from);
        }
    }

    fn comment(&mut self, span: Span, each: &mut dyn FnMut(Piece<'_>)) {
        match Directive::read(self.text, span) {
            Some(Directive::Allow(allowance)) if self.allowances.len() < ALLOWANCES_MAX => {
                self.allowances.push(allowance);
            }
            Some(Directive::StatementBegin) => self.whole = true,
            Some(Directive::StatementEnd) => {
                self.whole = false;
                self.finish(each);
            }
            Some(Directive::Marker(marker)) => {
                self.finish(each);
                self.down = marker == Marker::Down;
                each(Piece {
                    kind: PieceKind::Marker(marker),
                    span,
                    tokens: &[],
                    allowances: Vec::new(),
                });
            }
            Some(Directive::Allow(_)) | None => {}
        }
    }

    fn token(&mut self, token: Token, each: &mut dyn FnMut(Piece<'_>)) {
        if token.is_symbol(b';') && self.lexer.delimiter.is_none() && !self.whole && !self.inside_rule() {
            if self.body.depth == 0 {
                self.finish(each);
                return;
            }
            self.body.first_semicolon.get_or_insert(token.span.start);
        }
        if token.kind == TokenKind::Word {
            self.follow_body(token);
        } else {
            self.body.after_end = false;
        }
        self.tokens.push(token);
    }

    /// Whether it stands in the parentheses of `CREATE RULE … DO (a; b)`.
    fn inside_rule(&self) -> bool {
        let is = |at: usize, word| {
            self.tokens
                .get(at)
                .is_some_and(|token| token.is_word(self.text, word))
        };
        // Each `;` looks at what was read so far: a bound keeps that linear.
        if self.tokens.len() > 1_000
            || self.engine != Engine::Postgres
            || !is(0, "create")
            || !(is(1, "rule") || is(3, "rule"))
        {
            return false;
        }
        let depth: i32 = self
            .tokens
            .iter()
            .map(|token| i32::from(token.is_symbol(b'(')) - i32::from(token.is_symbol(b')')))
            .sum();
        depth > 0
    }

    fn follow_body(&mut self, token: Token) {
        if self.body.distrusted || self.lexer.delimiter.is_some() {
            return;
        }
        let is = |word| token.is_word(self.text, word);
        let after_end = std::mem::take(&mut self.body.after_end);
        if after_end && ["if", "loop", "while", "repeat", "for"].into_iter().any(is) {
            // `END IF` closes what was not counted as opened.
            self.body.depth += 1;
        } else if self.body.depth == 0 {
            let opens = match self.engine {
                // `BEGIN ATOMIC`, since PostgreSQL 14.
                Engine::Postgres => {
                    is("atomic")
                        && self
                            .tokens
                            .last()
                            .is_some_and(|token| token.is_word(self.text, "begin"))
                }
                _ => is("begin"),
            };
            if opens && self.creates_routine() {
                self.body.depth = 1;
                self.body.first_semicolon = None;
            }
        } else if is("end") {
            self.body.depth -= 1;
            self.body.after_end = true;
        } else if !after_end && (is("begin") || is("case")) {
            self.body.depth += 1;
        }
    }

    fn creates_routine(&self) -> bool {
        let mut head = self.tokens.iter().take(12);
        head.next()
            .is_some_and(|token| token.is_word(self.text, "create"))
            && head.any(|token| {
                ["trigger", "function", "procedure", "event"]
                    .iter()
                    .any(|word| token.is_word(self.text, word))
            })
    }

    fn at_delimiter(&mut self) -> bool {
        let Some(delimiter) = self.lexer.delimiter else {
            return false;
        };
        let position = self.lexer.position();
        let rest = self.text.get(position..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let found = rest.get(blank..).is_some_and(|rest| rest.starts_with(delimiter));
        if found {
            self.lexer.skip_to(position + blank + delimiter.len());
        }
        found
    }

    /// What takes a whole line where a statement could begin: `\connect`, `DELIMITER //`.
    fn line_command(&mut self, each: &mut dyn FnMut(Piece<'_>)) -> bool {
        let position = self.lexer.position();
        let rest = self.text.get(position..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let start = position + rest.len() - trimmed.len();
        // The line is only looked for where there is one: most statements stand in a long one of many.
        let line = || trimmed.split('\n').next().unwrap_or_default();
        if self.engine == Engine::Postgres && trimmed.starts_with('\\') {
            let line = line();
            self.lexer.skip_to(start + line.len());
            let allowances = std::mem::take(&mut self.allowances);
            if !self.down {
                let span = Span::new(start, start + line.trim_end().len());
                each(Piece {
                    kind: PieceKind::Meta,
                    span,
                    tokens: &[],
                    allowances,
                });
            }
            return true;
        }
        let word = trimmed.split_at_checked(DELIMITER.len());
        if self.engine.is_mysql_like()
            && let Some((word, after)) = word
            && word.eq_ignore_ascii_case(DELIMITER)
            && after.starts_with([' ', '\t'])
        {
            let line = line();
            let delimiter = line.get(DELIMITER.len()..).unwrap_or_default().trim();
            self.lexer.delimiter = (delimiter != ";" && !delimiter.is_empty()).then_some(delimiter);
            self.lexer.skip_to(start + line.len());
            return true;
        }
        false
    }

    fn finish(&mut self, each: &mut dyn FnMut(Piece<'_>)) {
        self.body = Body {
            distrusted: self.body.distrusted,
            ..Body::default()
        };
        let (Some(first), Some(last)) = (self.tokens.first(), self.tokens.last()) else {
            return;
        };
        let span = first.span.to(last.span);
        let allowances = std::mem::take(&mut self.allowances);
        if !self.down {
            each(Piece {
                kind: PieceKind::Sql,
                span,
                tokens: &self.tokens,
                allowances,
            });
        }
        if self.copies_from_stdin() {
            self.skip_copy_data();
        }
        self.tokens.clear();
    }

    fn copies_from_stdin(&self) -> bool {
        let is = |token: &Token, word| token.is_word(self.text, word);
        self.engine == Engine::Postgres
            && self.tokens.first().is_some_and(|token| is(token, "copy"))
            && self.tokens.windows(2).any(|pair| match pair {
                [from, stdin] => is(from, "from") && is(stdin, "stdin"),
                _ => false,
            })
    }

    /// The rows that follow `COPY … FROM stdin;`, up to the line `\.`.
    fn skip_copy_data(&mut self) {
        let position = self.lexer.position();
        let rest = self.text.get(position..).unwrap_or_default();
        let mut end = position;
        for line in rest.split_inclusive('\n') {
            end += line.len();
            if line.trim_end() == "\\." {
                break;
            }
        }
        self.lexer.skip_to(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, engine: Engine) -> Vec<String> {
        let mut pieces = Vec::new();
        split(text, engine, &mut |piece| {
            pieces.push(piece.span.of(text).to_owned());
        });
        pieces
    }

    #[test]
    fn statements_end_where_the_client_ends_them() {
        let postgres = Engine::Postgres;
        for (engine, text, expected) in [
            (postgres, "a; b ;; c", vec!["a", "b", "c"]),
            (postgres, "select ';'; b", vec!["select ';'", "b"]),
            (postgres, "do $$ a; b $$; c", vec!["do $$ a; b $$", "c"]),
            (postgres, "do $x$ $$ ; $$ $x$; c", vec!["do $x$ $$ ; $$ $x$", "c"]),
            (
                postgres,
                "a -- ;\n b; /* ; /* ; */ ; */ c",
                vec!["a -- ;\n b", "c"],
            ),
            (
                postgres,
                "\\set x 1\nselect 1;\n\\i b.sql\n",
                vec!["\\set x 1", "select 1", "\\i b.sql"],
            ),
            (
                postgres,
                "copy t from stdin;\n1;2\n\\.\nselect 1;",
                vec!["copy t from stdin", "select 1"],
            ),
            (
                postgres,
                "create function f() begin atomic select 1; select case when a then b end; end; c",
                vec![
                    "create function f() begin atomic select 1; select case when a then b end; end",
                    "c",
                ],
            ),
            (
                postgres,
                "create rule r as on insert to t do (a; b); c",
                vec!["create rule r as on insert to t do (a; b)", "c"],
            ),
            (
                Engine::Mysql,
                "delimiter //\na; b//\ndelimiter ;\nc; d",
                vec!["a; b", "c", "d"],
            ),
            (
                Engine::Mysql,
                "create trigger t before insert on a for each row begin if x then set y = 1; end if; end; c",
                vec![
                    "create trigger t before insert on a for each row begin if x then set y = 1; end if; end",
                    "c",
                ],
            ),
            (
                Engine::Mysql,
                "/*!40101 SET a = 1 */; select 'it\\'s;'; # ;\nb",
                vec!["SET a = 1", "select 'it\\'s;'", "b"],
            ),
            (
                Engine::Sqlite,
                "create trigger t after insert on a begin select 1; end; c",
                vec!["create trigger t after insert on a begin select 1; end", "c"],
            ),
            (
                postgres,
                "-- +goose Up\na;\n-- +goose Down\nb;",
                vec!["-- +goose Up", "a", "-- +goose Down"],
            ),
            (postgres, "a;\r\nb;\r\n", vec!["a", "b"]),
        ] {
            assert_eq!(pieces(text, engine), expected, "{text}");
        }
    }

    #[test]
    fn what_is_broken_does_not_swallow_the_file() {
        let postgres = Engine::Postgres;
        for (engine, text) in [
            (postgres, "select 'a;\nselect 1;"),
            (postgres, "select \"a;\nselect 1;"),
            (postgres, "select $$a;\nselect 1;"),
            (postgres, "/* a;\nselect 1;"),
            (postgres, "create table t (;\nselect 1;"),
            (
                Engine::Sqlite,
                "create trigger t after insert on a begin select 2;\nselect 1;",
            ),
        ] {
            let pieces = pieces(text, engine);
            assert_eq!(pieces.last().map(String::as_str), Some("select 1"), "{text}");
            assert_eq!(pieces.len(), 2, "{text}");
        }
    }
}
