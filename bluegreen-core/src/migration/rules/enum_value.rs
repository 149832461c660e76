//! The values of an enum or the parts of a type change.

use super::prelude::*;

pub(super) static ABOUT: About =
    About::new("enum-value", Kind::Backward, Severity::Unsafe, "A value or a part of a type that is in use changes")
        .why("The old release writes the old name of the value, which no longer exists, and reads a name that it does not know.")
        .source("PostgreSQL manual, ALTER TYPE")
        .servers(POSTGRES)
        .examples(&[
            Example::bad("ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'"),
            Example::bad("ALTER TYPE address DROP ATTRIBUTE street"),
            Example::good("ALTER TYPE mood ADD VALUE 'happy'"),
        ]);

pub(super) fn change(located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
    let Change::Type { name, action } = &located.change else {
        return;
    };
    if site.schema.is_new_object(name) {
        return;
    }
    match action {
        TypeAction::RenameValue { from } => {
            findings.report(
                located.span,
                format!("the old release still writes and reads {from:?}"),
            );
        }
        TypeAction::AlterAttribute { adds_only: false } => {
            findings.report(
                located.span,
                format!("the old release still uses {name} as it was"),
            );
        }
        _ => {}
    }
}
