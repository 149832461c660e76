//! A constraint that the old release cannot meet.

use super::prelude::*;

pub(super) static ABOUT: About = About::new(
    "check-on-new-column",
    Kind::Backward,
    Severity::Unsafe,
    "A column of this release is required, and the old release does not fill it",
)
.why("NOT VALID spares the rows that exist, and binds every INSERT and UPDATE from now on. The old release does not know the column and leaves it NULL: a constraint that says IS NOT NULL refuses all that it writes.")
.source("PostgreSQL manual, ALTER TABLE, NOT VALID: the constraint is enforced for subsequent inserts and updates")
.right_in(&[Contract])
.examples(&[
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r CHECK (region IS NOT NULL) NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r NOT NULL region NOT VALID").on(Engine::Postgres),
    Example::bad("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ALTER COLUMN region SET NOT NULL").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu'; ALTER TABLE orders ADD CONSTRAINT r CHECK (region IS NOT NULL) NOT VALID").on(Engine::Postgres),
    Example::good("ALTER TABLE orders ADD COLUMN region text; ALTER TABLE orders ADD CONSTRAINT r CHECK (region <> '') NOT VALID").on(Engine::Postgres),
]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Table { table, action } = &located.change else {
        return;
    };
    let required: &[Name] = match action {
        TableAction::AddConstraint(Constraint {
            kind: ConstraintKind::Check(check),
            not_enforced: false,
            ..
        }) => &check.not_null,
        TableAction::AddConstraint(Constraint {
            kind: ConstraintKind::NotNull(column),
            ..
        })
        | TableAction::SetNotNull { column } => std::slice::from_ref(column),
        _ => return,
    };
    if !site.is_used(table) {
        return;
    }
    let unfilled = required.iter().find(|column| {
        site.schema.is_new_column(table, column)
            && site
                .schema
                .column(table, column)
                .is_some_and(|facts| facts.default.is_none() && !facts.generated)
    });
    if let Some(column) = unfilled {
        findings
            .report(located.span, format!("the old release inserts into {table} without {column}, which is new, and is refused at once"))
            .rewrite(format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT …;\n-- or the constraint in the next release, when this one fills {column}"));
    }
}
