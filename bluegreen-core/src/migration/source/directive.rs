//! What comments tell: a rule that is switched off for a statement, and the markers of migration tools.

use serde::Serialize;

use super::Span;

/// A comment that switches rules off for the statement that it stands before or in, with the reason.
///
/// ```sql
/// -- bluegreen:allow drop-column: nobody has read it since 1.3
/// ALTER TABLE orders DROP COLUMN note;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// The rules, by id.
    pub rules: Vec<String>,
    /// Why; without a reason the comment has no effect.
    pub reason: String,
    /// Where the comment stands.
    pub span: Span,
}

/// What a migration tool's comment tells about the statements that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::migration) enum Marker {
    /// What follows is the migration; whether the tool wraps it in a transaction.
    Up {
        /// In a transaction that the tool begins and commits.
        transaction: bool,
    },
    /// What follows takes the migration back, and does not run now.
    Down,
    /// The tool does not wrap the file in a transaction.
    NoTransaction,
}

/// What a comment tells us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    Allow(Allowance),
    Marker(Marker),
    /// `;` does not end statements until the end is told (goose, sql-migrate).
    StatementBegin,
    StatementEnd,
}

/// Comments of the migration tools, as they begin, in lower case and without the comment's marks.
const MARKERS: &[(&str, Marker)] = &[
    ("+goose up", Marker::Up { transaction: true }),
    ("+goose down", Marker::Down),
    ("+goose no transaction", Marker::NoTransaction),
    ("+migrate up notransaction", Marker::Up { transaction: false }),
    ("+migrate up", Marker::Up { transaction: true }),
    ("+migrate down", Marker::Down),
    ("+micrate up", Marker::Up { transaction: true }),
    ("+micrate down", Marker::Down),
    ("migrate:up transaction:false", Marker::Up { transaction: false }),
    ("migrate:up", Marker::Up { transaction: true }),
    ("migrate:down", Marker::Down),
    ("up migration", Marker::Up { transaction: true }),
    ("down migration", Marker::Down),
    ("!ups", Marker::Up { transaction: true }),
    ("!downs", Marker::Down),
    ("no-transaction", Marker::NoTransaction),
    ("atlas:txmode none", Marker::NoTransaction),
];

impl Directive {
    pub(super) fn read(text: &str, span: Span) -> Option<Self> {
        let comment = span.of(text);
        // Most comments are prose: look closer only at those that can be for us.
        let inside = comment
            .trim_start_matches(['-', '#', '/', '*', '!'])
            .trim_end_matches(['*', '/'])
            .trim()
            .trim_start_matches("--- ");
        if let Some(allowed) = inside.strip_prefix("bluegreen:allow") {
            let (rules, reason) = allowed.split_once(':').unwrap_or((allowed, ""));
            let rules = rules
                .split([',', ' '])
                .filter(|rule| !rule.is_empty())
                .map(str::to_owned)
                .collect();
            return Some(Self::Allow(Allowance {
                rules,
                reason: reason.trim().to_owned(),
                span,
            }));
        }
        let mut inside = inside
            .get(..inside.len().min(40))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if comment.starts_with('#') || comment.contains("--- !") {
            inside = inside.trim_start_matches(['-', ' ']).to_owned();
        }
        if inside.ends_with("statementbegin") {
            return Some(Self::StatementBegin);
        }
        if inside.ends_with("statementend") {
            return Some(Self::StatementEnd);
        }
        if comment.contains("!Ups") {
            "!ups".clone_into(&mut inside);
        } else if comment.contains("!Downs") {
            "!downs".clone_into(&mut inside);
        }
        MARKERS
            .iter()
            .find(|(begin, _)| inside.starts_with(begin))
            .map(|(_, marker)| Self::Marker(*marker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_names_rules_and_a_reason() {
        let text = "-- bluegreen:allow drop-column, drop-table: gone since 1.3: see the release notes";
        let Some(Directive::Allow(allowance)) = Directive::read(text, Span::new(0, text.len())) else {
            panic!("not read")
        };
        assert_eq!(allowance.rules, ["drop-column", "drop-table"]);
        assert_eq!(allowance.reason, "gone since 1.3: see the release notes");
    }

    #[test]
    fn the_markers_of_the_tools_are_known() {
        let up = Some(Directive::Marker(Marker::Up { transaction: true }));
        for (comment, read) in [
            ("-- +goose Up", up.clone()),
            ("-- +goose Down", Some(Directive::Marker(Marker::Down))),
            (
                "-- migrate:up transaction:false",
                Some(Directive::Marker(Marker::Up { transaction: false })),
            ),
            ("-- migrate:down", Some(Directive::Marker(Marker::Down))),
            ("-- Up Migration", up.clone()),
            ("# --- !Ups", up),
            ("# --- !Downs", Some(Directive::Marker(Marker::Down))),
            ("-- +goose StatementBegin", Some(Directive::StatementBegin)),
            (
                "-- no-transaction",
                Some(Directive::Marker(Marker::NoTransaction)),
            ),
            ("-- the users", None),
            ("/* a\n * comment */", None),
        ] {
            assert_eq!(
                Directive::read(comment, Span::new(0, comment.len())),
                read,
                "{comment}"
            );
        }
    }
}
