//! The words of SQL, with where they stand.

use super::Span;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes: `"a"`, `` `a` ``, `[a]` in SQLite.
    Quoted,
    /// A text in quotes of any kind, dollar quotes too.
    Text,
    /// A number.
    Number,
    /// A placeholder: `$1`, `?`, `:name`, `@variable`.
    Placeholder,
    /// One character of punctuation or of an operator.
    Symbol(u8),
    /// Something that no server would read; why.
    Broken(&'static str),
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where.
    pub span: Span,
}

impl Token {
    /// Whether it is this word, in any case, without quotes.
    pub(in crate::migration) fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.span.of(source).eq_ignore_ascii_case(word)
    }

    /// Whether it is this character of punctuation.
    pub(in crate::migration) fn is_symbol(self, symbol: u8) -> bool {
        self.kind == TokenKind::Symbol(symbol)
    }
}
