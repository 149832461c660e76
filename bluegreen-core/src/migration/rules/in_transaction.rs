//! What cannot run in a transaction.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "in-transaction",
    Kind::Hygiene,
    Severity::Unsafe,
    "It cannot run inside a transaction",
)
.why("Whatever works in several transactions of its own (CONCURRENTLY, VACUUM, CREATE DATABASE) refuses to run in one: the migration fails there, and nothing after it runs.")
.source("PostgreSQL's source, PreventInTransactionBlock")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; CREATE INDEX CONCURRENTLY a ON orders (day); COMMIT;"),
    Example::bad("BEGIN; DROP INDEX CONCURRENTLY a; COMMIT;"),
    Example::bad("BEGIN; VACUUM orders; COMMIT;"),
    Example::bad("-- +goose Up\nCREATE INDEX CONCURRENTLY a ON orders (day);"),
    Example::good("-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;"),
    Example::good("BEGIN; SELECT 1; COMMIT; CREATE INDEX CONCURRENTLY a ON orders (day);"),
    Example::good("BEGIN; REFRESH MATERIALIZED VIEW CONCURRENTLY days; COMMIT;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    if !site.transaction.open {
        return;
    }
    let refuses = match &located.change {
        Change::CreateIndex(index) => index.concurrently,
        Change::DropIndex { concurrently, .. }
        | Change::Reindex { concurrently, .. }
        | Change::Table {
            action: TableAction::DetachPartition { concurrently, .. },
            ..
        } => *concurrently,
        Change::Vacuum { .. } => !site
            .source(located.span)
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("analy"),
        Change::Create {
            kind: ObjectKind::Database,
            ..
        }
        | Change::Drop {
            kind: ObjectKind::Database,
            ..
        } => true,
        _ => false,
    };
    if refuses {
        let who = if site.transaction.explicit {
            "the script has begun one"
        } else {
            "the tool wraps the file in one"
        };
        findings.report(
            located.span,
            format!("the server refuses it in a transaction, and {who}"),
        );
    }
}
