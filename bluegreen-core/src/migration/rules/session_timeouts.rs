//! A script that limits the wait for locks and nothing else.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "session-timeouts",
    Kind::Hygiene,
    Severity::Off,
    "Nobody said how long a statement may run, or a transaction be idle",
)
.why("A statement that runs away holds its locks until somebody notices; so does a transaction whose client has hung. statement_timeout and idle_in_transaction_session_timeout end them. The runner of this project sets both, so that the rule is off by default.")
.source("PostgreSQL manual, client connection defaults")
.servers(POSTGRES)
.examples(&[
    Example::bad("SET lock_timeout = '2s'; ALTER TABLE orders ADD COLUMN note text"),
    Example::good("SET lock_timeout = '2s'; SET statement_timeout = '10min'; ALTER TABLE orders ADD COLUMN note text"),
    Example::good("ALTER TABLE orders ADD COLUMN note text"),
]);

/// Where a session is set up.
const NEAR: usize = 16;

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Set { name, .. } = &located.change else {
        return;
    };
    if name != "lock_timeout" {
        return;
    }
    let begin = site.at.saturating_sub(NEAR);
    let around = site.script.iter().skip(begin).take(2 * NEAR);
    let mut changes = around.flat_map(|statement| &statement.changes);
    let limited = changes.any(|located| {
        matches!(&located.change, Change::Set { name, .. } if name == "statement_timeout" || name == "transaction_timeout")
    });
    if !limited {
        findings
            .report(located.span, "a statement may run for ever once it has its lock")
            .rewrite("SET statement_timeout = '10min';\nSET idle_in_transaction_session_timeout = '1min';");
    }
}
