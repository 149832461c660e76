//! A constraint that the old release cannot meet.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "check-on-new-column",
    Kind::Backward,
    Severity::Unsafe,
    "A column of this release is required, and the old release does not fill it",
)
.why("NOT VALID spares the rows that exist, and binds every INSERT and UPDATE from now on. The old release does not know the column and leaves it NULL: a constraint that is false for NULL (IS NOT NULL, num_nonnulls) refuses all that it writes. One that is NULL for NULL lets it pass.")
.source("PostgreSQL manual, ALTER TABLE, NOT VALID: the constraint is enforced for subsequent inserts and updates")
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r CHECK (region IS NOT NULL) NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r NOT NULL region NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ALTER COLUMN region SET NOT NULL").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu'; ALTER TABLE orders ADD CONSTRAINT r CHECK (region IS NOT NULL) NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int; ALTER TABLE orders ADD CONSTRAINT r CHECK (num_nonnulls(a, b) = 1) NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b int; ALTER TABLE orders ADD CONSTRAINT r CHECK (a IS NOT NULL OR b IS NOT NULL) NOT VALID").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r CHECK (region <> '') NOT VALID").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r CHECK (region IS NOT NULL OR id > 5) NOT VALID").on(Engine::Postgres),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    if !site.is_used(table) {
        return;
    }
    let unfilled = |column: &Name| {
        let facts = site.schema.column(table, column);
        site.schema.is_new_column(table, column)
            && facts.is_some_and(|facts| facts.default.is_none() && !facts.generated)
    };
    let column = match action {
        TableAction::AddConstraint(Constraint {
            kind: ConstraintKind::Check(check),
            not_enforced: false,
            ..
        }) => {
            let refused = when_null(&check.text, site.engine(), &unfilled) == Truth::False;
            let facts = site.schema.table(table).filter(|_| refused);
            let columns = facts.into_iter().flat_map(|facts| facts.columns.keys());
            columns
                .filter(|column| unfilled(column) && check.names(column))
                .min()
        }
        TableAction::AddConstraint(Constraint {
            kind: ConstraintKind::NotNull(column),
            not_enforced: false,
            ..
        })
        | TableAction::SetNotNull { column } => Some(column).filter(|column| unfilled(column)),
        _ => return,
    };
    if let Some(column) = column {
        findings
            .report(located.span, format!("the old release inserts into {table} without {column}, which is new, and is refused at once"))
            .rewrite(format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT …;\n-- or the constraint in the next release, when this one fills {column}"));
    }
}
