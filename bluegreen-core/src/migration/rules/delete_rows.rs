//! Every row of a table is deleted.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "delete-rows",
    Kind::DataLoss,
    Severity::Unsafe,
    "Every row of a table is deleted",
)
.why("What the old release wrote is gone, also after a rollback. TRUNCATE takes ACCESS EXCLUSIVE besides.")
.source("PostgreSQL manual, TRUNCATE, DELETE")
.right_in(&[Contract])
.examples(&[
    Example::bad("DELETE FROM orders"),
    Example::bad("DELETE FROM orders WHERE 1 = 1"),
    Example::bad("TRUNCATE TABLE orders").on(Engine::Postgres),
    Example::bad("TRUNCATE orders").on(Engine::Mysql),
    Example::good("DELETE FROM orders WHERE id = 1"),
    Example::good("CREATE TABLE regions (name text); DELETE FROM regions"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let (table, all) = match &located.change {
        Change::Delete {
            table,
            filter,
            limited,
        } => (
            table,
            !limited && filter.as_ref().is_none_or(|filter| always(&filter.text)),
        ),
        Change::Truncate { table, .. } => (table, true),
        _ => return,
    };
    if all && site.has_rows_of_others(table) {
        findings
            .report(
                located.span,
                format!("the rows of {table} are lost for both releases"),
            )
            .hold(site.holds(&located.change).into_iter().next());
    }
}

/// Whether a condition is always true.
pub(super) fn always(condition: &str) -> bool {
    let bare: String = condition
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')'))
        .collect();
    matches!(
        bare.to_ascii_lowercase().as_str(),
        "true" | "1" | "1=1" | "'t'" | "0=0"
    )
}
