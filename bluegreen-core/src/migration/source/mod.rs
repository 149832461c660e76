//! From text to statements, whatever the text: tokens, statements, and what comments say.

mod directive;
mod laravel;
mod lexer;
mod split;
mod token;

pub use directive::Allowance;
pub(in crate::migration) use directive::Marker;
pub(in crate::migration) use split::{Piece, PieceKind, split, split_within};
pub(in crate::migration) use token::{Token, TokenKind};

use std::ops::Range;

use serde::Serialize;

/// A part of a source text, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends: the first byte that does not belong to it.
    pub end: usize,
}

impl Span {
    /// From `start` to before `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// As the range that slices a text.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// What it covers of a text; nothing when it is not of this text.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}
