//! A value is added to an enum in a transaction.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "enum-value-in-transaction",
    Kind::Hygiene,
    Severity::Unsafe,
    "A new value of an enum cannot be used, or not be added, in a transaction",
)
.why("Before PostgreSQL 12 ALTER TYPE … ADD VALUE is refused in a transaction. Since then it runs, but the value cannot be used before the transaction ends.")
.source("PostgreSQL manual, ALTER TYPE, notes; measured on 10 to 18")
.servers(POSTGRES)
.examples(&[
    Example::bad("BEGIN; ALTER TYPE mood ADD VALUE 'happy'; COMMIT;").version(11, 0, 0),
    Example::good("BEGIN; ALTER TYPE mood ADD VALUE 'happy'; COMMIT;").version(12, 0, 0),
    Example::bad("BEGIN; ALTER TYPE mood ADD VALUE 'happy'; UPDATE people SET mood = 'happy' WHERE id = 1; COMMIT;"),
    Example::good("ALTER TYPE mood ADD VALUE 'happy'; UPDATE people SET mood = 'happy' WHERE id = 1;"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    if let Change::Type {
        name,
        action: TypeAction::AddValue { .. },
    } = &located.change
        && site.transaction.open
        && !site.server.at_least(Engine::Postgres, 12, 0, 0)
        && !site.schema.is_new_object(name)
    {
        findings.report(
            located.span,
            "the server refuses it in a transaction before version 12",
        );
        return;
    }
    let uses_rows = matches!(
        located.change,
        Change::Update { .. } | Change::Insert { .. } | Change::Delete { .. } | Change::Table { .. }
    );
    if !uses_rows || site.transaction.enum_values.is_empty() {
        return;
    }
    let written = site.source(located.span);
    // A statement with a megabyte of rows is looked through only for the first few values.
    let used = site
        .transaction
        .enum_values
        .iter()
        .take(16)
        .find(|value| written.contains(&format!("'{value}'")));
    if let Some(value) = used {
        findings.report(
            located.span,
            format!("{value:?} was added in this transaction, and cannot be used before it ends"),
        );
    }
}
