//! A new column that the old release does not fill.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "required-column",
    Kind::Backward,
    Severity::Unsafe,
    "A new column is NOT NULL and has no default",
)
.why("Every INSERT of the old release fails: it does not know the column. Where the table has rows, the migration itself fails, or fills in a value that nobody chose (MySQL).")
.source("PostgreSQL manual, ALTER TABLE, ADD COLUMN; MySQL manual, implicit defaults")
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN region text NOT NULL"),
    Example::bad("ALTER TABLE orders ADD COLUMN (a int NOT NULL, b int)").on(Engine::Mysql),
    Example::bad("ALTER TABLE orders ADD COLUMN region text NOT NULL DEFAULT NULL").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text NOT NULL DEFAULT 'eu'"),
    Example::good("ALTER TABLE orders ADD COLUMN region text"),
    Example::good("CREATE TABLE orders (id int); ALTER TABLE orders ADD COLUMN region text NOT NULL"),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table {
        table,
        action: TableAction::AddColumn { column, .. },
    } = &located.change
    else {
        return;
    };
    let given = column.default.as_ref().is_some_and(|default| !default.is_null())
        || column.generated.is_some()
        || column.kind.is_serial();
    if column.not_null && !given && site.is_used(table) {
        findings
            .report(located.span, format!("the old release inserts into {table} without {}, and is refused", column.name))
            .rewrite(format!("ALTER TABLE {table} ADD COLUMN {0} {1};\n-- or with a default; NOT NULL when every release fills it", column.name, column.kind));
    }
}
