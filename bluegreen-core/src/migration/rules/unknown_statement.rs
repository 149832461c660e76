//! A statement that was not understood.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("unknown-statement", Kind::Hygiene, Severity::Unknown, "The statement was not understood")
        .why("What is not understood is refused, never taken for safe: allow it by a comment with the reason, when you know what it does.")
        .source("this crate")
        .examples(&[
            Example::bad("ALTER TABLE orders FROBNICATE note"),
            Example::bad("CREATE INDEX ON"),
            Example::bad("SELECT 'a"),
            Example::good("SELECT 1"),
        ]);

pub(super) fn change(located: &Located, _: &Site<'_>, findings: &mut Findings<'_>) {
    if let Change::Unknown { why } = &located.change {
        findings.report(located.span, why.as_str());
    }
}
